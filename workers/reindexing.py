"""Re-indexing: fills a new generation slice by slice, compares it with the old one and switches.

Called by the `run_reindex` task. A slice lasts about a minute and leaves its place in the
database, so a kill costs one slice and other work gets its turn in between.
"""

import time
import uuid
from contextlib import suppress

from sqlalchemy.exc import OperationalError

from catalog.errors import ConflictError, LookalikeError
from catalog.jobs import advance_job, finish_job, get_job, log_job
from catalog.queue import RUN_REINDEX
from catalog.search.gate import find_objections, max_changed_of
from catalog.search.generations import (
    activate,
    active_generation,
    begin_reindex,
    building_generation,
    cancel_building,
    compare_generations,
    drop_retired,
    fill_from_vectors,
    is_behind,
)
from catalog.search.side_by_side import compare_items, save_comparison, summarise
from catalog.search.sync import sync_index
from catalog.tables import Generation, Job, JobState, ReindexKind, Work
from workers.locks import hold_alone
from workers.reembedding import reembed_some
from workers.resegmenting import resegment_some
from workers.resources import Resources, checkpoint_card

_SLICE_S = 60.0
_MESSAGE_LENGTH = 500
_LOCK = 0x6C6F6F6B  # an arbitrary key of Postgres advisory locks, used by re-indexing alone


def advance_reindex(resources: Resources, job_id: uuid.UUID, slice_s: float = _SLICE_S) -> None:
    """Do one slice of a re-index job and enqueue the next; finish the job when nothing is left.

    A second worker on the same job, a finished job and an unknown one are left alone.
    """
    with hold_alone(resources.services.engine, _LOCK) as alone:
        if not alone:
            return
        job = _load(resources, job_id)
        if job is None or job.state not in (JobState.QUEUED, JobState.RUNNING):
            return
        try:
            more = _advance(resources, job, time.monotonic() + slice_s)
        except LookalikeError as error:
            if not error.permanent:
                raise
            _give_up(resources, job_id, JobState.FAILED, str(error))
            return
        except Exception as error:  # the edge of the task: the sweep tries again, all may see why
            _log_failure(resources, job_id, error)
            raise
    if more:
        resources.services.queue.enqueue(RUN_REINDEX, str(job_id))


def _advance(resources: Resources, job: Job, until: float) -> bool:
    """Work until that moment; true when more is left to do."""
    if job.cancel_requested:
        _give_up(resources, job.id, JobState.CANCELLED)
        return False
    generation = _generation(resources, job)
    if _fill_some(resources, job, generation, until):
        return True
    services = resources.services
    started = time.monotonic()
    sent = sync_index(services.sessions, services.index).sent
    resources.pace.note(Work.VECTORS, sent, time.monotonic() - started)
    with services.sessions.begin() as session:
        resources.pace.save(session)
        behind = is_behind(session, generation)
        log_job(session, job.id, "info", f"all garments prepared, {behind} entries to send")
    # What is left, a cancel too, is for the next slice.
    return behind > 0 or not _conclude(resources, job, generation)


def _generation(resources: Resources, job: Job) -> Generation:
    """The generation that the job fills; begun on its first slice."""
    services = resources.services
    resources.active_generation()
    with services.sessions() as session:
        if job.generation_id is not None:
            return session.get_one(Generation, job.generation_id)
    if job.state is JobState.RUNNING:
        raise ConflictError("the index that it was filling has been discarded")
    kind, segmenter, embedder, dimensions = _wanted(resources, job)
    with services.sessions.begin() as session:
        current = session.get_one(Job, job.id)
        generation = begin_reindex(
            session, services.index, kind, segmenter, embedder, dimensions, current
        )
        current.generation_id = generation.id
        current.state = JobState.RUNNING
        log_job(
            session, job.id, "info", f"filling {generation.collection}: {segmenter} and {embedder}"
        )
    return generation


