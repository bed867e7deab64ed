"""`make demo`: a catalog becomes searchable before the newcomer's eyes.

Everything goes the way that a shop's own catalog goes: the ingest command, the web API, the
workers. Called by `lookalike demo`.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from catalog.errors import InputError
from catalog.names import name_after
from stack.api import AwayError, Product
from stack.children import run_lookalike, show_lookalike
from stack.local import LocalStack
from stack.processes import StartError

_ASK_EVERY_S = 0.5
_SAY_EVERY_S = 15.0
_STALLED_S = 900.0
_SOME_ROWS_REJECTED = 1


@dataclass(frozen=True)
class Shown:
    """What the demo has brought in."""

    catalog: str
    status: dict[str, Any]
    seconds: float


def show_catalog(stack: LocalStack, feed: Path | None, console: Console) -> Shown:
    """Ingest `feed` (a drawn catalog without one) and wait until all its photos are seen.

    Raises InputError when the feed can't be read, StartError when the workers can't work.
    """
    began = time.monotonic()
    path = feed or _draw(stack, console)
    catalog = "sample" if feed is None else name_after(feed)
    code = show_lookalike(
        ("ingest", str(path), "--catalog", catalog, "--home", str(stack.home)),
        stack.environment,
        stack.check,
    )
    if code not in (0, _SOME_ROWS_REJECTED):
        raise InputError(f"{path} could not be ingested (exit code {code})")
    product = Product(stack)
    try:
        status = _wait(stack, product, catalog, console)
    finally:
        product.close()
    return Shown(catalog, status, time.monotonic() - began)


def _draw(stack: LocalStack, console: Console) -> Path:
    folder = stack.home / "sample"
    with console.status("Drawing the sample catalog"):
        run_lookalike(("sample", str(folder)), stack.environment)
    return folder / "feed.csv"


def _wait(stack: LocalStack, product: Product, catalog: str, console: Console) -> dict[str, Any]:
    """Show how far the workers are until nothing is left to do; returns the last status."""
    status: dict[str, Any] = {}
    said_at = time.monotonic()
    with Progress(
        TextColumn("Looking at the photos"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[garments]} garments"),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        bar = progress.add_task("", total=None, garments=0)
        for status in _watch(stack, product, catalog):
            total, done, found = _count(status)
            progress.update(bar, total=total, completed=done, garments=found)
            # A log has no moving bar, and silence looks like a standstill.
            if not console.is_terminal and time.monotonic() - said_at > _SAY_EVERY_S:
                console.print(f"{done} of {total} photos, {found} garments")
                said_at = time.monotonic()
    return status


def _watch(stack: LocalStack, product: Product, catalog: str) -> Iterator[dict[str, Any]]:
    """The catalog's status again and again until all is done, keeping the stack alive meanwhile."""
    last_change, seen = time.monotonic(), (0, 0, 0)
    while True:
        stack.check()
        status = _ask(product, catalog)
        if status is not None:
            yield status
            total, done, _ = counts = _count(status)
            if done == total and not status["behind"]:
                return
            if counts != seen:
                last_change, seen = time.monotonic(), counts
        _give_up_if_hopeless(stack, time.monotonic() - last_change)
        time.sleep(_ASK_EVERY_S)


def _ask(product: Product, catalog: str) -> dict[str, Any] | None:
    """The catalog's status; None while the web process is being restarted."""
    try:
        return product.get_status(catalog)
    except AwayError:
        return None


def _count(status: dict[str, Any]) -> tuple[int, int, int]:
    """Photos, those of them that are done, garments."""
    photos: dict[str, int] = status["photos"]
    done = photos.get("indexed", 0) + photos.get("failed", 0)
    return sum(photos.values()), done, sum(status["garments"].values())


def _give_up_if_hopeless(stack: LocalStack, idle_s: float) -> None:
    hopeless = stack.supervisor.find_hopeless()
    if hopeless is not None:
        raise StartError(hopeless.name, "dies again and again", hopeless.log)
    if idle_s > _STALLED_S:
        log = stack.home / "logs" / "worker-bulk.log"
        raise StartError("worker-bulk", f"no progress for {idle_s:.0f} s", log)
