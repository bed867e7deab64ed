"""Feeds as tests send them, and what the catalog made of them."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog.items import upsert_items
from catalog.tables import EntryState, IndexEntry, Item, ItemPhoto, Photo
from tests.catalog.conftest import sha_of

SHOP = "shop"


def row(sku: str, *photos: str, **words: Any) -> dict[str, Any]:
    return {"sku": sku, "title": f"Item {sku}", "photos": [sha_of(p) for p in photos], **words}


def upsert(session: Session, *rows: dict[str, Any], job: UUID | None = None) -> list[str]:
    results = upsert_items(session, SHOP, rows, job)
    session.commit()
    return [result.status for result in results]


def item(session: Session, sku: str) -> Item:
    session.expire_all()
    return session.scalars(select(Item).where(Item.sku == sku)).one()


def shown_by(session: Session, sku: str) -> list[str]:
    query = (
        select(Photo.sha256)
        .join(ItemPhoto)
        .where(ItemPhoto.item_id == item(session, sku).id)
        .order_by(ItemPhoto.position)
    )
    return list(session.scalars(query))


def clean_entries(session: Session) -> None:
    session.execute(update(IndexEntry).values(state=EntryState.CLEAN))
    session.commit()
