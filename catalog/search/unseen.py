"""Finds photos that the active generation's models have not seen, and has them indexed again.

Called by the sweep: after a rollback those are the photos that came since the switch.
"""

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from catalog.search.generations import active_generation
from catalog.tables import Embedding, Garment, Generation, ItemPhoto, Photo, PhotoState


def reopen_unseen(session: Session) -> int:
    """Make indexed photos pending that lack garments or vectors of the active generation.

    Only what was indexed since the newest generation began is looked at: what came before it was
    seen by the earlier ones, and its re-index has seen to the rest. A photo in which the active
    segmenter found nothing is not looked at again. Doesn't commit; returns how many.
    """
    active = active_generation(session)
    if active is None:
        return 0
    newest = select(func.max(Generation.created_at)).scalar_subquery()
    photos = session.scalars(
        select(Photo)
        .where(
            Photo.state == PhotoState.INDEXED,
            Photo.indexed_at >= newest,
            exists().where(ItemPhoto.photo_id == Photo.id),
            or_(_was_not_segmented(active), _lacks_vectors(active)),
        )
        .order_by(Photo.id)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
    for photo in photos:
        photo.state = PhotoState.PENDING
        photo.attempts = 0
        photo.claimed_at = None
    session.flush()
    return len(photos)


def _was_not_segmented(active: Generation) -> ColumnElement[bool]:
    found = exists().where(Garment.photo_id == Photo.id, Garment.segmenter == active.segmenter)
    return ~found & (Photo.segmenter != active.segmenter)


def _lacks_vectors(active: Generation) -> ColumnElement[bool]:
    seen = exists().where(Embedding.garment_id == Garment.id, Embedding.embedder == active.embedder)
    return exists().where(
        Garment.photo_id == Photo.id, Garment.segmenter == active.segmenter, ~seen
    )
