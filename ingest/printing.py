"""What the merchandiser sees: the progress bar, the table of rejected rows, the counts.

Used by the CLI.
"""

import csv
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from ingest.errors import FeedError, RowError
from ingest.report import Report
from lookalike_client.answers import CatalogStatus

SHOWN_REJECTS = 50
SHOWN_FAILURES = 20


class RejectsFile(AbstractContextManager["RejectsFile"]):
    """A CSV file of all rejected rows, written as they come; without a path it does nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> "RejectsFile":
        if self._path:
            try:
                self._file = self._path.open("w", newline="", encoding="utf-8")
            except OSError as error:
                reason = f"can't be written: {error.strerror}"
                raise FeedError(
                    str(self._path), reason, "Name another file for --rejects"
                ) from error
            csv.writer(self._file).writerow(["file", "line", "sku", "reason", "remedy"])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file:
            self._file.close()

    def write(self, error: RowError) -> None:
        if self._file:
            row = [error.path, error.line or "", error.sku or "", error.reason, error.remedy]
            csv.writer(self._file).writerow(row)


class BarProgress:
    """Progress as a bar over the feed's rows, with the photos sent and rows rejected beside it."""

    def __init__(self, console: Console, total_rows: int, rejects: RejectsFile) -> None:
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[photos]} photos sent, {task.fields[rejected]} rejected"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("Rows", total=total_rows, photos=0, rejected=0)
        self._rejects = rejects
        self._photos = self._rejected = 0

    def __enter__(self) -> "BarProgress":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self, rows: int) -> None:
        self._bar.advance(self._task, rows)

    def photo_sent(self, size_bytes: int) -> None:
        self._photos += 1
        self._bar.update(self._task, photos=self._photos)

    def rejected(self, error: RowError) -> None:
        self._rejected += 1
        self._rejects.write(error)
        self._bar.update(self._task, rejected=self._rejected)


def print_rejects(console: Console, report: Report, rejects_file: Path | None) -> None:
    """A table of the first rejected rows: where, why, and what to do about it."""
    if not report.rejected:
        return
    table = Table(title="Rejected rows", title_justify="left")
    for heading in ("Where", "Sku", "Reason", "Remedy"):
        table.add_column(heading, overflow="fold")
    for error in report.rejects[:SHOWN_REJECTS]:
        where = Path(error.path).name if error.line is None else f"line {error.line}"
        cells = (where, error.sku or "", error.reason, error.remedy)
        table.add_row(*(escape(cell) for cell in cells))
    console.print(table)
    if report.rejected > SHOWN_REJECTS:
        hint = f"all are in {rejects_file}" if rejects_file else "--rejects FILE writes all"
        console.print(f"... and {report.rejected - SHOWN_REJECTS} more ({escape(hint)})")


def print_report(console: Console, report: Report, dry_run: bool) -> None:
    """The counts of an ingest, or of what one would do."""
    counts = ", ".join(f"{count} {name}" for name, count in sorted(report.results.items()))
    console.print(f"Rows: {counts or 'none taken'}, {report.rejected} rejected")
    for reason, count in sorted(report.left_out.items()):
        console.print(f"Left out: {count}, because {escape(reason)}")
    if dry_run:
        console.print(f"Photos: {report.photos_to_send} of {report.photos_named} would be sent")
        console.print("Nothing was changed: this was a dry run.")
        return
    size = report.bytes_sent / 2**20
    console.print(
        f"Photos: {report.photos_sent} of {report.photos_named} sent ({size:.1f} MiB), "
        "the server had the others"
    )
    if report.pruned is not None:
        console.print(f"Pruned: {report.pruned} items that are no longer in the feed")
    if report.prune_refused:
        console.print(f"[bold red]Nothing was pruned:[/] {escape(report.prune_refused)}.")


def print_status(console: Console, catalog: str, status: CatalogStatus) -> None:
    """How a catalog stands once its photos are through: counts and the photos that failed."""
    photos = ", ".join(f"{count} {state}" for state, count in status.photos.items() if count)
    console.print(f"{escape(catalog)}: {status.items} items; photos: {photos or 'none'}")
    if status.garments:
        console.print(f"Garments: {_by_count(status.garments)}")
    if not status.failures:
        return
    table = Table(title="Photos that failed", title_justify="left")
    for heading in ("Photo", "Items", "Reason"):
        table.add_column(heading, overflow="fold")
    for failure in status.failures[:SHOWN_FAILURES]:
        skus = ", ".join(failure.skus)
        table.add_row(failure.sha256[:12], escape(skus), escape(failure.reason or ""))
    console.print(table)
    if (more := status.photos.get("failed", 0) - len(table.rows)) > 0:
        console.print(f"... and {more} more: the admin page lists them all.")


def _by_count(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{count} {name}" for name, count in ranked)