def _wanted(resources: Resources, job: Job) -> tuple[ReindexKind, str, str, int]:
    """Kind, segmenter id, embedder id and dimensions that the job's parameters ask for.

    What the kind does not renew stays as it is in the active generation, and so does the other
    one where only one checkpoint is named: who tries a segmenter means to change nothing else.
    """
    kind = ReindexKind(job.parameters["kind"])
    with resources.services.sessions() as session:
        active = active_generation(session)
    assert active is not None, "resources.active_generation() makes one"
    segmenter, embedder, dimensions = active.segmenter, active.embedder, active.dimensions
    settings, names = resources.settings, job.parameters
    named = {"segmenter", "embedder"} & names.keys()
    if kind is ReindexKind.PHOTOS and (not named or "segmenter" in named):
        segmenter = checkpoint_card(settings, "segmentation", names.get("segmenter")).id
    if kind is not ReindexKind.VECTORS and (not named or "embedder" in named):
        card = checkpoint_card(settings, "embedding", names.get("embedder"))
        embedder, dimensions = card.id, card.dimensions or dimensions
    return kind, segmenter, embedder, dimensions


def _fill_some(resources: Resources, job: Job, generation: Generation, until: float) -> bool:
    """Prepare garments of the new generation until that moment; true when some are left."""
    kind = ReindexKind(job.parameters["kind"])
    if kind is ReindexKind.PHOTOS:
        return resegment_some(resources, job.id, generation, until)
    if kind is ReindexKind.CROPS:
        return reembed_some(resources, job.id, generation, until)
    with resources.services.sessions.begin() as session:
        total = fill_from_vectors(session, generation)
        advance_job(session, job.id, done=total, total=total)
    return False


def _conclude(resources: Resources, job: Job, generation: Generation) -> bool:
    """Compare the full new collection with the old one; switch if asked to and the gate holds.

    False when the job was cancelled meanwhile: nothing has happened then.
    """
    services = resources.services
    started = time.monotonic()
    with services.sessions() as session:
        old = active_generation(session)
        assert old is not None, "a re-index starts from an active generation"
        report = compare_generations(session, services.index, old, generation)
        compared = compare_items(session, services.index, old, generation)
    searches = report["sampled"] + len(compared)
    resources.pace.note(Work.COMPARING, searches, time.monotonic() - started)
    objections = find_objections(report | summarise(compared), max_changed_of(job))
    automatic = job.parameters.get("switch", "auto") == "auto"
    with services.sessions.begin() as session:
        # Locked before it is asked: a cancel comes either in time or when the job is over.
        if get_job(session, job.id, lock=True).cancel_requested:
            return False
        save_comparison(session, generation, report, compared)
        resources.pace.save(session)
        if automatic and not objections:
            activate(session, services.index, session.get_one(Generation, generation.id))
            drop_retired(session, services.index)
        report["switched"] = automatic and not objections
        if objections:
            reason = f"not switched, look before you activate it: {'; '.join(objections)}"
            log_job(session, job.id, "error", reason)
            finish_job(session, job.id, JobState.FAILED, report, reason)
        else:
            finish_job(session, job.id, JobState.DONE, report)
    return True


def _log_failure(resources: Resources, job_id: uuid.UUID, error: Exception) -> None:
    what = f"a slice failed and will be tried again: {type(error).__name__}: {error}"
    with suppress(OperationalError), resources.services.sessions.begin() as session:
        log_job(session, job_id, "error", what[:_MESSAGE_LENGTH])


def _give_up(
    resources: Resources, job_id: uuid.UUID, state: JobState, reason: str | None = None
) -> None:
    """Drop what the job has built, and nothing that another one left for activation."""
    services = resources.services
    with services.sessions.begin() as session:
        building = building_generation(session)
        if building is not None and building.id == get_job(session, job_id).generation_id:
            cancel_building(session, services.index, building)
        finish_job(session, job_id, state, error=reason)


def _load(resources: Resources, job_id: uuid.UUID) -> Job | None:
    with resources.services.sessions() as session:
        return session.get(Job, job_id)
