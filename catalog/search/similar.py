"""Finds items that look alike: the nearest garments in the index, checked against the database.

Called by the pages and the API; needs no model, only vectors that are stored already.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from sqlalchemy import ColumnElement, Select, or_, select, tuple_
from sqlalchemy.orm import Session, contains_eager

from catalog.errors import ConflictError, IndexUnavailableError, NotFoundError
from catalog.search.generations import active_generation
from catalog.search.index import VectorIndex
from catalog.search.points import ANYTHING, Filters, ItemHit, Vector
from catalog.search.sellers import sold_by_others
from catalog.search.variety import choose_varied
from catalog.tables import Catalog, Embedding, Garment, Generation, Item, ItemPhoto, Role

MAX_LIMIT = 1000
"""The most items that one search gives."""

_OVERFETCH = 2
_VARIED_FROM = 4
"""Varied results are chosen from so many times as many near ones."""
_DEEPEST = 16_384
_MAX_VECTORS = 12
"""An item with more sold garments (a photo from each side) is searched for by the first ones."""


@dataclass(frozen=True)
class SimilarItem:
    """An item, its garment that is most alike, and their cosine similarity in [-1, 1]."""

    item: Item
    garment: Garment
    score: float


def find_similar(
    session: Session,
    index: VectorIndex,
    garment_id: UUID,
    filters: Filters = ANYTHING,
    limit: int = 12,
    sold_only: bool = True,
    variety: float = 0.0,
    generation: Generation | None = None,
) -> list[SimilarItem]:
    """Items that look like a garment, the most alike first, none that its photo itself shows.

    `variety` from 0 to 1 trades likeness for results that differ from each other. `generation` is
    asked instead of the active one. Raises NotFoundError for a garment without a vector,
    IndexUnavailableError.
    """
    asked = generation or active_generation(session)
    which = Garment.id == garment_id
    found = _search_by_garments(session, index, asked, which, filters, limit, sold_only, variety)
    if found is None:
        raise NotFoundError("garment with a vector in the active index", garment_id)
    return found


def find_similar_to_item(
    session: Session,
    index: VectorIndex,
    item_id: int,
    filters: Filters = ANYTHING,
    limit: int = 12,
    sold_only: bool = True,
    variety: float = 0.0,
    generation: Generation | None = None,
) -> list[SimilarItem]:
    """Items that look like what an item sells: the nearest to any of its sold garments.

    `generation` is asked instead of the active one. Empty where nothing in its photos is known to
    be sold. Raises IndexUnavailableError.
    """
    asked = generation or active_generation(session)
    sold = Garment.id.in_(_sold_garments(session, item_id))
    return (
        _search_by_garments(session, index, asked, sold, filters, limit, sold_only, variety) or []
    )


def find_similar_to_vector(
    session: Session,
    index: VectorIndex,
    vector: Vector,
    filters: Filters = ANYTHING,
    limit: int = 12,
    sold_only: bool = True,
    embedder: str | None = None,
    variety: float = 0.0,
) -> list[SimilarItem]:
    """Items that look like a garment that is in no catalog, by its vector.

    Raises ConflictError when `embedder`, which made the vector, is not the active one (a switch
    came in between: search again), IndexUnavailableError.
    """
    generation = active_generation(session)
    if generation is None:
        return []
    _refuse_stale(generation, embedder)
    return _search(session, index, generation, [vector], filters, limit, sold_only, variety)


def find_recommended(
    session: Session,
    index: VectorIndex,
    likes: Collection[UUID],
    dislikes: Collection[UUID] = (),
    filters: Filters = ANYTHING,
    limit: int = 12,
    sold_only: bool = True,
    variety: float = 0.0,
    liked_vectors: Sequence[Vector] = (),
    embedder: str | None = None,
) -> list[SimilarItem]:
    """Items like the middle of some garments and away from others; none that any of them shows.

    `liked_vectors` are of garments that are in no catalog (a visitor's photo), made by `embedder`.
    Garments that are gone are left out; raises NotFoundError when nothing that is liked is left,
    ConflictError as `find_similar_to_vector` does, IndexUnavailableError.
    """
    generation = active_generation(session)
    _refuse_stale(generation, embedder)
    liked = [*liked_vectors, *_load_vectors(session, generation, Garment.id.in_(likes))]
    if generation is None or not liked:
        raise NotFoundError("liked garment with a vector in the active index", sorted(likes))
    disliked = _load_vectors(session, generation, Garment.id.in_(dislikes))
    shown = _items_of(session, Garment.id.in_([*likes, *dislikes]))
    query = [_steer(liked, disliked)]
    filters = _exclude(filters, shown)
    return _search(session, index, generation, query, filters, limit, sold_only, variety)


def _refuse_stale(generation: Generation | None, embedder: str | None) -> None:
    if generation is not None and embedder is not None and embedder != generation.embedder:
        raise ConflictError("the index has changed since this photo was looked at; search again")


def _steer(liked: Sequence[Vector], disliked: Sequence[Vector]) -> Vector:
    """Qdrant's average vector: the middle of what is liked, moved away from what is not."""
    middle = np.mean(np.asarray(liked, dtype=np.float32), axis=0)
    if disliked:
        middle = 2 * middle - np.mean(np.asarray(disliked, dtype=np.float32), axis=0)
    return np.asarray(middle, dtype=np.float32)


def _sold_garments(session: Session, item_id: int) -> set[UUID]:
    """What an item sells, in all its photos and as all segmenters have seen it."""
    rows = session.execute(
        select(Item, Garment.id, Garment.category, Garment.photo_id)
        .join(ItemPhoto, ItemPhoto.item_id == Item.id)
        .join(Garment, Garment.photo_id == ItemPhoto.photo_id)
        .where(Item.id == item_id, Garment.role == Role.SOLD, Garment.excluded.is_(False))
    ).all()
    foreign = sold_by_others(session, [(row.Item, row) for row in rows])
    return {row.id for row in rows if (item_id, row.id) not in foreign}


def _search_by_garments(
    session: Session,
    index: VectorIndex,
    generation: Generation | None,
    which: ColumnElement[bool],
    filters: Filters,
    limit: int,
    sold_only: bool,
    variety: float,
) -> list[SimilarItem] | None:
    """Items that look like any of those garments, without the items that their photos show.

    None when none of them has a vector for the generation.
    """
    vectors = _load_vectors(session, generation, which)
    if generation is None or not vectors:
        return None
    filters = _exclude(filters, _items_of(session, which))
    return _search(session, index, generation, vectors, filters, limit, sold_only, variety)


def _search(
    session: Session,
    index: VectorIndex,
    generation: Generation,
    vectors: Sequence[Vector],
    filters: Filters,
    limit: int,
    sold_only: bool,
    variety: float = 0.0,
) -> list[SimilarItem]:
    limit = min(limit, MAX_LIMIT)
    if sold_only:
        filters = replace(filters, role=Role.SOLD.value)
    if not variety:
        return _nearest(session, index, generation, vectors, filters, limit)
    pool = _nearest(session, index, generation, vectors, filters, _VARIED_FROM * limit)
    return _vary(session, generation, pool, variety, limit)


def _nearest(
    session: Session,
    index: VectorIndex,
    generation: Generation,
    vectors: Sequence[Vector],
    filters: Filters,
    limit: int,
) -> list[SimilarItem]:
    """Ask for more until enough hits hold in the database or the index has no more."""
    excluded = set(filters.exclude_items)
    # A garment can be shown by an excluded item and another: the items are dropped here instead.
    asked = replace(filters, exclude_items=())
    fetched = _OVERFETCH * limit + len(excluded)
    while True:
        per_vector = [_ask(index, generation, each, asked, fetched) for each in vectors]
        best = _merge(per_vector, excluded)
        found = _verify(session, generation, best, filters)
        exhausted = all(len(hits) < fetched for hits in per_vector) or fetched >= _DEEPEST
        if len(found) >= limit or exhausted:
            return found[:limit]
        fetched *= 4


def _vary(
    session: Session,
    generation: Generation,
    pool: Sequence[SimilarItem],
    variety: float,
    limit: int,
) -> list[SimilarItem]:
    rows = session.execute(
        select(Embedding.garment_id, Embedding.vector).where(
            Embedding.garment_id.in_([hit.garment.id for hit in pool]),
            Embedding.embedder == generation.embedder,
        )
    )
    stored = dict(rows.all())
    pool = [hit for hit in pool if hit.garment.id in stored]
    if not pool:
        return []
    vectors = np.stack([stored[hit.garment.id] for hit in pool])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    chosen = choose_varied([hit.score for hit in pool], vectors, variety, limit)
    return [pool[place] for place in chosen]


def _ask(
    index: VectorIndex, generation: Generation, vector: Vector, filters: Filters, limit: int
) -> list[ItemHit]:
    try:
        return index.query_by_item(generation.collection, vector, filters, limit)
    except NotFoundError as error:
        # It was lost or dropped this moment; the next sync fills it, or another one serves.
        raise IndexUnavailableError(f"{generation.collection} is being built anew") from error


def _merge(per_vector: Iterable[Iterable[ItemHit]], excluded: Collection[int]) -> list[ItemHit]:
    """Each item once, with the best that any vector found, the most alike first."""
    best: dict[int, ItemHit] = {}
    for hits in per_vector:
        for hit in hits:
            if hit.item_id in excluded:
                continue
            if hit.item_id not in best or hit.score > best[hit.item_id].score:
                best[hit.item_id] = hit
    return sorted(best.values(), key=lambda hit: (-hit.score, hit.item_id))


def _verify(
    session: Session, generation: Generation, hits: Sequence[ItemHit], filters: Filters
) -> list[SimilarItem]:
    """The hits whose rows exist and for whose own item the filters hold, loaded in one query.

    The index may be a moment behind, and where a photo shows two items it knows the brands and
    prices of both without telling which is whose; nor which of them sells the garment.
    """
    if not hits:
        return []
    pairs = [(hit.item_id, hit.garment_id) for hit in hits]
    rows = session.execute(_matching_rows(generation, filters, pairs)).unique()
    loaded = {(item.id, garment.id): (item, garment) for item, garment in rows}
    if filters.role == Role.SOLD:
        for foreign in sold_by_others(session, loaded.values()):
            del loaded[foreign]
    return [
        SimilarItem(*loaded[hit.item_id, hit.garment_id], hit.score)
        for hit in hits
        if (hit.item_id, hit.garment_id) in loaded
    ]


def _matching_rows(
    generation: Generation, filters: Filters, pairs: Sequence[tuple[int, UUID]]
) -> Select[Item, Garment]:
    return (
        select(Item, Garment)
        .join(ItemPhoto, ItemPhoto.item_id == Item.id)
        .join(Garment, Garment.photo_id == ItemPhoto.photo_id)
        .join(Garment.photo)
        .join(Item.catalog)
        .options(contains_eager(Item.catalog), contains_eager(Garment.photo))
        .where(
            tuple_(Item.id, Garment.id).in_(pairs),
            Item.deleted_at.is_(None),
            Garment.excluded.is_(False),
            Garment.segmenter == generation.segmenter,
            *_conditions(filters),
        )
    )


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.category is not None:
        conditions.append(Garment.category == filters.category)
    if filters.role is not None:
        conditions.append(Garment.role == Role(filters.role))
    if filters.catalog is not None:
        conditions.append(Catalog.name == filters.catalog)
    if filters.brand is not None:
        conditions.append(Item.brand == filters.brand)
    if filters.price_min is not None:
        conditions.append(Item.price >= filters.price_min)
    if filters.price_max is not None:
        conditions.append(Item.price <= filters.price_max)
    if filters.in_stock:
        conditions.append(or_(Item.stock.is_(None), Item.stock > 0))
    return conditions


def _load_vectors(
    session: Session, generation: Generation | None, which: ColumnElement[bool]
) -> list[Vector]:
    if generation is None:
        return []
    vectors = session.scalars(
        select(Embedding.vector)
        .join(Garment, Garment.id == Embedding.garment_id)
        .where(
            which,
            Garment.segmenter == generation.segmenter,
            Embedding.embedder == generation.embedder,
        )
        .order_by(Garment.photo_id, Garment.id)
        .limit(_MAX_VECTORS)
    )
    return list(vectors)


def _items_of(session: Session, which: ColumnElement[bool]) -> set[int]:
    """The items that the photos of those garments show."""
    shown = select(ItemPhoto.item_id).join(Garment, Garment.photo_id == ItemPhoto.photo_id)
    return set(session.scalars(shown.where(which)))


def _exclude(filters: Filters, items: Iterable[int]) -> Filters:
    return replace(filters, exclude_items=sorted({*filters.exclude_items, *items}))
