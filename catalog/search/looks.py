"""Completes a look: what the catalog's photos show together with garments like this one.

Called by the item page and the API. Stylists have dressed the models: what look-alikes are worn
with is asked for among the items that are sold.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.errors import IndexUnavailableError, NotFoundError
from catalog.search.generations import active_generation
from catalog.search.index import VectorIndex
from catalog.search.points import Filters, Hit
from catalog.search.similar import SimilarItem, find_similar_to_vector
from catalog.tables import Embedding, Garment, Generation

_LOOK_ALIKES = 40
_LEAST_ALIKE = 0.4
"""Below this cosine with the garment a photo says nothing about it."""
_CATEGORIES = 4
_EXAMPLES = 3
_PER_EXAMPLE = 6


@dataclass(frozen=True)
class Companions:
    """Items of one category that go with a garment, the best first."""

    category: str
    seen: int
    """In how many of the look-alikes' photos such a garment is worn."""
    of: int
    """How many photos of look-alikes were looked at."""
    items: Sequence[SimilarItem]


def complete_look(
    session: Session, index: VectorIndex, garment_id: UUID, limit: int = 4, in_stock: bool = False
) -> list[Companions]:
    """What is worn with garments like this one, by category, what is worn most often first.

    Raises NotFoundError for a garment without a vector in the active index, IndexUnavailableError.
    """
    generation = active_generation(session)
    row = _find_garment(session, generation, garment_id)
    if generation is None or row is None:
        raise NotFoundError("garment with a vector in the active index", garment_id)
    try:
        hits = index.query(
            generation.collection, row.vector, Filters(category=row.category), _LOOK_ALIKES
        )
    except NotFoundError as error:
        raise IndexUnavailableError(f"{generation.collection} is being built anew") from error
    photos = _photos_by_likeness(hits, row)
    worn = _load_companions(session, generation, photos, row.category)
    groups = sorted(worn.items(), key=lambda group: (-_count_photos(group[1]), group[0]))
    found = [
        Companions(
            category,
            _count_photos(garments),
            len(photos),
            _find_items(session, index, garments, limit, in_stock),
        )
        for category, garments in groups[:_CATEGORIES]
    ]
    return [companions for companions in found if companions.items]


def _find_garment(session: Session, generation: Generation | None, garment_id: UUID) -> Any:
    if generation is None:
        return None
    return session.execute(
        select(Garment.photo_id, Garment.category, Embedding.vector)
        .join(Embedding, Embedding.garment_id == Garment.id)
        .where(Garment.id == garment_id, Embedding.embedder == generation.embedder)
    ).one_or_none()


def _photos_by_likeness(hits: Iterable[Hit], row: Any) -> Mapping[int, float]:
    """How alike the garment is that each photo shows; its own photo counts as well."""
    photos: dict[int, float] = {row.photo_id: 1.0}
    for hit in hits:
        photo_id = int(hit.payload["photo"])
        if hit.score >= _LEAST_ALIKE:
            photos[photo_id] = max(hit.score, photos.get(photo_id, 0.0))
    return photos


def _load_companions(
    session: Session, generation: Generation, photos: Mapping[int, float], category: str
) -> Mapping[str, Sequence[Any]]:
    """The other garments in those photos by category, next to the best look-alikes first."""
    rows = session.execute(
        select(Garment.id, Garment.photo_id, Garment.category, Garment.score, Embedding.vector)
        .join(Embedding, Embedding.garment_id == Garment.id)
        .where(
            Garment.photo_id.in_(photos),
            Garment.segmenter == generation.segmenter,
            Embedding.embedder == generation.embedder,
            Garment.excluded.is_(False),
            Garment.category != category,
        )
    ).all()
    by_category: dict[str, list[Any]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (-photos[row.photo_id], -row.score, str(row.id))):
        by_category[row.category].append(row)
    return by_category


def _count_photos(garments: Sequence[Any]) -> int:
    return len({garment.photo_id for garment in garments})


def _find_items(
    session: Session, index: VectorIndex, garments: Sequence[Any], limit: int, in_stock: bool
) -> list[SimilarItem]:
    """Items that sell what is worn there, or the nearest to it; each item once."""
    best: dict[int, SimilarItem] = {}
    filters = Filters(category=garments[0].category, in_stock=in_stock)
    for garment in garments[:_EXAMPLES]:
        for hit in find_similar_to_vector(session, index, garment.vector, filters, _PER_EXAMPLE):
            known = best.get(hit.item.id)
            if known is None or hit.score > known.score:
                best[hit.item.id] = hit
    return sorted(best.values(), key=lambda hit: (-hit.score, hit.item.id))[:limit]
