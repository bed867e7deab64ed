"""How fast photos are indexed, crops embedded and vectors sent: measured by who does it.

Written by the workers, read by the forecast of a re-index.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.tables import Work, WorkRate

_MEMORY_S = 600.0


@dataclass(frozen=True)
class Rate:
    """So many a second of one kind of work, with one checkpoint."""

    work: Work
    checkpoint: str
    per_second: float
    measured_at: datetime


def note_rate(
    session: Session, work: Work, count: int, seconds: float, checkpoint: str = ""
) -> None:
    """One measurement more; after ten minutes of work the older ones count half. Doesn't commit."""
    if count <= 0 or seconds <= 0:
        return
    statement = insert(WorkRate).values(
        work=work, checkpoint=checkpoint, count=count, seconds=seconds
    )
    kept = case((WorkRate.seconds > _MEMORY_S, 0.5), else_=1.0)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[WorkRate.work, WorkRate.checkpoint],
            set_={
                "count": WorkRate.count * kept + statement.excluded.count,
                "seconds": WorkRate.seconds * kept + statement.excluded.seconds,
                "measured_at": func.now(),
            },
        )
    )


Rates = Mapping[tuple[Work, str], Rate]


def load_rates(session: Session) -> Rates:
    """All that was measured, by work and checkpoint."""
    rows = session.scalars(select(WorkRate))
    return {
        (row.work, row.checkpoint): Rate(
            row.work, row.checkpoint, row.count / row.seconds, row.measured_at
        )
        for row in rows
    }
