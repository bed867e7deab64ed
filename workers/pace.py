"""Measures how fast this process works; held by its resources, saved with its results.

Called by indexing and re-indexing; the forecast of a re-index reads what is saved.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from threading import Lock

from sqlalchemy.orm import Session

from catalog.rates import note_rate
from catalog.tables import Work

_Key = tuple[Work, str]

_LEAST = 8
"""Fewer than these say more about a start than about a rate."""


@dataclass
class Pace:
    """What was done since the last save, and in how many seconds; threads share it."""

    _counts: dict[_Key, int] = field(default_factory=lambda: defaultdict(int))
    _seconds: dict[_Key, float] = field(default_factory=lambda: defaultdict(float))
    _lock: Lock = field(default_factory=Lock)

    def note(self, work: Work, count: int, seconds: float, checkpoint: str = "") -> None:
        """So many were done in so many seconds."""
        with self._lock:
            self._counts[work, checkpoint] += count
            self._seconds[work, checkpoint] += seconds

    def save(self, session: Session) -> None:
        """Add what was measured to the rates in the database. Doesn't commit."""
        for (work, checkpoint), count, seconds in self._take():
            note_rate(session, work, count, seconds, checkpoint)

    def _take(self) -> list[tuple[_Key, int, float]]:
        """What says something about a rate; the rest is kept until more has come."""
        with self._lock:
            enough = sorted(key for key, count in self._counts.items() if count >= _LEAST)
            return [(key, self._counts.pop(key), self._seconds.pop(key)) for key in enough]
