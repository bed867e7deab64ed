"""Runs background jobs other than re-indexes: claims one, does its work, notes how it ended.

Called by the `run_job` task. Work that keeps its place in the job's result is done in pieces of
about a minute, so that new photos get their turn in between.
"""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import func, update
from sqlalchemy.exc import OperationalError

from catalog.errors import LookalikeError, NotFoundError
from catalog.jobs import OPEN_STATES, finish_job, get_job, log_job
from catalog.queue import RUN_JOB
from catalog.tables import Job, JobKind, JobState
from workers.auditing import audit
from workers.locks import hold_alone
from workers.mapping import make_map
from workers.resources import Resources
from workers.run import CancelledError, InterruptedWorkError, Run

Work = Callable[[Run], Mapping[str, Any] | None]
"""Does a job, or a piece of it; returns the job's result, or None when more is left to do."""

WORK: dict[JobKind, Work] = {JobKind.AUDIT: audit, JobKind.MAP: make_map}

MAX_ATTEMPTS = 3
"""How many workers may die over the same piece."""

_PIECE_S = 60.0
_MESSAGE_LENGTH = 500

_log = logging.getLogger(__name__)


def run_job(resources: Resources, job_id: uuid.UUID, piece_s: float = _PIECE_S) -> None:
    """Do one piece of a job and enqueue the next; finish the job when nothing is left.

    A second worker on the same job, a finished job and an unknown one are left alone.
    """
    key = job_id.int & (2**63 - 1)
    with hold_alone(resources.services.engine, key) as alone:
        more = alone and _run_piece(resources, job_id, piece_s)
    if more:
        resources.services.queue.enqueue(RUN_JOB, str(job_id))


def _run_piece(resources: Resources, job_id: uuid.UUID, piece_s: float) -> bool:
    """True when the job has to be taken up again."""
    job = _claim(resources, job_id)
    if job is None:
        return False
    run = Run(resources, job_id, job.parameters, job.result, time.monotonic() + piece_s)
    try:
        result = WORK[job.kind](run)
    except CancelledError:
        return _finish(resources, job_id, JobState.CANCELLED)
    except InterruptedWorkError:
        _hand_back(resources, job_id)
        return True
    except Exception as error:  # the edge of the task
        if _passes(error):
            _hand_back(resources, job_id, f"will be tried again: {error}")
            raise
        _log.exception("%s %s failed", job.kind, job_id)
        return _finish(resources, job_id, JobState.FAILED, error=_describe(error))
    if result is None:
        _hand_back(resources, job_id)
        return True
    return _finish(resources, job_id, JobState.DONE, result)


def _claim(resources: Resources, job_id: uuid.UUID) -> Job | None:
    """Count the attempt, before any work; None for a job that nothing is to be done about."""
    with resources.services.sessions.begin() as session:
        try:
            job = get_job(session, job_id, lock=True)
        except NotFoundError:
            return None
        if job.kind not in WORK or job.state not in OPEN_STATES:
            return None
        if job.cancel_requested:
            finish_job(session, job_id, JobState.CANCELLED)
            return None
        if job.attempts >= MAX_ATTEMPTS:
            reason = f"given up: {job.attempts} workers have died over it"
            finish_job(session, job_id, JobState.FAILED, error=reason)
            return None
        job.state = JobState.RUNNING
        job.attempts += 1
        job.heartbeat_at = func.now()
    return job


def _hand_back(resources: Resources, job_id: uuid.UUID, message: str | None = None) -> None:
    """Leave the job to the next worker; this attempt has killed nobody and does not count."""
    open_job = update(Job).where(Job.id == job_id, Job.state.in_(OPEN_STATES))
    with suppress(OperationalError), resources.services.sessions.begin() as session:
        session.execute(open_job.values(attempts=0, heartbeat_at=func.now()))
        if message:
            log_job(session, job_id, "warning", message[:_MESSAGE_LENGTH])


def _finish(
    resources: Resources,
    job_id: uuid.UUID,
    state: JobState,
    result: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> bool:
    """End the job unless it has been ended meanwhile; always False: nothing is left to do."""
    with resources.services.sessions.begin() as session:
        job = get_job(session, job_id, lock=True)
        if job.state in OPEN_STATES:
            finish_job(session, job_id, state, result, error)
    return False


def _passes(error: Exception) -> bool:
    """Whether a later try may go well: something that we need does not answer now."""
    return isinstance(error, OperationalError) or (
        isinstance(error, LookalikeError) and not error.permanent
    )


def _describe(error: Exception) -> str:
    if isinstance(error, SoftTimeLimitExceeded):
        return "It took longer than a task may; raise VISIBILITY_TIMEOUT_S and start it again."
    words = str(error) if isinstance(error, LookalikeError) else f"{type(error).__name__}: {error}"
    return words[:_MESSAGE_LENGTH]
