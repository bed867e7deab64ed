"""What operators do, for the admin pages and the API alike: re-index, switch, cancel, retry.

Each function commits, and enqueues only then.
"""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog.errors import ConflictError, NotFoundError
from catalog.jobs import get_job, request_cancel, start_job
from catalog.queue import RUN_REINDEX, TaskQueue, enqueue_photos
from catalog.search.generations import activate, cancel_building, is_behind, roll_back
from catalog.search.index import VectorIndex
from catalog.tables import (
    Generation,
    GenerationState,
    Job,
    JobKind,
    JobState,
    Photo,
    PhotoState,
    ReindexKind,
)

_RUNNING = (JobState.QUEUED, JobState.RUNNING)


def start_reindex(session: Session, queue: TaskQueue, kind: ReindexKind, switch: str) -> Job:
    """Start a re-index job; raises ConflictError while one runs or waits to be activated."""
    if _find_building(session):
        raise ConflictError("An index is being built already: activate or cancel it first.")
    job = start_job(session, JobKind.REINDEX, parameters={"kind": kind.value, "switch": switch})
    session.commit()
    queue.enqueue(RUN_REINDEX, str(job.id))
    return job


def activate_building(session: Session, index: VectorIndex) -> Generation:
    """Switch to the generation that was built; raises ConflictError unless it is complete."""
    building = _find_building(session)
    if building is None:
        raise ConflictError("No index is being built: start a re-index first.")
    if behind := is_behind(session, building):
        raise ConflictError(f"The new index is not complete: {behind} garments are missing.")
    activate(session, index, building)
    session.commit()
    return building


def discard_building(session: Session, index: VectorIndex) -> None:
    """Drop the generation that waits to be activated; raises ConflictError without one."""
    if _find_building(session) is None:
        raise ConflictError("No index is waiting to be activated.")
    cancel_building(session, index)
    session.commit()


def roll_back_generation(session: Session, index: VectorIndex) -> Generation:
    """Switch back to the generation that was active before; raises ConflictError without one."""
    active = roll_back(session, index)
    session.commit()
    return active


def cancel_job(session: Session, index: VectorIndex, job_id: UUID) -> Job:
    """Ask a job to stop; what a finished re-index left waiting for activation is dropped."""
    job = get_job(session, job_id)
    if job.state in _RUNNING:
        request_cancel(session, job_id)
    elif job.kind is JobKind.REINDEX and _find_building(session):
        cancel_building(session, index)
    else:
        raise ConflictError(f"This job is over: it is {job.state}.")
    session.commit()
    session.refresh(job)
    return job


def retry_photo(session: Session, queue: TaskQueue, sha256: str) -> None:
    """Give a failed photo a fresh start; raises NotFoundError if there is no such failure."""
    retried = session.scalars(
        update(Photo)
        .where(Photo.sha256 == sha256, Photo.state == PhotoState.FAILED)
        .values(state=PhotoState.PENDING, attempts=0, reason=None, claimed_by=None, claimed_at=None)
        .returning(Photo.id)
    ).all()
    if not retried:
        raise NotFoundError("failed photo", sha256)
    session.commit()
    enqueue_photos(queue, session, retried, per_task=1)


def _find_building(session: Session) -> Generation | None:
    return session.scalars(
        select(Generation).where(Generation.state == GenerationState.BUILDING)
    ).one_or_none()
