"""A shop whose garments have vectors, on real Postgres, with an index in memory."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from catalog.search.generations import ensure_generation
from catalog.search.index import VectorIndex, make_memory_index
from catalog.search.outbox import mark_dirty
from catalog.search.sync import sync_index
from catalog.tables import (
    Catalog,
    Embedding,
    EntryState,
    Garment,
    Generation,
    IndexEntry,
    Item,
    ItemPhoto,
    Photo,
    Role,
)

SEGMENTER, EMBEDDER, DIMENSIONS = "seg-1", "emb-1", 4


@dataclass
class Shop:
    """Adds items, photos and garments, and asks what the outbox holds. Commits each time."""

    sessions: sessionmaker[Session]
    index: VectorIndex

    def add_item(self, sku: str, catalog: str = "spring", **words: Any) -> int:
        words = {"title": sku, "price": Decimal("10.00"), "stock": 1, "brand": "Acme"} | words
        with self.sessions.begin() as session:
            found = session.scalar(select(Catalog).where(Catalog.name == catalog))
            item = Item(catalog=found or Catalog(name=catalog), sku=sku, **words)
            session.add(item)
            session.flush()
            return item.id

    def add_photo(self, *items: int) -> int:
        with self.sessions.begin() as session:
            photo = Photo(
                sha256=uuid.uuid4().hex, bytes=1, media_type="image/jpeg", width=10, height=10
            )
            session.add(photo)
            session.flush()
            session.add_all(ItemPhoto(item_id=item, photo=photo, position=0) for item in items)
            return photo.id

    def add_garment(
        self, photo: int, vector: Sequence[float], embedder: str = EMBEDDER, **fields: Any
    ) -> uuid.UUID:
        fields = {"category": "dress", "role": Role.SOLD, "segmenter": SEGMENTER} | fields
        with self.sessions.begin() as session:
            garment = Garment(
                photo_id=photo,
                score=0.9,
                box=[0, 0, 5, 5],
                mask={},
                outline=[],
                crop=b"",
                colours=[{"name": "red", "hex": "#ff0000", "share": 1.0}],
                **fields,
            )
            session.add(garment)
            session.flush()
            self._embed(session, garment.id, vector, embedder)
            return garment.id

    def embed(self, garment: uuid.UUID, vector: Sequence[float], embedder: str) -> None:
        with self.sessions.begin() as session:
            self._embed(session, garment, vector, embedder)

    def _embed(
        self, session: Session, garment: uuid.UUID, vector: Sequence[float], embedder: str
    ) -> None:
        unit = np.asarray(vector, dtype=np.float32) / np.linalg.norm(vector)
        session.add(Embedding(garment_id=garment, embedder=embedder, vector=unit))
        mark_dirty(session, [garment])

    def sell(self, vector: Sequence[float], sku: str = "", **fields: Any) -> tuple[int, uuid.UUID]:
        """One item with one photo of one garment; returns the ids of item and garment."""
        words = {key: fields.pop(key) for key in ("catalog", "brand", "stock") if key in fields}
        if "price" in fields:
            words["price"] = Decimal(str(fields.pop("price")))
        item = self.add_item(sku or uuid.uuid4().hex, **words)
        return item, self.add_garment(self.add_photo(item), vector, **fields)

    def sync(self) -> None:
        sync_index(self.sessions, self.index)

    def states(self, generation: Generation) -> dict[uuid.UUID, EntryState]:
        with self.sessions() as session:
            chosen = select(IndexEntry).where(IndexEntry.generation_id == generation.id)
            return {entry.garment_id: entry.state for entry in session.scalars(chosen)}

    def indexed(self, generation: Generation) -> set[uuid.UUID]:
        return {garment for garment, _ in self.index.scroll_ids(generation.collection)}


@pytest.fixture
def memory_index() -> Iterator[VectorIndex]:
    index = make_memory_index()
    yield index
    index.close()


@pytest.fixture
def generation(sessions: sessionmaker[Session], memory_index: VectorIndex) -> Generation:
    """The active generation, of checkpoints SEGMENTER and EMBEDDER."""
    with sessions() as session:
        return ensure_generation(session, memory_index, SEGMENTER, EMBEDDER, DIMENSIONS)


@pytest.fixture
def shop(
    sessions: sessionmaker[Session], memory_index: VectorIndex, generation: Generation
) -> Shop:
    return Shop(sessions, memory_index)
