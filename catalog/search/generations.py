"""Generations of the index: one serves, one may be building, the last retired one waits.

Called by the workers (first start, re-index), the admin pages and the API. The switch is one
transaction in Postgres; the alias in the index follows for outside readers.
"""

import contextlib
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import CursorResult, Select, delete, exists, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.errors import ConflictError, IndexUnavailableError
from catalog.jobs import OPEN_STATES
from catalog.search.comparing import compare_generations
from catalog.search.index import VectorIndex
from catalog.tables import (
    Embedding,
    EntryState,
    Garment,
    Generation,
    GenerationState,
    IndexEntry,
    ItemPhoto,
    Job,
    ReindexKind,
)

__all__ = [
    "activate",
    "active_generation",
    "begin_reindex",
    "belonging_without_entry",
    "building_generation",
    "cancel_building",
    "compare_generations",
    "drop_retired",
    "ensure_generation",
    "fill_from_vectors",
    "find_missing_vectors",
    "hold_live_generations",
    "is_behind",
    "is_being_filled",
    "retired_generation",
    "roll_back",
]


def active_generation(session: Session) -> Generation | None:
    """The generation that answers searches; None before the first start of a worker."""
    return _find(session, GenerationState.ACTIVE)


def building_generation(session: Session) -> Generation | None:
    """The generation that a re-index fills; None when none is under way."""
    return _find(session, GenerationState.BUILDING)


def retired_generation(session: Session) -> Generation | None:
    """The generation that a rollback returns to: the last one that served before the active."""
    return _find(session, GenerationState.RETIRED)


def hold_live_generations(session: Session) -> list[Generation]:
    """The active and the building generation, held as they are until the transaction ends.

    Whoever saves what models saw begins with this: a re-index that begins or switches waits for
    the commit, so no photo is saved for a pair of models that has just been replaced.
    """
    locked = select(Generation).order_by(Generation.id).with_for_update(read=True)
    # All of them: their garments go into the retired one's outbox as well, and who drops it locks
    # in the same order.
    session.scalars(locked).all()
    # Again: what was inserted while the first statement waited is not in its snapshot.
    live = locked.where(Generation.state.in_([GenerationState.ACTIVE, GenerationState.BUILDING]))
    return list(session.scalars(live.execution_options(populate_existing=True)))


def ensure_generation(
    session: Session, index: VectorIndex, segmenter_id: str, embedder_id: str, dimensions: int
) -> Generation:
    """The active generation; the first call of all makes one of these two checkpoints.

    Commits. Safe to call in many processes at once: they all get the same one. With the index
    down the collection is made by a later sync.
    """
    present = active_generation(session)
    if present is not None:
        return present
    _insert(session, index, segmenter_id, embedder_id, dimensions, GenerationState.ACTIVE)
    session.commit()
    active = active_generation(session)
    assert active is not None, "it was there or has just been inserted"
    with contextlib.suppress(IndexUnavailableError):
        index.create_collection(active.collection, active.dimensions)
        index.point_to(index.prefix, active.collection)
    return active


def begin_reindex(
    session: Session,
    index: VectorIndex,
    kind: ReindexKind,
    segmenter_id: str,
    embedder_id: str,
    dimensions: int,
    job: Job | None = None,
) -> Generation:
    """Add the generation that a re-index fills; from now on it gets every change as well.

    The next sync makes its collection. Doesn't commit. Raises ConflictError when a re-index is
    under way, nothing is active, or `kind` can't yield these checkpoints from the active ones.
    """
    _lock_generations(session)  # so that nobody saves photos for the present ones alone
    active = active_generation(session)
    if active is None:
        raise ConflictError("there is no active index yet, so nothing to build anew")
    if kind is not ReindexKind.PHOTOS and segmenter_id != active.segmenter:
        raise ConflictError(f"another segmenter needs a re-index from the photos, not the {kind}")
    if kind is ReindexKind.VECTORS and embedder_id != active.embedder:
        raise ConflictError("another embedder needs a re-index from the crops or the photos")
    _insert(session, index, segmenter_id, embedder_id, dimensions, GenerationState.BUILDING, job)
    building = building_generation(session)
    assert building is not None, "it has just been inserted"
    return building


