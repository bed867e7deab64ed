"""How much of what is really nearest the index finds: exact search over Postgres is the reference.

Called by `lookalike evaluate index`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from catalog.errors import InputError
from catalog.search.generations import active_generation
from catalog.search.index import VectorIndex
from catalog.search.points import Filters, Hit
from catalog.tables import Embedding, EntryState, Garment, Generation, IndexEntry, Role

Floats = NDArray[np.float32]

KINDS = ("no filter", "category", "category, sold")
"""The filters that are measured: none, and those that the product searches with."""

_CHUNK = 4096
_TIE = 1e-4
"""Cosines nearer to each other than this are the same: vectors are kept in half precision."""


@dataclass(frozen=True)
class Stored:
    """Garments with what Postgres holds of them; vectors (N, D) of length 1."""

    ids: Sequence[UUID]
    categories: NDArray[np.str_]
    sold: NDArray[np.bool_]
    vectors: Floats


@dataclass(frozen=True)
class Recall:
    """Of one kind of filter. `score_error`: the most that a hit's score was off; `missed`: for each
    garment whose neighbours were not all found, how many of the first k were missing.
    """

    at_1: float
    at_k: float
    score_error: float
    missed: Mapping[UUID, int]


@dataclass(frozen=True)
class IndexRecall:
    """The recall of the active generation's collection, by kind of filter."""

    collection: str
    garments: int
    queries: int
    k: int
    kinds: Mapping[str, Recall]

    @property
    def worst(self) -> float:
        return min(recall.at_k for recall in self.kinds.values())


def measure_index_recall(
    session: Session, index: VectorIndex, queries: int = 200, k: int = 10, seed: int = 0
) -> IndexRecall:
    """Ask the index for the neighbours of some garments and compare with an exact search.

    A garment itself is not among its neighbours. Memory does not grow with the catalog. Raises
    InputError when nothing is indexed, IndexUnavailableError.
    """
    generation = active_generation(session)
    ids = [] if generation is None else list(session.scalars(_clean(generation)))
    if generation is None or len(ids) < 2:
        raise InputError("fewer than two garments are in the active index: ingest photos first")
    chosen = np.random.default_rng(seed).choice(len(ids), min(queries, len(ids)), replace=False)
    asked = _load(session, generation, [ids[i] for i in sorted(chosen)])
    kinds = {}
    for kind in KINDS:
        hits = [_ask(index, generation, asked, place, kind, k) for place in range(len(asked.ids))]
        found = _load(session, generation, sorted({h.garment_id for row in hits for h in row}))
        best = rank_exactly(asked, _stream(session, generation), kind, k)
        kinds[kind] = compare(asked, best, hits, found)
    return IndexRecall(generation.collection, len(ids), len(asked.ids), k, kinds)


def rank_exactly(asked: Stored, chunks: Iterator[Stored], kind: str, k: int) -> Floats:
    """(Q, k) the highest cosines of each query with the others that its filter lets through.

    -inf stands where there are no more.
    """
    best = np.full((len(asked.ids), k), -np.inf, dtype=np.float32)
    for chunk in chunks:
        scores = asked.vectors @ chunk.vectors.T  # (Q, D) x (D, N) -> (Q, N)
        scores[~_allowed(asked, chunk, kind)] = -np.inf
        both = np.concatenate([best, scores], axis=1)
        best = -np.sort(np.partition(-both, k - 1, axis=1)[:, :k], axis=1)
    return np.asarray(best, dtype=np.float32)


def _allowed(asked: Stored, others: Stored, kind: str) -> NDArray[np.bool_]:
    """(Q, N): what each query may find."""
    places = {id_: place for place, id_ in enumerate(others.ids)}
    allowed = np.ones((len(asked.ids), len(others.ids)), dtype=bool)
    for row, id_ in enumerate(asked.ids):
        if id_ in places:
            allowed[row, places[id_]] = False
    if kind != KINDS[0]:
        allowed &= asked.categories[:, None] == others.categories[None, :]
    if kind == KINDS[2]:
        allowed &= others.sold[None, :]
    return allowed


def compare(asked: Stored, best: Floats, hits: Sequence[Sequence[Hit]], found: Stored) -> Recall:
    """Which of the exact neighbours were found: (Q, k) exact cosines against the index's hits.

    A hit is right when what Postgres holds of it is as near as the k-th exact neighbour, so that
    of equals any will do. Queries without any neighbour do not count.
    """
    places = {id_: place for place, id_ in enumerate(found.ids)}
    firsts, shares, missed, error = [], [], {}, 0.0
    for row, id_ in enumerate(asked.ids):
        wanted = int(np.isfinite(best[row]).sum())
        if wanted == 0:
            continue
        exact = []
        for hit in hits[row][:wanted]:
            place = places.get(hit.garment_id)
            near = -np.inf if place is None else float(asked.vectors[row] @ found.vectors[place])
            exact.append(near)
            error = max(error, abs(near - hit.score) if np.isfinite(near) else error)
        right = sum(near >= best[row, wanted - 1] - _TIE for near in exact)
        firsts.append(bool(exact) and exact[0] >= best[row, 0] - _TIE)
        shares.append(right / wanted)
        if right < wanted:
            missed[id_] = wanted - right
    return Recall(_mean(firsts), _mean(shares), error, missed)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 1.0


def _ask(
    index: VectorIndex, generation: Generation, asked: Stored, place: int, kind: str, k: int
) -> list[Hit]:
    """The k nearest as the index sees them, without the garment itself."""
    category = str(asked.categories[place]) if kind != KINDS[0] else None
    role = Role.SOLD.value if kind == KINDS[2] else None
    filters = Filters(category=category, role=role)
    hits = index.query(generation.collection, asked.vectors[place], filters, limit=k + 1)
    return [hit for hit in hits if hit.garment_id != asked.ids[place]][:k]


def _clean(generation: Generation) -> Select[UUID]:
    return (
        select(IndexEntry.garment_id)
        .where(IndexEntry.generation_id == generation.id, IndexEntry.state == EntryState.CLEAN)
        .order_by(IndexEntry.garment_id)
    )


def _rows(generation: Generation) -> Select[UUID, str, Role, Floats]:
    return (
        select(Garment.id, Garment.category, Garment.role, Embedding.vector)
        .join(Embedding, Embedding.garment_id == Garment.id)
        .join(IndexEntry, IndexEntry.garment_id == Garment.id)
        .where(
            Embedding.embedder == generation.embedder,
            IndexEntry.generation_id == generation.id,
            IndexEntry.state == EntryState.CLEAN,
        )
        .order_by(Garment.id)
    )


def _load(session: Session, generation: Generation, ids: Sequence[UUID]) -> Stored:
    return _as_stored(session.execute(_rows(generation).where(Garment.id.in_(ids))).all())


def _stream(session: Session, generation: Generation) -> Iterator[Stored]:
    rows = session.execute(_rows(generation).execution_options(yield_per=_CHUNK))
    for part in rows.partitions():
        yield _as_stored(part)


def _as_stored(rows: Sequence[Row[UUID, str, Role, Floats]]) -> Stored:
    vectors = np.array([row[3] for row in rows], dtype=np.float32).reshape(len(rows), -1)
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return Stored(
        [row[0] for row in rows],
        np.array([row[1] for row in rows], dtype=np.str_),
        np.array([row[2] is Role.SOLD for row in rows], dtype=bool),
        np.asarray(vectors / lengths, dtype=np.float32),
    )
