"""The photos of one ingest: how far they are, which have failed, a new start for those.

Called by the job pages. An item belongs to the last ingest that named it, so an earlier ingest of
the same feed has none left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, selectinload

from catalog.claims import retry_photos
from catalog.queue import TaskQueue, enqueue_photos
from catalog.tables import Item, ItemPhoto, Photo, PhotoState

_RECENT_S = 120


@dataclass(frozen=True)
class IngestPhotos:
    """Photos by state, and how many of them were indexed each second in the last two minutes."""

    indexed: int
    waiting: int
    working: int
    failed: int
    per_second: float | None

    @property
    def total(self) -> int:
        return self.indexed + self.open + self.failed

    @property
    def open(self) -> int:
        return self.waiting + self.working

    @property
    def seconds_left(self) -> float | None:
        return self.open / self.per_second if self.per_second else None


def count_ingest_photos(session: Session, job_id: UUID) -> IngestPhotos:
    """How far the photos are of the items that this ingest was the last to name."""
    age_s = func.extract("epoch", func.now() - Photo.indexed_at)
    recent = (Photo.state == PhotoState.INDEXED) & (age_s < _RECENT_S)
    rows = session.execute(
        select(
            Photo.state,
            func.count().label("photos"),
            func.count().filter(recent).label("recent"),
            func.max(age_s).filter(recent).label("oldest_s"),
        )
        .where(Photo.id.in_(_photos_of(job_id)))
        .group_by(Photo.state)
    ).all()
    counts = {row.state: row.photos for row in rows}
    rates = [row.recent / float(row.oldest_s) for row in rows if row.recent > 1 and row.oldest_s]
    return IngestPhotos(
        counts.get(PhotoState.INDEXED, 0),
        counts.get(PhotoState.PENDING, 0),
        counts.get(PhotoState.WORKING, 0),
        counts.get(PhotoState.FAILED, 0),
        rates[0] if rates else None,
    )


def list_ingest_failures(session: Session, job_id: UUID, limit: int) -> Sequence[Photo]:
    """Its photos that failed, newest first, with the items that show them."""
    query = (
        _failed_of(job_id)
        .options(selectinload(Photo.links).joinedload(ItemPhoto.item).joinedload(Item.catalog))
        .order_by(Photo.id.desc())
        .limit(limit)
    )
    return session.scalars(query).all()


def retry_ingest_photos(session: Session, queue: TaskQueue, job_id: UUID) -> int:
    """Give all its failed photos a new start; returns how many. Commits, then enqueues."""
    return _retry(session, queue, _failed_of(job_id))


def retry_all_photos(session: Session, queue: TaskQueue) -> int:
    """Give every failed photo a new start; returns how many. Commits, then enqueues."""
    return _retry(session, queue, select(Photo).where(Photo.state == PhotoState.FAILED))


def _retry(session: Session, queue: TaskQueue, which: Select[Any]) -> int:
    ids = session.scalars(which.with_only_columns(Photo.id).order_by(Photo.id)).all()
    retried = retry_photos(session, ids)
    session.commit()
    enqueue_photos(queue, session, retried, per_task=1)
    return len(retried)


def _failed_of(job_id: UUID) -> Select[Any]:
    return select(Photo).where(Photo.state == PhotoState.FAILED, Photo.id.in_(_photos_of(job_id)))


def _photos_of(job_id: UUID) -> Select[Any]:
    return (
        select(ItemPhoto.photo_id)
        .join(Item, Item.id == ItemPhoto.item_id)
        .where(Item.seen_by_job == job_id, Item.deleted_at.is_(None))
    )
