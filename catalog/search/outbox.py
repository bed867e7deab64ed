"""The outbox of the vector index: which garments its collections must look at again.

Called by whoever changes a garment, its item or its photo, in that change's own transaction;
`sync_index` carries the marks out.
"""

from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, Select, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.tables import (
    Embedding,
    EntryState,
    Garment,
    Generation,
    GenerationState,
    IndexEntry,
)

_BATCH = 5000


def followed_generations() -> Select[int]:
    """Ids of the generations that are kept up to date: active, building and newest retired.

    The retired one is what a rollback returns to, so it has to learn every change as well.
    """
    newest_retired = (
        select(Generation.id)
        .where(Generation.state == GenerationState.RETIRED)
        .order_by(Generation.activated_at.desc(), Generation.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(Generation.id).where(
        or_(
            Generation.state.in_([GenerationState.ACTIVE, GenerationState.BUILDING]),
            Generation.id == newest_retired,
        )
    )


def hold_generations(session: Session) -> None:
    """Keep every generation from being dropped until the transaction ends.

    The first lock of whoever will mark garments dirty while holding photos, items or garments:
    a drop deletes garments and entries, and the entries that are added refer to generations.
    """
    session.execute(
        select(Generation.id).order_by(Generation.id).with_for_update(read=True, key_share=True)
    ).all()


def mark_dirty(session: Session, garment_ids: Iterable[UUID]) -> None:
    """Have each followed generation that has a vector for these garments send them again.

    Excluded and orphaned garments are marked like the others: the sync finds that they no longer
    belong in the index and takes them out. Doesn't commit.
    """
    session.flush()
    for ids in _batches(garment_ids):
        rows = (
            select(Generation.id, Garment.id)
            .join(Garment, Garment.segmenter == Generation.segmenter)
            .join(
                Embedding,
                (Embedding.garment_id == Garment.id) & (Embedding.embedder == Generation.embedder),
            )
            .where(Generation.id.in_(followed_generations()), Garment.id.in_(ids))
            .order_by(Generation.id, Garment.id)
        )
        insert_dirty(session, rows)


def mark_deleted(session: Session, garment_ids: Iterable[UUID]) -> None:
    """Have every collection that may hold these garments drop them. Doesn't commit."""
    session.flush()
    for ids in _batches(garment_ids):
        # Locked in the order in which mark_dirty locks, so that the two can't deadlock.
        locked = (
            select(IndexEntry.generation_id, IndexEntry.garment_id)
            .where(IndexEntry.garment_id.in_(ids))
            .order_by(IndexEntry.generation_id, IndexEntry.garment_id)
            .with_for_update()
            .cte()
        )
        session.execute(
            update(IndexEntry)
            .where(
                IndexEntry.generation_id == locked.c.generation_id,
                IndexEntry.garment_id == locked.c.garment_id,
            )
            .values(state=EntryState.DELETE, version=IndexEntry.version + 1),
            execution_options={"synchronize_session": False},
        )


def insert_dirty(session: Session, rows: Select[int, UUID]) -> int:
    """Add (generation id, garment id) of `rows` as dirty entries, or mark those that exist.

    Returns how many entries are dirty now because of it.
    """
    dirty = literal(EntryState.DIRTY, IndexEntry.state.type)
    statement = insert(IndexEntry).from_select(
        ["generation_id", "garment_id", "state"], rows.add_columns(dirty)
    )
    result = session.execute(
        statement.on_conflict_do_update(
            index_elements=[IndexEntry.generation_id, IndexEntry.garment_id],
            set_={"state": dirty, "version": IndexEntry.version + 1},
        )
    )
    return cast(CursorResult[Any], result).rowcount


def _batches(garment_ids: Iterable[UUID]) -> Iterable[list[UUID]]:
    ids = sorted(set(garment_ids))
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))
