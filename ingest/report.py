"""What an ingest did, as counts and the rejected rows.

Filled by `ingest.upload`, printed by the CLI.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

from ingest.errors import RowError

MAX_KEPT_REJECTS = 200
MAX_TOLD_REJECTS = 50
"""So many of them the server is told of, for the page of the job."""


class Progress(Protocol):
    """What is told while an ingest runs; the CLI draws it."""

    def advance(self, rows: int) -> None:
        """So many more rows of the feed are done with, in whatever way."""

    def photo_sent(self, size_bytes: int) -> None:
        """One photo went to the server."""

    def rejected(self, error: RowError) -> None:
        """One row was rejected."""


class NullProgress:
    """Progress for who does not look."""

    def advance(self, rows: int) -> None: ...

    def photo_sent(self, size_bytes: int) -> None: ...

    def rejected(self, error: RowError) -> None: ...


@dataclass
class Report:
    """Counts of one ingest. Only the first MAX_KEPT_REJECTS rejected rows are kept whole."""

    results: Counter[str] = field(default_factory=Counter)
    """created, updated, unchanged; in a dry run: valid."""
    rejected: int = 0
    rejects: list[RowError] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """Reason -> how many rows the feed itself keeps off the shop's pages."""
    photos_named: int = 0
    photos_sent: int = 0
    bytes_sent: int = 0
    photos_to_send: int = 0
    """Only in a dry run."""
    pruned: int | None = None
    prune_refused: str | None = None
    nameless_rejects: int = 0
    """Rejected rows whose sku is unknown: with any, nothing may be pruned."""

    def reject(self, error: RowError) -> None:
        self.rejected += 1
        self.nameless_rejects += error.sku is None
        if len(self.rejects) < MAX_KEPT_REJECTS:
            self.rejects.append(error)

    def to_json(self) -> dict[str, Any]:
        """The counts and the first rejected rows, as the job on the server keeps them."""
        return {
            **self.results,
            "rejected": self.rejected,
            "left_out": self.left_out.total(),
            "photos_sent": self.photos_sent,
            "bytes_sent": self.bytes_sent,
            "rejected_rows": [_reject_json(each) for each in self.rejects[:MAX_TOLD_REJECTS]],
        }


def _reject_json(error: RowError) -> dict[str, Any]:
    words = {"reason": error.reason, "remedy": error.remedy}
    return {"line": error.line, "sku": error.sku} | words
