"""The Celery tasks: thin edges around functions that know nothing of Celery.

Names and queues are in `catalog.queue`, where the web process finds them without importing this.
"""

import logging
import math
import uuid
from typing import Any

from celery import Task, shared_task
from sqlalchemy.exc import OperationalError

from catalog.errors import IndexUnavailableError, UnavailableError
from catalog.queue import (
    ANALYZE_PHOTO,
    BULK,
    EXPLAIN_MATCH,
    INDEX_PHOTOS,
    INTERACTIVE,
    RECUT_PHOTO,
    RUN_JOB,
    RUN_REINDEX,
    SEND_WEBHOOKS,
    SWEEP,
    SYNC_INDEX,
    TIDY,
)
from catalog.search.sync import sync_index
from workers.analysis import analyze_upload
from workers.background import run_job
from workers.explaining import explain_match
from workers.indexing import index_photos
from workers.recropping import enqueue_requested, recut_photo
from workers.reindexing import advance_reindex
from workers.resources import process_resources
from workers.sweeping import SHORT_SYNC_S, sweep, tidy
from workers.webhooks import send_webhooks

log = logging.getLogger(__name__)

# What may work a little later: tried again with growing pauses, for about an hour in all. After
# that the photos wait for the sweep, which tries for ever.
_RETRY: dict[str, Any] = {
    "autoretry_for": (UnavailableError, OperationalError),
    "retry_backoff": 2,
    "retry_backoff_max": 300,
    "max_retries": 16,
}


@shared_task(bind=True, name=INDEX_PHOTOS, **_RETRY)
def index_photos_task(task: "Task[..., None]", photo_ids: list[int]) -> None:
    """Segment, embed and store these photos, then tell the index."""
    outcome = index_photos(process_resources(), photo_ids, task.request.id)
    log.info("photos %s: %s", _span(photo_ids), outcome)
    enqueue_requested(process_resources(), photo_ids)
    _sync()


@shared_task(name=ANALYZE_PHOTO, **_RETRY)
def analyze_photo_task(upload_id: str) -> None:
    """Find the garments of a photo that somebody searches with."""
    analyze_upload(process_resources(), uuid.UUID(upload_id))


@shared_task(name=EXPLAIN_MATCH, **_RETRY)
def explain_match_task(explanation_id: str) -> None:
    """Work out why two garments match, for somebody who looks at them."""
    explain_match(process_resources(), uuid.UUID(explanation_id))


@shared_task(name=RECUT_PHOTO, **_RETRY)
def recut_photo_task(photo_id: int) -> None:
    """Cut out what a person drew in a photo, then tell the index."""
    if recut_photo(process_resources(), photo_id):
        _sync(SHORT_SYNC_S)


@shared_task(name=RUN_REINDEX, **_RETRY)
def run_reindex_task(job_id: str) -> None:
    """Do one slice of a re-index; it puts the next slice on the queue itself."""
    advance_reindex(process_resources(), uuid.UUID(job_id))


@shared_task(name=RUN_JOB, **_RETRY)
def run_job_task(job_id: str) -> None:
    """Do one piece of an audit or another background job; it puts the next on the queue itself."""
    run_job(process_resources(), uuid.UUID(job_id))


@shared_task(name=SYNC_INDEX)
def sync_index_task(thorough: bool = False) -> None:
    """Send dirty entries to the index: all of them, or as many as a visitor can wait for.

    What is left over then is for a thorough run of the bulk workers.
    """
    if _sync(math.inf if thorough else SHORT_SYNC_S):
        process_resources().services.queue.enqueue(SYNC_INDEX, True, queue=BULK)


@shared_task(name=SWEEP, **_RETRY)
def sweep_task() -> None:
    """Put right what was lost between the database, the broker and the index."""
    sweep(process_resources())


@shared_task(name=TIDY, **_RETRY)
def tidy_task() -> None:
    """Remove what nothing shows any more; nobody waits for it."""
    tidy(process_resources())


@shared_task(name=SEND_WEBHOOKS)
def send_webhooks_task() -> None:
    """Tell webhooks what has happened; the beat asks again, so a failure needs no retry."""
    if send_webhooks(process_resources()):
        process_resources().services.queue.enqueue(SEND_WEBHOOKS, queue=INTERACTIVE)


def _sync(limit_s: float = math.inf) -> bool:
    """True when the time was over before everything was sent."""
    services = process_resources().services
    try:
        return sync_index(services.sessions, services.index, limit_s=limit_s).stopped
    except IndexUnavailableError as error:
        # Entries stay dirty, the sweep comes again: an index that is down must not stop indexing.
        log.warning("index unavailable, entries stay dirty: %s", error)
        return False


def _span(photo_ids: list[int]) -> str:
    return f"{photo_ids[0]}..{photo_ids[-1]} ({len(photo_ids)})" if photo_ids else "none"
