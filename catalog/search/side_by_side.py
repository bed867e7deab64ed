"""What two generations answer for the items that people look at most, side by side.

Called by the worker that has filled the new one, and to compare again; needs no model. Items are
compared, not garments: another segmenter finds other garments, but a person sees items.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.search.comparing import compare_generations
from catalog.search.index import VectorIndex
from catalog.search.similar import find_similar_to_item
from catalog.tables import (
    Comparison,
    Garment,
    Generation,
    Item,
    ItemPhoto,
    ItemView,
    Role,
)

MOST_ITEMS = 48
"""So many items are compared: a few seconds of searching."""
EACH = 6
"""So many neighbours of each are."""


@dataclass(frozen=True)
class Neighbour:
    """An item found, by which garment, and how alike (cosine)."""

    item_id: int
    garment_id: UUID
    score: float


@dataclass(frozen=True)
class ItemComparison:
    """What both generations find for one item, the most alike first."""

    item_id: int
    views: int
    old: Sequence[Neighbour] = field(default_factory=tuple)
    new: Sequence[Neighbour] = field(default_factory=tuple)

    @property
    def changed(self) -> float | None:
        """The share of neighbours that differ; None where neither finds any."""
        return changed_share([hit.item_id for hit in self.old], [hit.item_id for hit in self.new])


def changed_share(old: Sequence[int], new: Sequence[int]) -> float | None:
    """How much of the longer list the other one lacks, from 0 to 1; None of two empty ones."""
    longer = max(len(old), len(new))
    return 1 - len({*old} & {*new}) / longer if longer else None


def compare(session: Session, index: VectorIndex, old: Generation, new: Generation) -> Comparison:
    """Counts, self-match and neighbours of both, kept for the pages. Doesn't commit.

    Raises IndexUnavailableError, NotFoundError when a collection was lost.
    """
    return save_comparison(
        session,
        new,
        compare_generations(session, index, old, new),
        compare_items(session, index, old, new),
    )


def compare_items(
    session: Session,
    index: VectorIndex,
    old: Generation,
    new: Generation,
    limit: int = MOST_ITEMS,
    each: int = EACH,
) -> list[ItemComparison]:
    """The most viewed items, then the newest, with their neighbours in both generations."""
    return [
        ItemComparison(
            item_id,
            views,
            _neighbours(session, index, old, item_id, each),
            _neighbours(session, index, new, item_id, each),
        )
        for item_id, views in most_viewed(session, old, limit)
    ]


def most_viewed(session: Session, generation: Generation, limit: int) -> list[tuple[int, int]]:
    """(id, views) of items that sell a garment of this generation, the most viewed first."""
    sold = exists().where(
        ItemPhoto.item_id == Item.id,
        Garment.photo_id == ItemPhoto.photo_id,
        Garment.segmenter == generation.segmenter,
        Garment.role == Role.SOLD,
    )
    views = func.coalesce(ItemView.views, 0)
    rows = session.execute(
        select(Item.id, views)
        .outerjoin(ItemView, ItemView.item_id == Item.id)
        .where(Item.deleted_at.is_(None), sold)
        .order_by(views.desc(), Item.id.desc())
        .limit(limit)
    )
    return [(item_id, count) for item_id, count in rows]


def summarise(compared: Sequence[ItemComparison]) -> dict[str, Any]:
    """The mean share of changed neighbours, and how many items have how many changed."""
    shares = [share for each in compared if (share := each.changed) is not None]
    spread = [0, 0, 0, 0, 0]
    for share in shares:
        spread[_band(share)] += 1
    mean = sum(shares) / len(shares) if shares else None
    return {"compared_items": len(shares), "changed_items": mean, "spread": spread}


def save_comparison(
    session: Session,
    generation: Generation,
    report: dict[str, Any],
    compared: Sequence[ItemComparison],
) -> Comparison:
    """Keep it with the generation that was built, in place of an earlier one. Doesn't commit."""
    values = {
        "report": report | summarise(compared),
        "items": [_as_json(each) for each in compared],
        "compared_at": func.clock_timestamp(),
    }
    statement = insert(Comparison).values(generation_id=generation.id, **values)
    session.execute(
        statement.on_conflict_do_update(index_elements=[Comparison.generation_id], set_=values)
    )
    return session.get_one(Comparison, generation.id, populate_existing=True)


def items_of(comparison: Comparison, limit: int = MOST_ITEMS) -> list[ItemComparison]:
    """What was kept, the most viewed first."""
    return [
        ItemComparison(
            row["item"],
            row["views"],
            [Neighbour(hit[0], UUID(hit[1]), hit[2]) for hit in row["old"]],
            [Neighbour(hit[0], UUID(hit[1]), hit[2]) for hit in row["new"]],
        )
        for row in comparison.items[:limit]
    ]


def _neighbours(
    session: Session, index: VectorIndex, generation: Generation, item_id: int, each: int
) -> list[Neighbour]:
    hits = find_similar_to_item(session, index, item_id, limit=each, generation=generation)
    return [Neighbour(hit.item.id, hit.garment.id, hit.score) for hit in hits]


def _as_json(compared: ItemComparison) -> dict[str, Any]:
    return {
        "item": compared.item_id,
        "views": compared.views,
        "old": [[hit.item_id, str(hit.garment_id), round(hit.score, 4)] for hit in compared.old],
        "new": [[hit.item_id, str(hit.garment_id), round(hit.score, 4)] for hit in compared.new],
    }


def _band(share: float) -> int:
    """0: none changed, 1: up to a third, 2: up to two thirds, 3: more, 4: all."""
    if share in (0, 1):
        return 4 * int(share)
    return 1 + (share > 1 / 3 + 1e-9) + (share > 2 / 3 + 1e-9)