def fill_from_vectors(session: Session, generation: Generation) -> int:
    """Mark each garment that has a vector for this generation and is not in it yet.

    Returns how many were added. Doesn't commit; calling it again continues.
    """
    session.flush()
    rows = (
        select(literal(generation.id), Garment.id, literal(EntryState.DIRTY, IndexEntry.state.type))
        .join(Embedding, Embedding.garment_id == Garment.id)
        .where(Garment.segmenter == generation.segmenter, Embedding.embedder == generation.embedder)
        .order_by(Garment.id)
    )
    result = session.execute(
        insert(IndexEntry)
        .from_select(["generation_id", "garment_id", "state"], rows)
        .on_conflict_do_nothing()
    )
    return cast(CursorResult[Any], result).rowcount


def is_behind(session: Session, generation: Generation) -> int:
    """How many garments the generation's collection still has to learn about."""
    behind = select(func.count()).where(
        IndexEntry.generation_id == generation.id, IndexEntry.state != EntryState.CLEAN
    )
    return session.scalar(behind) or 0


def is_being_filled(session: Session, generation: Generation) -> bool:
    """Whether a re-index job is still at work on it."""
    open_job = (Job.generation_id == generation.id) & Job.state.in_(OPEN_STATES)
    return session.scalar(select(Job.id).where(open_job)) is not None


def belonging_without_entry(generation: Generation) -> Select[UUID]:
    """Ids of garments that belong in the generation's collection and that no sync would send.

    They have a vector, an item shows their photo and nobody has excluded them. Without a fault
    there are none, but in a generation that is still being filled.
    """
    return (
        select(Garment.id)
        .join(
            Embedding,
            (Embedding.garment_id == Garment.id) & (Embedding.embedder == generation.embedder),
        )
        .where(
            Garment.segmenter == generation.segmenter,
            Garment.excluded.is_(False),
            exists().where(ItemPhoto.photo_id == Garment.photo_id),
            ~exists().where(
                IndexEntry.generation_id == generation.id, IndexEntry.garment_id == Garment.id
            ),
        )
    )


def find_missing_vectors(session: Session, generation: Generation, limit: int) -> list[UUID]:
    """Garments of the generation's segmenter that its embedder has not seen, `limit` at most."""
    seen = select(Embedding.garment_id).where(
        Embedding.garment_id == Garment.id, Embedding.embedder == generation.embedder
    )
    missing = select(Garment.id).where(Garment.segmenter == generation.segmenter, ~seen.exists())
    return list(session.scalars(missing.order_by(Garment.id).limit(limit)))


def activate(session: Session, index: VectorIndex, generation: Generation) -> None:
    """Let the building generation serve and retire the one that served. Doesn't commit.

    Whether it is complete is for the caller to ask: `is_behind`, `compare_generations`.
    """
    if _locked_state(session, generation) is not GenerationState.BUILDING:
        raise ConflictError(f"{generation.collection} is not being built")
    _switch(session, index, generation)


def roll_back(session: Session, index: VectorIndex) -> Generation:
    """Let the retired generation serve again; a second call rolls forward. Doesn't commit.

    It knows every change and deletion. Photos that came after the switch are in it as far as its
    own two checkpoints have seen them; the sweep has the rest indexed with them (`reopen_unseen`).
    Raises ConflictError when none is kept.
    """
    retired = retired_generation(session)
    if retired is None or _locked_state(session, retired) is not GenerationState.RETIRED:
        raise ConflictError("no earlier index is kept that a rollback could return to")
    _switch(session, index, retired)
    return retired


