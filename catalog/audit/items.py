"""Reads a catalog item by item as an audit sees it: what each sells, with vectors.

Called by the worker, a page at a time; memory does not grow with the catalog.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from catalog.search.points import Vector
from catalog.search.sellers import sold_by_others
from catalog.tables import Embedding, Garment, Generation, Item, ItemPhoto, Role

MAX_VECTORS = 12
"""As in a search by item: one with more sold garments is compared by the first ones."""


@dataclass(frozen=True)
class SoldGarment:
    """A garment that an item sells."""

    id: UUID
    photo_id: int
    category: str
    vector: Vector


@dataclass
class AuditedItem:
    """An item, what it sells, and which other items its photos show."""

    id: int
    sku: str
    price: Decimal | None
    currency: str | None
    garments: list[SoldGarment] = field(default_factory=list)
    shared: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    """By photo."""

    @property
    def beside(self) -> set[int]:
        """Items that any of its photos shows too."""
        return set().union(*self.shared.values())

    @property
    def category(self) -> str | None:
        return self.garments[0].category if self.garments else None


def count_items(session: Session) -> int:
    return session.scalar(select(func.count()).where(Item.deleted_at.is_(None))) or 0


def load_items(
    session: Session, generation: Generation, after: int, limit: int
) -> list[AuditedItem]:
    """The next items in the order of their ids, deleted ones left out."""
    rows = load_facts(session, Item.id > after, limit)
    items = {row.id: AuditedItem(row.id, row.sku, row.price, row.currency) for row in rows}
    facts = {row.id: row for row in rows}
    for item_id, garment in _own_garments(session, generation, facts):
        if len(items[item_id].garments) < MAX_VECTORS:
            items[item_id].garments.append(garment)
    for item_id, photo_id, other_id in _neighbours_in_photos(session, items):
        items[item_id].shared[photo_id].add(other_id)
    return list(items.values())


def load_facts(session: Session, which: Any, limit: int | None = None) -> Sequence[Any]:
    """Rows of items on sale with what is compared: words, price, stock."""
    words = (Item.id, Item.sku, Item.title, Item.category)
    query = (
        select(*words, Item.price, Item.currency, Item.stock)
        .where(which, Item.deleted_at.is_(None))
        .order_by(Item.id)
    )
    return session.execute(query.limit(limit)).all()


def _own_garments(
    session: Session, generation: Generation, facts: dict[int, Any]
) -> Iterable[tuple[int, SoldGarment]]:
    """(item id, garment), the first photo's first, without what another item sells."""
    query = (
        select(ItemPhoto.item_id, Garment.id, Garment.photo_id, Garment.category, Embedding.vector)
        .join(Garment, Garment.photo_id == ItemPhoto.photo_id)
        .join(Embedding, Embedding.garment_id == Garment.id)
        .where(
            ItemPhoto.item_id.in_(facts),
            Garment.role == Role.SOLD,
            Garment.excluded.is_(False),
            Garment.segmenter == generation.segmenter,
            Embedding.embedder == generation.embedder,
        )
        .order_by(ItemPhoto.item_id, ItemPhoto.position, Garment.score.desc(), Garment.id)
    )
    found = [
        (row.item_id, SoldGarment(row.id, row.photo_id, row.category, row.vector))
        for row in session.execute(query)
    ]
    foreign = sold_by_others(session, [(facts[item_id], garment) for item_id, garment in found])
    return [(item_id, each) for item_id, each in found if (item_id, each.id) not in foreign]


def _neighbours_in_photos(
    session: Session, item_ids: Iterable[int]
) -> Iterable[tuple[int, int, int]]:
    """(item, photo, another item on sale that the photo shows)."""
    other = aliased(ItemPhoto)
    query = (
        select(ItemPhoto.item_id, ItemPhoto.photo_id, other.item_id)
        .join(other, other.photo_id == ItemPhoto.photo_id)
        .join(Item, Item.id == other.item_id)
        .where(
            ItemPhoto.item_id.in_(item_ids),
            other.item_id != ItemPhoto.item_id,
            Item.deleted_at.is_(None),
        )
    )
    return [(row[0], row[1], row[2]) for row in session.execute(query)]
