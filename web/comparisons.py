"""A kept comparison with what the pages and the API show of it: items, titles, covers.

Four statements, however many items are compared.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from catalog.search.side_by_side import Neighbour, items_of
from catalog.tables import Comparison, Item
from web.queries import Cover, covers_of, photos_of


@dataclass(frozen=True)
class ShownNeighbour:
    """An item that one of the two finds. `title` is None where the item is gone by now."""

    item_id: int
    title: str | None
    garment_id: UUID
    has_crop: bool
    score: float
    changed: bool
    """Whether the other one does not find it."""


@dataclass(frozen=True)
class Shown:
    """One of the most viewed items, and what both generations find for it."""

    item: Item
    cover: Cover | None
    views: int
    changed: float | None
    old: Sequence[ShownNeighbour]
    new: Sequence[ShownNeighbour]


def show_items(session: Session, comparison: Comparison, limit: int) -> list[Shown]:
    """The first `limit` items of a comparison that still exist."""
    compared = items_of(comparison, limit)
    hits = [hit for each in compared for hit in (*each.old, *each.new)]
    ids = {each.item_id for each in compared}
    items = _load_items(session, ids | {hit.item_id for hit in hits})
    crops = photos_of(session, {hit.garment_id for hit in hits})
    covers = covers_of(session, ids)
    return [
        Shown(
            items[each.item_id],
            covers.get(each.item_id),
            each.views,
            each.changed,
            _side(each.old, each.new, items, crops),
            _side(each.new, each.old, items, crops),
        )
        for each in compared
        if each.item_id in items
    ]


def _side(
    mine: Sequence[Neighbour],
    other: Sequence[Neighbour],
    items: Mapping[int, Item],
    crops: Collection[UUID],
) -> list[ShownNeighbour]:
    known = {hit.item_id for hit in other}
    return [
        ShownNeighbour(
            hit.item_id,
            items[hit.item_id].title if hit.item_id in items else None,
            hit.garment_id,
            hit.garment_id in crops,
            hit.score,
            hit.item_id not in known,
        )
        for hit in mine
    ]


def _load_items(session: Session, ids: Collection[int]) -> dict[int, Item]:
    query = select(Item).where(Item.id.in_(ids), Item.deleted_at.is_(None))
    rows = session.scalars(query.options(joinedload(Item.catalog)))
    return {item.id: item for item in rows}
