"""The long things that people start: ingests, re-indexes and more, their progress and their logs.

Called by the API, the admin pages and the workers. Nothing here commits.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from catalog.catalogs import ensure_catalog
from catalog.deliveries import note_job_ended
from catalog.errors import ConflictError, InputError, NotFoundError
from catalog.progress import with_sample
from catalog.tables import Job, JobKind, JobLog, JobState

OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)
_ONE_AT_A_TIME = {
    JobKind.REINDEX: "a re-index",
    JobKind.AUDIT: "an audit",
    JobKind.MAP: "a map",
}


def start_job(
    session: Session,
    kind: JobKind,
    catalog_name: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    total: int | None = None,
) -> Job:
    """Add a job; an ingest runs at once, what workers do waits for one of them.

    Raises ConflictError when one of the kind is under way already, except for ingests.
    """
    catalog = ensure_catalog(session, catalog_name) if catalog_name is not None else None
    running = kind is JobKind.INGEST
    job = Job(
        kind=kind,
        state=JobState.RUNNING if running else JobState.QUEUED,
        catalog_id=catalog.id if catalog else None,
        parameters=dict(parameters or {}),
        total=total,
        heartbeat_at=func.now() if running else None,
    )
    try:
        with session.begin_nested():
            session.add(job)
    except IntegrityError as error:
        what = _ONE_AT_A_TIME[kind]
        raise ConflictError(f"{what} is under way already; cancel it or wait") from error
    return job


def advance_job(session: Session, job_id: UUID, done: int, total: int | None = None) -> None:
    """Note how far a job is and that somebody is alive behind it; a finished job stays as it is."""
    values: dict[str, Any] = {"done": done, "heartbeat_at": func.now(), "recent": with_sample(done)}
    if total is not None:
        values["total"] = total
    session.execute(update(Job).where(Job.id == job_id, Job.state.in_(OPEN_STATES)).values(values))


def log_job(session: Session, job_id: UUID, level: str, message: str) -> None:
    """Add a line to the job's log; `level` is info, warning or error."""
    session.add(JobLog(job_id=job_id, level=level, message=message))
    session.flush()


def finish_job(
    session: Session,
    job_id: UUID,
    state: JobState,
    result: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> Job:
    """Close a job and note the event for webhooks; closing it twice the same way is fine.

    Raises NotFoundError, InputError for a state that ends nothing, ConflictError when it has
    ended otherwise.
    """
    if state in OPEN_STATES:
        raise InputError(f"{state} does not end a job")
    job = get_job(session, job_id, lock=True)
    if job.state not in OPEN_STATES:
        if job.state is state:
            return job
        raise ConflictError(f"job {job_id} is {job.state} already")
    job.state = state
    job.result = dict(result or {})
    job.error = error
    job.finished_at = func.now()
    session.flush()
    note_job_ended(session, job)
    return job


def request_cancel(session: Session, job_id: UUID) -> Job:
    """Ask whoever works on the job to stop; raises NotFoundError, ConflictError when it is over."""
    job = get_job(session, job_id, lock=True)
    if job.state not in OPEN_STATES:
        raise ConflictError(f"job {job_id} is {job.state} already")
    job.cancel_requested = True
    session.flush()
    return job


def get_job(session: Session, job_id: UUID, lock: bool = False) -> Job:
    """The job with its log; raises NotFoundError."""
    query = select(Job).where(Job.id == job_id).options(selectinload(Job.log))
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    job = session.scalar(query)
    if job is None:
        raise NotFoundError("job", job_id)
    return job


def list_jobs(session: Session, limit: int = 50, offset: int = 0) -> Sequence[Job]:
    """The newest jobs first, without their logs."""
    query = select(Job).order_by(Job.created_at.desc(), Job.id)
    return session.scalars(query.limit(limit).offset(offset)).all()


def list_jobs_after(
    session: Session, limit: int = 50, after: tuple[datetime, UUID] | None = None
) -> Sequence[Job]:
    """The newest jobs first, those behind the job that began then and has this id."""
    query = select(Job).order_by(Job.created_at.desc(), Job.id.desc()).limit(limit)
    if after is not None:
        query = query.where(tuple_(Job.created_at, Job.id) < after)
    return session.scalars(query).all()
