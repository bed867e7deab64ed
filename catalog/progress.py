"""How fast a job goes and how long it still takes, from its own last minutes.

Written with each heartbeat by `catalog.jobs`, read by the pages and the API.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, case, cast, func, literal_column
from sqlalchemy.dialects.postgresql import JSONB

from catalog.tables import Job, JobState

_EVERY_S = 2.0
_WINDOW_S = 120.0
_SILENT_S = 90.0
"""A job that has not been heard of for so long may stand still: nobody can say how long it takes.
"""


@dataclass(frozen=True)
class Progress:
    """Where a job is. `per_second` and `seconds_left` are None where nothing can be said."""

    done: int
    total: int | None
    elapsed_s: float
    per_second: float | None
    seconds_left: float | None
    silent_s: float | None = None
    """For how long nothing has been heard of it; None while that is normal."""

    @property
    def share(self) -> float | None:
        return min(1.0, self.done / self.total) if self.total else None


def with_sample(done: int) -> ColumnElement[Any]:
    """The job's last samples and this one, unless the last is very young."""
    now = func.extract("epoch", func.clock_timestamp())
    last = cast(Job.recent[-1][0].astext, Float)
    kept = func.jsonb_path_query_array(
        Job.recent, literal_column("'$[last - 28 to last]'::jsonpath"), type_=JSONB
    )
    sample = func.jsonb_build_array(func.jsonb_build_array(cast(now, Float), done), type_=JSONB)
    young = func.coalesce(last, 0.0) > cast(now, Float) - _EVERY_S
    return case((young, Job.recent), else_=kept.op("||")(sample))


def progress_of(job: Job, now: datetime | None = None) -> Progress:
    """Of a job that runs: by its last minutes. Of one that is over: on the whole."""
    now = now or datetime.now(UTC)
    elapsed_s = ((job.finished_at or now) - job.created_at).total_seconds()
    if job.state is not JobState.RUNNING:
        over = job.finished_at is not None and elapsed_s > 0 and job.done > 0
        rate = job.done / elapsed_s if over else None
        return Progress(job.done, job.total, elapsed_s, rate, None)
    heard = job.heartbeat_at or job.created_at
    silent_s = (now - heard).total_seconds()
    if silent_s > _SILENT_S:
        return Progress(job.done, job.total, elapsed_s, None, None, silent_s)
    rate = rate_of(job.recent)
    left = None if rate is None or job.total is None else max(0, job.total - job.done) / rate
    return Progress(job.done, job.total, elapsed_s, rate, left)


def rate_of(samples: Sequence[Sequence[float]]) -> float | None:
    """How many a second between the first sample of the last two minutes and the last one."""
    if len(samples) < 2:
        return None
    last_s, last = samples[-1]
    # Slow work leaves few samples: the last two always count.
    window = [sample for sample in samples[:-1] if sample[0] >= last_s - _WINDOW_S] or [samples[-2]]
    first_s, first = window[0]
    return (last - first) / (last_s - first_s) if last > first and last_s > first_s else None
