"""Finds what was left lying: photos nobody works on, uploads past their time, unshown photos.

Called by the workers' `sweep` task every minute. Nothing is lost without it, only late.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from catalog.claims import quarantine, release
from catalog.photos.discarding import discard_bytes, drop_unshown
from catalog.photos.image_store import ImageStore, upload_key
from catalog.search.outbox import hold_generations
from catalog.tables import ItemPhoto, Photo, PhotoState, Upload

_ORPHANED_AFTER = timedelta(days=1)
_NEVER_ENQUEUED_AFTER = timedelta(seconds=30)
_AT_ONCE = 5000


def find_stale_photos(
    session: Session, stale_after_s: float, max_attempts: int = 3, limit: int = _AT_ONCE
) -> list[int]:
    """Pending photos to enqueue now: their task was lost, or the worker that held them is dead.

    What a worker held too long is pending again with its attempts kept, and failed once they are
    used up. A photo that no item shows waits: its feed may still be on the way. Doesn't commit.
    """
    stale = func.now() - timedelta(seconds=stale_after_s)
    shown = exists().where(ItemPhoto.photo_id == Photo.id)
    never_enqueued = Photo.claimed_at.is_(None) & (
        Photo.created_at < func.now() - _NEVER_ENQUEUED_AFTER
    )
    rows = session.scalars(
        select(Photo)
        .where(
            or_(
                _in_state(PhotoState.PENDING, shown, or_(never_enqueued, Photo.claimed_at < stale)),
                _in_state(PhotoState.WORKING, Photo.claimed_at < stale),
            )
        )
        .order_by(Photo.id)
        .limit(limit)
        # Whoever holds one of these rows is working on it right now.
        .with_for_update(key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for photo in rows:
        if photo.attempts >= max_attempts:
            quarantine(photo)
        elif photo.state is PhotoState.WORKING:
            release(photo)
    session.flush()
    return [photo.id for photo in rows if photo.state is PhotoState.PENDING]


def expire_uploads(session: Session, images: ImageStore) -> int:
    """Remove photos that visitors searched with and their vectors; returns how many.

    The bytes go first: a row without bytes is found again, bytes without a row are not. Doesn't
    commit.
    """
    expired = session.scalars(
        select(Upload.id)
        .where(Upload.expires_at < func.now())
        .order_by(Upload.id)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    for upload_id in expired:
        images.delete(upload_key(upload_id))
    session.execute(delete(Upload).where(Upload.id.in_(expired)))
    return len(expired)


def drop_orphans(session: Session, images: ImageStore) -> int:
    """Drop photos that no item has shown for a day, and all bytes that wait for it. Commits.

    Such photos are what a cut upload leaves. Returns how many photos' bytes were removed.
    """
    hold_generations(session)
    drop_unshown(session, _find_orphans(session))
    session.commit()
    return discard_bytes(session, images)


def _find_orphans(session: Session) -> Sequence[int]:
    shown = exists().where(ItemPhoto.photo_id == Photo.id)
    old = Photo.created_at < func.now() - _ORPHANED_AFTER
    return session.scalars(select(Photo.id).where(~shown, old).limit(_AT_ONCE)).all()


def _in_state(state: PhotoState, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(Photo.state == state, *conditions)
