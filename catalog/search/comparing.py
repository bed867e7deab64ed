"""Compares two generations before a switch: do they hold the same, do they answer alike?

Called by the worker that has filled the new one.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.search.index import VectorIndex
from catalog.tables import Embedding, EntryState, Generation, IndexEntry

_TOP = 10
_SELF_SCORE = 0.999
SAMPLE = 200
"""So many garments are looked up in both."""


def compare_generations(
    session: Session, index: VectorIndex, old: Generation, new: Generation, sample: int = SAMPLE
) -> dict[str, Any]:
    """Counts of both, and how a random sample of garments fares in the new collection.

    "self_match" is the share that finds itself first (or a twin with the same score) with at
    least .999; "changed_top" the share of the ten nearest that the old collection did not name,
    None where the two have no garments in common (another segmenter).
    """
    vectors = _sample_vectors(session, new, sample)
    old_vectors = _vectors_of(session, old, list(vectors))
    matched = [_finds_itself(index, new, id_, vector) for id_, vector in vectors.items()]
    changed = [
        _changed_share(_nearest(index, old, old_vectors[id_]), _nearest(index, new, vectors[id_]))
        for id_ in old_vectors
    ]
    return {
        "old_count": index.count(old.collection),
        "new_count": index.count(new.collection),
        "sampled": len(vectors),
        "self_match": float(np.mean(matched)) if matched else 1.0,
        "changed_top": float(np.mean(changed)) if changed else None,
    }


def _sample_vectors(
    session: Session, generation: Generation, size: int
) -> dict[UUID, NDArray[np.float32]]:
    chosen = session.scalars(
        select(IndexEntry.garment_id)
        .where(IndexEntry.generation_id == generation.id, IndexEntry.state == EntryState.CLEAN)
        .order_by(func.random())
        .limit(size)
    ).all()
    return _vectors_of(session, generation, chosen)


def _vectors_of(
    session: Session, generation: Generation, ids: Sequence[UUID]
) -> dict[UUID, NDArray[np.float32]]:
    """Vectors of those garments that are in the generation."""
    rows = session.execute(
        select(Embedding.garment_id, Embedding.vector)
        .join(IndexEntry, IndexEntry.garment_id == Embedding.garment_id)
        .where(
            IndexEntry.generation_id == generation.id,
            IndexEntry.state == EntryState.CLEAN,
            Embedding.embedder == generation.embedder,
            Embedding.garment_id.in_(ids),
        )
    )
    return {row.garment_id: row.vector for row in rows}


def _finds_itself(
    index: VectorIndex, generation: Generation, garment_id: UUID, vector: NDArray[np.float32]
) -> bool:
    # Photos that show the same twice have garments with equal vectors: any order is right.
    hits = index.query(generation.collection, vector, limit=_TOP)
    own = next((hit.score for hit in hits if hit.garment_id == garment_id), None)
    return own is not None and own >= max(_SELF_SCORE, hits[0].score - 1e-5)


def _nearest(index: VectorIndex, generation: Generation, vector: NDArray[np.float32]) -> set[UUID]:
    return {hit.garment_id for hit in index.query(generation.collection, vector, limit=_TOP)}


def _changed_share(old: set[UUID], new: set[UUID]) -> float:
    return len(new - old) / len(new) if new else 0.0
