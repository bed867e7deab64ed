"""Runs the Edge server until it is told to stop: python -m stack.edge --path DIR --port N.

The supervisor and the tests start this as a child process.
"""

import logging
import signal
import sys
import threading
from pathlib import Path

import click

from stack.edge.errors import RefusedError
from stack.edge.server import EdgeServer
from stack.edge.shards import Collections


@click.command()
@click.option("--path", type=click.Path(path_type=Path), required=True, help="Folder of the data.")
@click.option("--port", type=int, required=True)
@click.option("--host", default="127.0.0.1", show_default=True)
def main(path: Path, port: int, host: str) -> None:
    """Serve Qdrant Edge under the part of Qdrant's REST interface that Lookalike uses."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        collections = Collections(path)
    except RefusedError as error:
        sys.exit(str(error))
    server = EdgeServer((host, port), collections)
    for number in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for serve_forever, which runs in this very thread.
        signal.signal(
            number, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start()
        )
    logging.info("serving %s at http://%s:%d", path, host, server.server_port)
    server.serve_forever()
    server.close()


if __name__ == "__main__":
    main()
