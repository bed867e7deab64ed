"""The sweep: what keeps the broker a mere hint and the index rebuildable.

Called by the `sweep` and `tidy` tasks, which the beat puts on the queue. The sweep shares a
process with visitors' searches, so what takes long is the tidying's, or a bulk worker's.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from catalog.queue import RUN_REINDEX, enqueue_photos
from catalog.search.sync import sync_index
from catalog.search.unseen import reopen_unseen
from catalog.sweep import drop_orphans, expire_uploads, find_stale_photos
from catalog.tables import Job, JobKind, JobState
from workers.resources import Resources

SHORT_SYNC_S = 1.0
"""How long a sync may hold up a visitor, give or take the batch that is being sent."""


def sweep(resources: Resources) -> None:
    """Re-enqueue stale photos and re-index slices, expire uploads, send some dirty entries."""
    services, settings = resources.services, resources.settings
    with services.sessions.begin() as session:
        reopen_unseen(session)
        stale = find_stale_photos(session, settings.stale_after_s, settings.photo_attempts)
    with services.sessions() as session:
        enqueue_photos(services.queue, session, stale, settings.photos_per_task)
    with services.sessions.begin() as session:
        expire_uploads(session, services.images)
    for job_id in _silent_reindexes(resources):
        services.queue.enqueue(RUN_REINDEX, job_id)
    sync_index(services.sessions, services.index, limit_s=SHORT_SYNC_S)


def tidy(resources: Resources) -> None:
    """Remove photos that no item shows, and their bytes."""
    with resources.services.sessions() as session:  # it commits by itself
        drop_orphans(session, resources.services.images)


def _silent_reindexes(resources: Resources) -> list[str]:
    """Re-index jobs whose slice was lost with its worker or with the broker."""
    silent_since = datetime.now(UTC) - timedelta(seconds=resources.settings.stale_after_s)
    with resources.services.sessions() as session:
        jobs = session.scalars(
            select(Job).where(
                Job.kind == JobKind.REINDEX,
                Job.state.in_([JobState.QUEUED, JobState.RUNNING]),
            )
        ).all()
    return [str(job.id) for job in jobs if (job.heartbeat_at or job.created_at) < silent_since]
