"""What operators do, for the admin pages, the API and the command: re-index, switch, cancel.

Each function commits, and enqueues only then.
"""

import logging
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.background import BACKGROUND_KINDS
from catalog.claims import retry_photos
from catalog.errors import ConflictError, InputError, NotFoundError, QueueUnavailableError
from catalog.jobs import OPEN_STATES, finish_job, get_job, log_job, request_cancel, start_job
from catalog.queue import RUN_REINDEX, TaskQueue, enqueue_photos
from catalog.search.gate import Gate, job_of, judge
from catalog.search.generations import (
    activate,
    active_generation,
    building_generation,
    cancel_building,
    is_being_filled,
    roll_back,
)
from catalog.search.index import VectorIndex
from catalog.search.side_by_side import compare
from catalog.tables import (
    Comparison,
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
    max_changed: float | None = None,
) -> Job:
    """Start a re-index job; raises ConflictError while one runs or waits to be activated.

    `segmenter` and `embedder` name checkpoints, by id or by folder in CHECKPOINT_LIBRARY. Without
    a name the workers take the configured ones; where only one is named, the other stays as it
    is in the index that serves. Raises InputError for a name that can't be one or that the kind
    would not use. `reason` is why the product itself starts it. `max_changed` is the share of
    changed neighbours that the gate lets pass, any without it. With the broker away the job waits
    for the next sweep.
    """
    _refuse_no_share(max_changed)
    segmenter, embedder = _checkpoint_name(segmenter), _checkpoint_name(embedder)
    _refuse_unused(kind, segmenter, embedder)
    if building_generation(session):
        raise ConflictError("An index is being built already: activate or cancel it first.")
    wanted = {"kind": kind.value, "switch": switch, "segmenter": segmenter, "embedder": embedder}
    wanted |= {"reason": reason}
    parameters: dict[str, Any] = {name: value for name, value in wanted.items() if value}
    if max_changed is not None:
        parameters["max_changed"] = max_changed
    job = start_job(session, JobKind.REINDEX, parameters=parameters)
    session.commit()
    try:
        queue.enqueue(RUN_REINDEX, str(job.id))
    except QueueUnavailableError as error:
        _log.warning("re-index %s waits for the next sweep: %s", job.id, error)
    return job


def activate_building(
    session: Session,
    index: VectorIndex,
    anyway: str | None = None,
    by: str | None = None,
) -> Generation:
    """Switch to the generation that was built; raises ConflictError unless it is complete.

    Where the gate does not hold otherwise, `anyway` says why it shall serve nevertheless: that
    goes into the job's log, with `by` whom. Without it ConflictError names what speaks against it.
    """
    building = building_generation(session)
    if building is None:
        raise ConflictError("No index is being built: start a re-index first.")
    if is_being_filled(session, building):
        raise ConflictError("The new index is still being filled: wait until its job is done.")
    gate = _judge(session, index, building)
    if gate.missing:
        raise ConflictError(f"The new index is not complete: {gate.missing} garments are missing.")
    if not gate.holds and not anyway:
        raise ConflictError(
            f"The gate does not hold: {'; '.join(gate.objections)}. Look at the comparison; to"
            " switch anyway, say why."
        )
    activate(session, index, building)
    _log_switch(session, building, gate, anyway, by)
    session.commit()
    return building


def compare_again(session: Session, index: VectorIndex) -> Comparison:
    """Compare the generation that waits with the one that serves; raises ConflictError."""
    building = building_generation(session)
    active = active_generation(session)
    if building is None or active is None or is_being_filled(session, building):
        raise ConflictError("No index is waiting to be compared.")
    comparison = compare(session, index, active, building)
    session.commit()
    return comparison


def set_max_changed(session: Session, max_changed: float | None) -> None:
    """The share of changed neighbours that the gate of the waiting index lets pass; None for any.

    Raises ConflictError when none waits, InputError for no share.
    """
    building = building_generation(session)
    job = job_of(session, building) if building else None
    if building is None or job is None or is_being_filled(session, building):
        raise ConflictError("No index is waiting to be activated.")
    _refuse_no_share(max_changed)
    job.parameters = job.parameters | {"max_changed": max_changed}
    session.commit()


def discard_building(session: Session, index: VectorIndex) -> None:
    """Drop the generation that waits to be activated; raises ConflictError without one."""
    building = building_generation(session)
    if building is None or is_being_filled(session, building):
        raise ConflictError("No index is waiting to be activated.")
    cancel_building(session, index, building)
    session.commit()


def roll_back_generation(session: Session, index: VectorIndex) -> Generation:
    """Switch back to the generation that was active before; raises ConflictError without one."""
    former = active_generation(session)
    active = roll_back(session, index)
    if former is not None and (job := job_of(session, former)) is not None:
        log_job(session, job.id, "warning", f"rolled back: {active.collection} serves again")
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


def _judge(session: Session, index: VectorIndex, building: Generation) -> Gate:
    """The gate, with a comparison made now where the one that built it has left none."""
    gate = judge(session, building)
    active = active_generation(session)
    if gate.comparison is None and not gate.missing and active is not None:
        compare(session, index, active, building)
        return judge(session, building)
    return gate


def _log_switch(
    session: Session, generation: Generation, gate: Gate, anyway: str | None, by: str | None
) -> None:
    job = job_of(session, generation)
    if job is None:
        return
    whom = f" by {by}" if by else ""
    if gate.holds:
        log_job(session, job.id, "info", f"switched{whom}: {generation.collection} serves")
    else:
        against = "; ".join(gate.objections)
        message = f"switched{whom} although the gate does not hold ({against}), because: {anyway}"
        log_job(session, job.id, "warning", message)


def _refuse_no_share(max_changed: float | None) -> None:
    if max_changed is not None and not 0 <= max_changed <= 1:
        raise InputError("The share of changed neighbours is a number from 0 to 1.")


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