def cancel_building(session: Session, index: VectorIndex, generation: Generation) -> None:
    """Drop this building generation and what only it used. Doesn't commit.

    Raises ConflictError when it is not being built any more: it may serve since a moment ago.
    """
    if _locked_state(session, generation) is not GenerationState.BUILDING:
        raise ConflictError(f"{generation.collection} is not being built")
    _drop(session, index, generation)
    _forget_unused(session)


def drop_retired(session: Session, index: VectorIndex) -> int:
    """Drop all retired generations but the one that a rollback returns to. Doesn't commit.

    Garments and vectors of checkpoints that no generation uses any more go with them. Returns how
    many generations were dropped.
    """
    _lock_generations(session)  # a rollback must not take back one that is being dropped
    kept = retired_generation(session)
    retired = session.scalars(
        select(Generation).where(Generation.state == GenerationState.RETIRED)
    ).all()
    dropped = [generation for generation in retired if generation is not kept]
    for generation in dropped:
        _drop(session, index, generation)
    if dropped:
        _forget_unused(session)
    return len(dropped)


def _find(session: Session, state: GenerationState) -> Generation | None:
    newest = (Generation.activated_at.desc(), Generation.id.desc())
    return session.scalar(
        select(Generation).where(Generation.state == state).order_by(*newest).limit(1)
    )


def _insert(
    session: Session,
    index: VectorIndex,
    segmenter_id: str,
    embedder_id: str,
    dimensions: int,
    state: GenerationState,
    job: Job | None = None,
) -> None:
    """Insert a generation; an active one may be there already, a building one must not."""
    active = state is GenerationState.ACTIVE
    inserted = session.scalar(
        insert(Generation)
        .values(
            # Never used before, so no leftovers of another database are taken for ours.
            collection=f"{index.prefix}_{uuid4().hex[:12]}",
            segmenter=segmenter_id,
            embedder=embedder_id,
            dimensions=dimensions,
            state=state,
            activated_at=func.now() if active else None,
        )
        .on_conflict_do_nothing()
        .returning(Generation.id)
    )
    if inserted is None and not active:
        raise ConflictError("a re-index is under way already; cancel it or wait")
    if job is not None:
        job.generation_id = inserted


def _locked_state(session: Session, generation: Generation) -> GenerationState | None:
    return _lock_generations(session).get(generation.id)


def _lock_generations(session: Session) -> dict[int, GenerationState]:
    # Everybody locks all of them in the same order, so two switches can't deadlock.
    rows = session.execute(
        select(Generation.id, Generation.state).order_by(Generation.id).with_for_update()
    ).all()
    return {row.id: row.state for row in rows}


def _switch(session: Session, index: VectorIndex, generation: Generation) -> None:
    session.refresh(generation)
    former = active_generation(session)
    if former is not None:
        former.state = GenerationState.RETIRED
        session.flush()  # First: only one may be active at any time.
    generation.state = GenerationState.ACTIVE
    # now() is the transaction's start, which two switches in one transaction would share.
    generation.activated_at = session.scalar(select(func.clock_timestamp()))
    session.flush()
    # Both collections are complete, so outside readers may move a moment before the commit; if
    # that fails, or the index is down, the next sync puts the alias right.
    with contextlib.suppress(IndexUnavailableError):
        index.point_to(index.prefix, generation.collection)


def _forget_unused(session: Session) -> None:
    """Remove garments and vectors of checkpoints that no generation uses any more."""
    session.execute(delete(Garment).where(Garment.segmenter.not_in(select(Generation.segmenter))))
    session.execute(delete(Embedding).where(Embedding.embedder.not_in(select(Generation.embedder))))


def _drop(session: Session, index: VectorIndex, generation: Generation) -> None:
    session.execute(delete(Generation).where(Generation.id == generation.id))
    # If the transaction fails after this, the next sync fills the collection anew.
    with contextlib.suppress(IndexUnavailableError):
        index.drop_collection(generation.collection)
