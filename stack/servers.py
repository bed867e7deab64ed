"""The embedded servers in one place: Postgres, Valkey and the Edge server for vectors.

Started by the supervisor and by the tests' fixtures.
"""

import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from stack.postgres import start_postgres
from stack.processes import Program, Server, start_program
from stack.valkey import start_valkey

__all__ = ["edge_program", "start_edge", "start_postgres", "start_valkey"]


def start_edge(data_dir: Path, port: int) -> Server:
    """Start the vector server over `data_dir`, return when it answers."""
    program = edge_program(data_dir, port)
    return Server(program, start_program(program), f"http://127.0.0.1:{port}")


def edge_program(data_dir: Path, port: int) -> Program:
    """Qdrant Edge behind the part of Qdrant's REST interface that we use."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Program(
        name="edge",
        command=(
            *(sys.executable, "-m", "stack.edge"),
            *("--path", str(data_dir), "--port", str(port)),
        ),
        log=data_dir.parent / "edge.log",
        ready=lambda: answers_http("127.0.0.1", port, "/readyz"),
        folder=data_dir,
    )


def answers_http(host: str, port: int, path: str) -> bool:
    """Whether a GET of `path` succeeds now; cheap, because it is asked often."""
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
