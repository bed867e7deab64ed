"""Drops photos that no item shows any more: their rows and index entries, then their bytes.

Rows go in the transaction of whoever took the photo away, with a note in an outbox; the bytes
follow after its commit, at the latest in the sweep.
"""

from collections.abc import Collection

from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.photos.image_store import ImageStore, photo_key, variant_key
from catalog.search.outbox import mark_deleted
from catalog.tables import DiscardedPhoto, Garment, ItemPhoto, Photo

VARIANT_NAMES = ("thumb", "medium", "large")
"""The sizes that the web app keeps beside a photo."""


def photo_keys(sha256: str) -> list[str]:
    """Every key under which the image store may hold something of this photo."""
    return [photo_key(sha256), *(variant_key(sha256, name) for name in VARIANT_NAMES)]


def hold_bytes(session: Session, sha256: str) -> None:
    """Keep everybody else from storing or removing these bytes until the transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(sha256, 0))))


def drop_unshown(session: Session, photo_ids: Collection[int]) -> list[str]:
    """Drop those of the photos that no item shows, with their garments; returns their SHA-256.

    Every collection learns to forget the garments. Doesn't commit; `discard_bytes` comes after.
    """
    shown = exists().where(ItemPhoto.photo_id == Photo.id)
    locked = lock_photos(session, photo_ids)
    gone = session.execute(
        select(Photo.id, Photo.sha256).where(Photo.id.in_(locked), ~shown).order_by(Photo.id)
    ).all()
    if not gone:
        return []
    ids = [photo_id for photo_id, _ in gone]
    garments = session.scalars(select(Garment.id).where(Garment.photo_id.in_(ids))).all()
    mark_deleted(session, garments)
    hashes = [sha256 for _, sha256 in gone]
    session.execute(
        insert(DiscardedPhoto)
        .values([{"sha256": sha256} for sha256 in sorted(hashes)])
        .on_conflict_do_nothing()
    )
    session.execute(
        delete(Photo).where(Photo.id.in_(ids)), execution_options={"synchronize_session": False}
    )
    return hashes


def lock_photos(session: Session, photo_ids: Collection[int]) -> list[int]:
    """Ids of those that exist, locked so that nobody links, claims or drops them meanwhile."""
    if not photo_ids:
        return []
    query = select(Photo.id).where(Photo.id.in_(photo_ids)).order_by(Photo.id).with_for_update()
    return list(session.scalars(query))


def discard_bytes(session: Session, images: ImageStore, limit: int = 1000) -> int:
    """Remove the bytes of listed photos, one commit for each; returns how many.

    A photo that was uploaded again meanwhile keeps its bytes. Raises StoreUnavailableError; what
    is left stays listed.
    """
    listed = session.scalars(select(DiscardedPhoto.sha256).limit(limit)).all()
    removed = 0
    for sha256 in listed:
        hold_bytes(session, sha256)
        if not session.scalar(select(exists().where(Photo.sha256 == sha256))):
            for key in photo_keys(sha256):
                images.delete(key)
            removed += 1
        session.execute(delete(DiscardedPhoto).where(DiscardedPhoto.sha256 == sha256))
        session.commit()
    return removed
