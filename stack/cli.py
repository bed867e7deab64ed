"""The commands `up`, `demo` and `status`; lookalike.py hangs COMMANDS into its tree."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stack.state import default_home, find_state, is_running

if TYPE_CHECKING:
    from stack.local import LocalStack

_INTERRUPTED = 130

_home_option = click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where data, logs and state are kept.  [default: $LOOKALIKE_HOME or .lookalike]",
)
_port_option = click.option("--port", type=click.IntRange(1, 65535), help="Port of the web app.")


@click.command()
@_home_option
@_port_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
def up(home: Path | None, port: int | None, host: str) -> None:
    """Start everything on this machine and keep it running until Ctrl-C.

    DATABASE_URL, REDIS_URL or QDRANT_URL in the environment are used instead of the embedded
    server.
    """
    from stack.local import local_stack

    with (
        _until_interrupted(),
        local_stack(home or default_home(), _tell, host, port) as stack,
    ):
        _serve(stack)


@click.command()
@_home_option
@_port_option
@click.option(
    "--catalog",
    "feed",
    type=click.Path(exists=True, path_type=Path),
    help="A feed file or a folder of photos.  [default: a drawn catalog]",
)
@click.option("--once", is_flag=True, help="Check the answers, stop everything and end.")
def demo(home: Path | None, port: int | None, feed: Path | None, once: bool) -> None:
    """Start everything, ingest a catalog, show what was found, and serve it until Ctrl-C.

    With --once it uses free ports and, unless --home is given, a temporary home; it ends with 0
    when the pages and the answers are right.
    """
    from rich.console import Console

    from stack.api import Product
    from stack.demo import show_catalog
    from stack.local import choose_port, local_stack
    from stack.once import check_product
    from stack.processes import free_port
    from stack.report import find_examples, print_report

    console = Console()
    with ExitStack() as exits:
        if once:
            port = port or free_port()
            home = home or Path(exits.enter_context(_temporary_home()))
        exits.enter_context(_until_interrupted())
        port = choose_port(port)
        stack = exits.enter_context(
            local_stack(home or default_home(), _tell, port=port, environ=_open_to_itself(port))
        )
        shown = show_catalog(stack, feed, console)
        product = Product(stack)
        exits.callback(product.close)
        examples = find_examples(product, shown.catalog)
        print_report(console, shown, examples)
        if once:
            for line in check_product(product, shown, examples):
                click.secho(f"ok: {line}", fg="green")
            return
        click.echo(f"A shop's page with similar items: {stack.url}/embed/example")
        _serve(stack)


@click.command()
@_home_option
def status(home: Path | None) -> None:
    """Show what runs here and where; ends with 1 when nothing does."""
    home = home or default_home()
    state = find_state(home)
    if state is None or not is_running(home):
        click.echo(f"Nothing runs in {home}. Start it with: lookalike up")
        raise SystemExit(1)
    click.echo(state.url)
    for name, pid in state.pids.items():
        click.echo(f"  {name:20} pid {pid}")
    click.echo(f"Logs: {home / 'logs'}")


COMMANDS = {"up": up, "demo": demo, "status": status}


def _open_to_itself(port: int) -> dict[str, str]:
    """The environment of a demo: its own address is a shop's, and may receive webhooks."""
    address = f"http://127.0.0.1:{port}"
    return {"EMBED_ORIGINS": address, "WEBHOOK_PRIVATE_ADDRESSES": "true"} | dict(os.environ)


def _serve(stack: "LocalStack") -> None:
    """Say where it is, then keep it running; Ctrl-C is the normal end."""
    click.secho(f"\nLookalike: {stack.url}", bold=True)
    click.echo(f"Admin, once: {stack.make_admin_link()}")
    click.echo("Ctrl-C stops everything.")
    with suppress(KeyboardInterrupt):
        stack.serve()


def _tell(line: str) -> None:
    from datetime import datetime

    click.secho(f"{datetime.now():%H:%M:%S} {line}", dim=True, err=True)


@contextmanager
def _temporary_home() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="lookalike-demo-") as home:
        yield home


@contextmanager
def _until_interrupted() -> Iterator[None]:
    """SIGTERM and a closed terminal end us as Ctrl-C does; while we stop, no further one counts."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    former: dict[signal.Signals, Callable[..., object] | int | None] = {}

    def interrupt(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        former[number] = signal.signal(number, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
