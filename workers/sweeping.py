"""The sweep: what keeps the broker a mere hint and the index rebuildable.

Called by the `sweep` and `tidy` tasks, which the beat puts on the queue. The sweep shares a
process with visitors' searches, so what takes long is the tidying's, or a bulk worker's.
"""

import logging
import socket
from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.audit.findings import drop_abandoned_findings
from catalog.background import enqueue_silent_jobs
from catalog.deliveries import forget_deliveries
from catalog.errors import CheckpointError, ConflictError
from catalog.explaining import expire_explanations
from catalog.idempotency import forget_answers
from catalog.known_checkpoints import report_checkpoints
from catalog.operations import start_reindex
from catalog.queue import enqueue_photos
from catalog.recuts import enqueue_recuts, find_due, reopen_recuts
from catalog.search.generations import active_generation
from catalog.search.sync import sync_index
from catalog.search.unseen import reopen_unseen
from catalog.spelling import learn_new_words, learn_words
from catalog.summaries import refresh_missing
from catalog.sweep import drop_orphans, expire_uploads, find_stale_photos
from catalog.tables import Generation, Job, JobKind, ReindexKind
from workers.resources import Resources, find_checkpoint, find_checkpoints

SHORT_SYNC_S = 1.0
"""How long a sync may hold up a visitor, give or take the batch that is being sent."""

_MODELS_MISSING = "the models of the index that serves are missing"

_log = logging.getLogger(__name__)


def sweep(resources: Resources) -> None:
    """Re-enqueue stale photos, cuts and silent jobs, expire uploads, learn new words, and send some
    dirty entries to the index."""
    services, settings = resources.services, resources.settings
    look_for_models(resources)
    tell_checkpoints(resources)
    with services.sessions.begin() as session:
        reopen_unseen(session)
        stale = find_stale_photos(session, settings.stale_after_s, settings.photo_attempts)
    with services.sessions() as session:
        enqueue_photos(services.queue, session, stale, settings.photos_per_task)
    with services.sessions.begin() as session:
        reopen_recuts(session)
        due = find_due(session, settings.stale_after_s, settings.photo_attempts)
    with services.sessions() as session:
        enqueue_recuts(services.queue, session, due)
    with services.sessions.begin() as session:
        expire_uploads(session, services.images)
    with services.sessions.begin() as session:
        learn_new_words(session)
    with services.sessions() as session:  # it commits by itself
        enqueue_silent_jobs(session, services.queue, settings.stale_after_s)
    sync_index(services.sessions, services.index, limit_s=SHORT_SYNC_S)


def tidy(resources: Resources) -> None:
    """Remove what nothing asks for any more; learn words, summarise what an old release left."""
    tell_checkpoints(resources)  # bulk workers may live on another machine than those that sweep
    with resources.services.sessions.begin() as session:
        forget_answers(session)
    with resources.services.sessions() as session:  # it commits by itself
        drop_orphans(session, resources.services.images)
    with resources.services.sessions.begin() as session:
        expire_explanations(session)
        forget_deliveries(session)
        drop_abandoned_findings(session)
    with resources.services.sessions.begin() as session:
        learn_words(session)
    left = 1
    while left:
        with resources.services.sessions.begin() as session:
            left = refresh_missing(session, resources.settings.shop_words)


def tell_checkpoints(resources: Resources) -> None:
    """Let the pages know which checkpoints this machine has to re-index with."""
    found = find_checkpoints(resources.settings)
    with resources.services.sessions.begin() as session:
        report_checkpoints(session, socket.gethostname(), found)


def look_for_models(resources: Resources) -> None:
    """Say so when the checkpoints of the serving index are gone, as after an upgrade.

    Searches go on without them; new photos wait. Where the settings allow it a re-index from the
    photos begins, once: if it fails, a person has to look.
    """
    services, settings = resources.services, resources.settings
    with services.sessions() as session:
        active = active_generation(session)
        if active is None:
            return
        try:
            find_checkpoint(settings, "segmentation", active.segmenter)
            find_checkpoint(settings, "embedding", active.embedder)
        except CheckpointError as error:
            _log.error(
                "%s serves, and new photos wait for its models: %s", active.collection, error
            )
            if settings.reindex_when_models_missing and not _tried_since(session, active):
                with suppress(ConflictError):  # another worker's sweep was first
                    start_reindex(
                        session, services.queue, ReindexKind.PHOTOS, reason=_MODELS_MISSING
                    )


def _tried_since(session: Session, active: Generation) -> bool:
    """Whether one was begun for this reason since this generation serves, whatever became of it."""
    jobs = select(Job.id).where(
        Job.kind == JobKind.REINDEX,
        Job.created_at >= active.activated_at,
        Job.parameters["reason"].astext == _MODELS_MISSING,
    )
    return session.scalar(jobs.limit(1)) is not None
