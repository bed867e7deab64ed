"""Background jobs that are no re-indexes: starts them; wakes all jobs whose worker is gone.

Called by the pages, the API, the command and the sweep. Each function commits.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.errors import QueueUnavailableError
from catalog.jobs import OPEN_STATES, start_job
from catalog.queue import RUN_JOB, RUN_REINDEX, TaskQueue
from catalog.tables import Job, JobKind

BACKGROUND_KINDS = (JobKind.AUDIT, JobKind.MAP)
_TASKS = dict.fromkeys(BACKGROUND_KINDS, RUN_JOB) | {JobKind.REINDEX: RUN_REINDEX}

_log = logging.getLogger(__name__)


def start_background_job(
    session: Session,
    queue: TaskQueue,
    kind: JobKind,
    parameters: Mapping[str, Any] | None = None,
) -> Job:
    """Start a job of one of `BACKGROUND_KINDS`; raises ConflictError while one of its kind is open.

    With the broker away the job waits for the sweep.
    """
    job = start_job(session, kind, parameters=parameters)
    session.commit()
    try:
        queue.enqueue(RUN_JOB, str(job.id))
    except QueueUnavailableError as error:
        _log.warning("%s %s waits for the sweep: %s", kind, job.id, error)
    return job


def enqueue_silent_jobs(session: Session, queue: TaskQueue, stale_after_s: float) -> None:
    """Enqueue workers' open jobs that have not been heard of for so long, once in that time.

    Their task was lost with its worker or with the broker. Raises QueueUnavailableError.
    """
    silent_since = datetime.now(UTC) - timedelta(seconds=stale_after_s)
    silent = select(Job).where(
        Job.kind.in_(_TASKS),
        Job.state.in_(OPEN_STATES),
        func.coalesce(Job.heartbeat_at, Job.created_at) < silent_since,
    )
    jobs = session.scalars(silent.with_for_update(skip_locked=True, key_share=True)).all()
    for job in jobs:
        job.heartbeat_at = func.now()
    session.commit()
    for job in jobs:
        queue.enqueue(_TASKS[job.kind], str(job.id))
