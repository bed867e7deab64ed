"""What operators do, for the admin pages, the API and the command: re-index, switch, cancel.

Each function commits, and enqueues only then.
"""

import logging
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.background import BACKGROUND_KINDS
from catalog.claims import retry_photos
from catalog.errors import ConflictError, InputError, NotFoundError, QueueUnavailableError
from catalog.jobs import OPEN_STATES, finish_job, get_job, request_cancel, start_job
from catalog.queue import RUN_REINDEX, TaskQueue, enqueue_photos
from catalog.search.generations import (
    activate,
    belonging_without_entry,
    building_generation,
    cancel_building,
    is_behind,
    is_being_filled,
    roll_back,
)
from catalog.search.index import VectorIndex
from catalog.tables import (
    Generation,
    Job,
    JobKind,
    JobState,
    Photo,
    ReindexKind,
)

LONGEST_CHECKPOINT = 200
"""In characters: how long the name of a checkpoint may be."""

_log = logging.getLogger(__name__)


def start_reindex(
    session: Session,
    queue: TaskQueue,
    kind: ReindexKind,
    switch: str = "auto",
    segmenter: str | None = None,
    embedder: str | None = None,
    reason: str | None = None,
) -> Job:
    """Start a re-index job; raises ConflictError while one runs or waits to be activated.

    `segmenter` and `embedder` name checkpoints, by id or by folder in CHECKPOINT_LIBRARY. Without
    a name the workers take the configured ones; where only one is named, the other stays as it
    is in the index that serves. Raises InputError for a name that can't be one or that the kind
    would not use. `reason` is why the product itself starts it. With the broker away the job
    waits for the next sweep.
    """
    segmenter, embedder = _checkpoint_name(segmenter), _checkpoint_name(embedder)
    _refuse_unused(kind, segmenter, embedder)
    if building_generation(session):
        raise ConflictError("An index is being built already: activate or cancel it first.")
    wanted = {"kind": kind.value, "switch": switch, "segmenter": segmenter, "embedder": embedder}
    wanted |= {"reason": reason}
    parameters = {name: value for name, value in wanted.items() if value}
    job = start_job(session, JobKind.REINDEX, parameters=parameters)
    session.commit()
    try:
        queue.enqueue(RUN_REINDEX, str(job.id))
    except QueueUnavailableError as error:
        _log.warning("re-index %s waits for the next sweep: %s", job.id, error)
    return job


def activate_building(session: Session, index: VectorIndex) -> Generation:
    """Switch to the generation that was built; raises ConflictError unless it is complete."""
    building = building_generation(session)
    if building is None:
        raise ConflictError("No index is being built: start a re-index first.")
    if is_being_filled(session, building):
        raise ConflictError("The new index is still being filled: wait until its job is done.")
    without_entry = select(func.count()).select_from(belonging_without_entry(building).subquery())
    if behind := is_behind(session, building) + (session.scalar(without_entry) or 0):
        raise ConflictError(f"The new index is not complete: {behind} garments are missing.")
    activate(session, index, building)
    session.commit()
    return building


def discard_building(session: Session, index: VectorIndex) -> None:
    """Drop the generation that waits to be activated; raises ConflictError without one."""
    building = building_generation(session)
    if building is None or is_being_filled(session, building):
        raise ConflictError("No index is waiting to be activated.")
    cancel_building(session, index, building)
    session.commit()


def roll_back_generation(session: Session, index: VectorIndex) -> Generation:
    """Switch back to the generation that was active before; raises ConflictError without one."""
    active = roll_back(session, index)
    session.commit()
    return active


def cancel_job(session: Session, index: VectorIndex, job_id: UUID) -> Job:
    """End a job at once or ask its worker to stop, or drop what a finished re-index left waiting.

    Raises NotFoundError, and ConflictError for a job that is over and has left nothing.
    """
    job = get_job(session, job_id, lock=True)
    building = building_generation(session)
    if job.state in OPEN_STATES and job.kind is JobKind.INGEST:
        # Nobody watches over an ingest but the command itself, which may be gone. If it is not,
        # its next batch is refused.
        finish_job(session, job_id, JobState.CANCELLED)
    elif job.state is JobState.QUEUED and job.kind in BACKGROUND_KINDS:
        # Nobody has begun it, and there may be no worker that could answer.
        finish_job(session, job_id, JobState.CANCELLED)
    elif job.state in OPEN_STATES:
        request_cancel(session, job_id)
    elif building and job.generation_id == building.id:
        cancel_building(session, index, building)
    else:
        raise ConflictError(f"This job is over: it is {job.state}.")
    session.commit()
    session.refresh(job)
    return job


def describe_cancel(job: Job) -> str:
    """What has become of a job that `cancel_job` gave back."""
    if job.state in OPEN_STATES and job.kind is JobKind.REINDEX:
        return "The re-index stops at its next step, and what it has built goes with it."
    if job.state in OPEN_STATES:
        return "The job stops at its next step."
    if job.kind in BACKGROUND_KINDS:
        return "The job is cancelled before it began."
    if job.kind is JobKind.INGEST:
        return "The ingest is cancelled. What it has stored stays."
    return "The new index is dropped. The present one stays active."


def retry_photo(session: Session, queue: TaskQueue, sha256: str) -> None:
    """Give a failed photo a fresh start; raises NotFoundError if there is no such failure."""
    ids = session.scalars(select(Photo.id).where(Photo.sha256 == sha256)).all()
    retried = retry_photos(session, ids)
    if not retried:
        raise NotFoundError("failed photo", sha256)
    session.commit()
    enqueue_photos(queue, session, retried, per_task=1)


def _refuse_unused(kind: ReindexKind, segmenter: str | None, embedder: str | None) -> None:
    if segmenter and kind is not ReindexKind.PHOTOS:
        raise InputError("Another segmenter needs a re-index from photos.")
    if embedder and kind is ReindexKind.VECTORS:
        raise InputError("Another embedder needs a re-index from crops or photos.")


def _checkpoint_name(name: str | None) -> str | None:
    name = (name or "").strip()
    if len(name) > LONGEST_CHECKPOINT or not name.isprintable():
        raise InputError(
            "A checkpoint is named by its id or its folder: one line of"
            f" {LONGEST_CHECKPOINT} characters at most."
        )
    return name or None
