"""Who works on which photo: pending -> working -> indexed or failed, safe under concurrency.

Called by the workers. The claim is committed before the work begins, so that a photo which kills
its process has the attempt counted. Locks are taken in the order photo (by id), item, garment,
index entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from catalog.tables import Photo, PhotoReview, PhotoState

WAITS_FOR_MODELS = "waits for its models"
"""Begins the reason of photos that stay pending because no worker has the checkpoints."""


@dataclass
class Claim:
    """What a task may do with the photos it was given."""

    photos: list[Photo] = field(default_factory=list)
    """Ours now: to be indexed by this task."""
    retry_singly: list[int] = field(default_factory=list)
    """Pending again: each needs a task of its own, because one of them may kill its worker."""
    quarantined: list[int] = field(default_factory=list)
    """Failed: their worker died too often on them."""


def claim_photos(
    session: Session,
    photo_ids: Sequence[int],
    task_id: str,
    max_attempts: int,
    segmenter: str | None = None,
) -> Claim:
    """Claim what is there to do among these photos; the caller commits before it works.

    A photo that is `working` under this same task id lost its process: the broker hands a task
    out again only then. What was tried before is tried again alone, so that a photo that kills
    workers takes no other down with it; after `max_attempts` it has failed. Photos of another
    live task are left alone, and so is what is indexed (by `segmenter`, when that is given).
    """
    claim = Claim()
    rows = _lock_photos(session, photo_ids)
    alone = len(set(photo_ids)) == 1
    for photo in rows:
        if not _is_open(photo, task_id, segmenter):
            continue
        if photo.attempts >= max_attempts:
            quarantine(photo)
            claim.quarantined.append(photo.id)
        elif photo.attempts > 0 and not alone:
            release(photo)
            claim.retry_singly.append(photo.id)
        else:
            _take(photo, task_id)
            claim.photos.append(photo)
    session.flush()
    return claim


def hold_claims(session: Session, photo_ids: Sequence[int], task_id: str) -> list[Photo]:
    """Lock those photos that this task still holds, in order; results for others are void.

    The first step of the transaction that saves results: a photo may have been deleted, or swept
    and claimed by another task, while the models looked at it.
    """
    rows = _lock_photos(session, photo_ids)
    return [p for p in rows if p.state is PhotoState.WORKING and p.claimed_by == task_id]


def finish_photo(session: Session, photo_id: int, segmenter: str) -> None:
    """Its garments are saved: indexed, and its attempts forgotten. A deleted photo is fine."""
    session.execute(
        update(Photo)
        .where(Photo.id == photo_id)
        .values(
            state=PhotoState.INDEXED,
            segmenter=segmenter,
            indexed_at=func.now(),
            reason=None,
            attempts=0,
            claimed_by=None,
            claimed_at=None,
        )
    )


def fail_photo(session: Session, photo_id: int, reason: str) -> None:
    """It can't be indexed; `reason` is for the merchandiser. A deleted photo is fine."""
    session.execute(
        update(Photo)
        .where(Photo.id == photo_id)
        .values(state=PhotoState.FAILED, reason=reason, claimed_by=None, claimed_at=None)
    )


def release_claims(
    session: Session,
    photo_ids: Sequence[int],
    task_id: str,
    reason: str | None = None,
    *,
    counted: bool = False,
) -> None:
    """Hand back those photos that this task still holds: pending again, with the reason.

    Unless it is `counted` it was no fault of theirs: the attempt is not, and the sweep takes
    them for just enqueued. If it is, the next sweep has them tried singly; one that runs out of
    attempts fails with that reason.
    """
    for photo in hold_claims(session, photo_ids, task_id):
        release(photo)
        photo.reason = reason
        if not counted:
            photo.attempts = max(0, photo.attempts - 1)
            photo.claimed_at = func.now()
    session.flush()


def retry_photos(session: Session, photo_ids: Sequence[int]) -> list[int]:
    """Give failed photos a new start; returns those that are pending now, for enqueueing."""
    failed = [p for p in _lock_photos(session, photo_ids) if p.state is PhotoState.FAILED]
    for photo in failed:
        photo.attempts = 0
        photo.reason = None
        release(photo)
    session.flush()
    retried = [photo.id for photo in failed]
    # If it fails again, a person should hear of it again.
    session.execute(delete(PhotoReview).where(PhotoReview.photo_id.in_(retried)))
    return retried


def release(photo: Photo) -> None:
    """Pending again, its attempts kept; the caller holds the row's lock."""
    photo.state = PhotoState.PENDING
    photo.claimed_by = None
    photo.claimed_at = None


def quarantine(photo: Photo) -> None:
    """Failed for good; the caller holds the row's lock."""
    photo.state = PhotoState.FAILED
    what = f"it failed {photo.attempts} times, the last time with: {photo.reason}"
    died = f"its worker died {photo.attempts} times on this photo"
    photo.reason = what if photo.reason else died
    photo.claimed_by = None
    photo.claimed_at = None


def _lock_photos(session: Session, photo_ids: Sequence[int]) -> Sequence[Photo]:
    """The rows, locked in the order of their ids and read again after the lock is held."""
    return session.scalars(
        select(Photo)
        .where(Photo.id.in_(photo_ids))
        .order_by(Photo.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()


def _is_open(photo: Photo, task_id: str, segmenter: str | None) -> bool:
    if photo.state is PhotoState.WORKING:
        return photo.claimed_by == task_id
    if photo.state is PhotoState.INDEXED:
        return segmenter is not None and photo.segmenter != segmenter
    return photo.state is PhotoState.PENDING


def _take(photo: Photo, task_id: str) -> None:
    photo.state = PhotoState.WORKING
    photo.reason = None  # the last try's: if this one dies, nobody can say why
    photo.attempts += 1
    photo.claimed_by = task_id
    photo.claimed_at = func.now()
