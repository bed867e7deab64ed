"""Makes index points of garments: their vector and what they can be filtered by.

Called by the sync; the database's state at that moment is what the index learns.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.search.points import Point
from catalog.tables import Catalog, Embedding, Garment, Generation, Item, ItemPhoto


def load_points(
    session: Session, generation: Generation, versions: Mapping[UUID, int]
) -> list[Point]:
    """The points of those garments that belong in the generation's collection.

    Left out are garments that are gone or excluded, have no vector of the generation's embedder,
    or whose photo shows no item any more. `versions` maps garment ids to outbox versions.
    """
    garments = session.execute(
        select(
            Garment.id,
            Garment.photo_id,
            Garment.category,
            Garment.role,
            Garment.colours,
            Embedding.vector,
        )
        .join(Embedding, Embedding.garment_id == Garment.id)
        .where(
            Garment.id.in_(versions),
            Garment.segmenter == generation.segmenter,
            Embedding.embedder == generation.embedder,
            Garment.excluded.is_(False),
        )
    ).all()
    items = _load_items(session, {garment.photo_id for garment in garments})
    return [
        Point(garment.id, garment.vector, _payload(garment, shown, versions[garment.id]))
        for garment in garments
        if (shown := items.get(garment.photo_id))
    ]


def _load_items(session: Session, photo_ids: Iterable[int]) -> Mapping[int, Sequence[Any]]:
    """The items on sale that each photo shows."""
    rows = session.execute(
        select(ItemPhoto.photo_id, Item.id, Item.brand, Item.price, Item.stock, Catalog.name)
        .join(Item, Item.id == ItemPhoto.item_id)
        .join(Catalog, Catalog.id == Item.catalog_id)
        .where(ItemPhoto.photo_id.in_(photo_ids), Item.deleted_at.is_(None))
        .order_by(Item.id)
    )
    items: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        items[row.photo_id].append(row)
    return items


def _payload(garment: Any, items: Sequence[Any], version: int) -> dict[str, Any]:
    # Qdrant's filters miss booleans that are stored as such in some engines: hence yes and no.
    in_stock = any(item.stock is None or item.stock > 0 for item in items)
    return {
        "category": garment.category,
        "role": garment.role.value,
        "items": [item.id for item in items],
        "catalogs": sorted({item.name for item in items}),
        "brands": sorted({item.brand for item in items if item.brand is not None}),
        "prices": sorted({float(item.price) for item in items if item.price is not None}),
        "in_stock": "yes" if in_stock else "no",
        "colours": list(dict.fromkeys(colour["name"] for colour in garment.colours)),
        "photo": garment.photo_id,
        "v": version,
    }
