"""Fills a database and an index with a made-up shop of any size: rows as a worker leaves them.

Used by the benchmarks that need more items than there are photos for.
"""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from catalog.masks import encode_mask, outline_of
from catalog.photos.decode import encode_crop
from catalog.search.sync import sync_index
from catalog.services import Services
from catalog.spelling import learn_words
from catalog.tables import (
    Catalog,
    Embedding,
    EntryState,
    Garment,
    Generation,
    GenerationState,
    IndexEntry,
    Item,
    ItemPhoto,
    ItemSummary,
    ItemView,
    Photo,
    PhotoState,
    Role,
)
from catalog.taxonomy import CATEGORIES

DIMENSIONS = 512
_BATCH = 5_000
_CENTRES = 2_000
_SPREAD = 0.6
_ADJECTIVES = ("Slim", "Relaxed", "Cropped", "Quilted", "Ribbed", "Washed", "Pleated", "Striped")
_COLOURS = ("black", "white", "navy", "grey", "red", "green", "beige", "brown", "blue", "pink")
_HEX = "#1b2a4a"


def fill_shop(services: Services, items: int, seed: int = 0) -> None:
    """Add `items` items with one photo each, sold and worn-with garments, vectors, summaries.

    Two of three photos show a second garment. Prices are log-normal, brands follow Zipf's law, one
    item in 50 needs a review, one in ten was viewed. Ends with the index in step and statistics
    gathered.
    """
    random = np.random.default_rng(seed)
    centres = random.normal(size=(_CENTRES, DIMENSIONS)).astype(np.float32)
    with services.sessions.begin() as session:
        generation = _add_generation(session)
        catalog = Catalog(name="shop")
        session.add(catalog)
        session.flush()
        services.index.create_collection(generation.collection, DIMENSIONS)
    for start in range(0, items, _BATCH):
        numbers = range(start + 1, min(start + _BATCH, items) + 1)
        with services.sessions.begin() as session:
            _add_batch(session, catalog, generation, numbers, random, centres)
    with services.sessions.begin() as session:
        learn_words(session)
    with services.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    sync_index(services.sessions, services.index)


def _add_generation(session: Session) -> Generation:
    generation = Generation(
        collection="garments_1",
        segmenter="segmenter-made-up",
        embedder="embedder-made-up",
        dimensions=DIMENSIONS,
        state=GenerationState.ACTIVE,
    )
    session.add(generation)
    session.flush()
    return generation


def _add_batch(
    session: Session,
    catalog: Catalog,
    generation: Generation,
    numbers: Sequence[int],
    random: np.random.Generator,
    centres: NDArray[np.float32],
) -> None:
    items = [_item(number, catalog.id, random) for number in numbers]
    session.execute(insert(Item), items)
    session.execute(insert(Photo), [_photo(number, generation.segmenter) for number in numbers])
    session.execute(
        insert(ItemPhoto),
        [{"item_id": number, "photo_id": number, "position": 0} for number in numbers],
    )
    garments = [each for number in numbers for each in _garments(number, generation, random)]
    session.execute(insert(Garment), garments)
    session.execute(insert(Embedding), list(_embeddings(garments, generation, random, centres)))
    session.execute(
        insert(IndexEntry),
        [
            {
                "generation_id": generation.id,
                "garment_id": garment["id"],
                "state": EntryState.DIRTY,
            }
            for garment in garments
        ],
    )
    session.execute(insert(ItemSummary), [_summary(item, generation) for item in items])
    viewed = [{"item_id": number, "views": int(random.zipf(1.5))} for number in numbers[::10]]
    session.execute(insert(ItemView), viewed)


def _item(number: int, catalog_id: int, random: np.random.Generator) -> dict[str, Any]:
    category = CATEGORIES[number % len(CATEGORIES)]
    colour = _COLOURS[int(random.integers(len(_COLOURS)))]
    adjective = _ADJECTIVES[int(random.integers(len(_ADJECTIVES)))]
    return {
        "id": number,
        "catalog_id": catalog_id,
        "sku": f"SKU-{number:07}",
        "title": f"{adjective} {colour} {category} {number % 997}",
        "description": f"A {adjective.lower()} {category} in {colour} for every day. " * 4,
        "brand": f"Brand {min(int(random.zipf(1.3)), 400)}",
        "category": f"Clothing > {category}",
        "price": round(float(random.lognormal(3.7, 0.7)), 2),
        "currency": "EUR",
        "stock": int(random.integers(0, 6)),
    }


def _photo(number: int, segmenter: str) -> dict[str, Any]:
    return {
        "id": number,
        "sha256": hashlib.sha256(str(number).encode()).hexdigest(),
        "bytes": 60_000,
        "media_type": "image/jpeg",
        "width": 600,
        "height": 800,
        "state": PhotoState.FAILED if number % 5_000 == 0 else PhotoState.INDEXED,
        "segmenter": segmenter,
    }


def _garments(
    number: int, generation: Generation, random: np.random.Generator
) -> Iterator[dict[str, Any]]:
    for place in range(2 if number % 3 else 1):
        yield _SHAPE | {
            "id": uuid.UUID(bytes=random.bytes(16), version=4),
            "photo_id": number,
            "segmenter": generation.segmenter,
            "category": CATEGORIES[(number + 7 * place) % len(CATEGORIES)],
            "score": float(random.uniform(0.5, 1.0)),
            "role": Role.WORN_WITH if place else Role.SOLD,
        }


def _embeddings(
    garments: Sequence[dict[str, Any]],
    generation: Generation,
    random: np.random.Generator,
    centres: NDArray[np.float32],
) -> Iterator[dict[str, Any]]:
    places = random.integers(len(centres), size=len(garments))
    noise = random.normal(size=(len(garments), DIMENSIONS)).astype(np.float32)
    vectors = centres[places] + _SPREAD * noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for garment, vector in zip(garments, vectors, strict=True):
        yield {"garment_id": garment["id"], "embedder": generation.embedder, "vector": vector}


def _summary(item: dict[str, Any], generation: Generation) -> dict[str, Any]:
    number = item["id"]
    return {
        "item_id": number,
        "segmenter": generation.segmenter,
        "categories": [CATEGORIES[number % len(CATEGORIES)]],
        "colours": [item["title"].split()[1]],
        "garments": 2 if number % 3 else 1,
        "review": ["low_confidence"] if number % 50 == 0 else [],
    }


def _make_shape() -> dict[str, Any]:
    """What all made-up garments have in common: where they are and how they look."""
    mask = np.zeros((800, 600), dtype=bool)
    mask[100:600, 100:450] = True
    return {
        "box": [100.0, 100.0, 450.0, 600.0],
        "mask": encode_mask(mask),
        "outline": outline_of(mask),
        "crop": encode_crop(np.full((64, 64, 3), 128, dtype=np.uint8)),
        "colours": [{"name": "navy", "hex": _HEX, "share": 0.8}],
    }


_SHAPE = _make_shape()
