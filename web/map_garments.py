"""What a point of the map stands for: a garment's category and an item that shows it.

Used by the map page while a visitor points at things.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.errors import NotFoundError
from catalog.tables import Garment, Item, ItemPhoto, Role


@dataclass(frozen=True)
class MappedGarment:
    """One garment with the first item whose photos show it."""

    category: str
    role: Role
    item_id: int
    title: str
    brand: str | None


def get_mapped_garment(session: Session, garment_id: UUID) -> MappedGarment:
    """Raises NotFoundError for a garment that is excluded or whose items are gone by now."""
    row = session.execute(
        select(Garment.category, Garment.role, Item.id, Item.title, Item.brand)
        .join(ItemPhoto, ItemPhoto.photo_id == Garment.photo_id)
        .join(Item, Item.id == ItemPhoto.item_id)
        .where(Garment.id == garment_id, Garment.excluded.is_(False), Item.deleted_at.is_(None))
        .order_by(Item.id)
        .limit(1)
    ).one_or_none()
    if row is None:
        raise NotFoundError("garment", garment_id)
    return MappedGarment(*row)
