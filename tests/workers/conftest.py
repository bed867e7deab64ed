"""Resources of a worker process with models that see by arithmetic."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.services import Services
from catalog.tables import Photo
from tests.fakes import FakeQueue
from tests.workers.bench import Bench
from tests.workers.fakes import POISON, FakeEmbedder, FakeSegmenter
from tests.workers.reviewer import Reviewer
from workers.resources import Resources

MakeItem = Callable[..., list[int]]


@pytest.fixture
def resources(services: Services, tmp_path: Path) -> Resources:
    """The `services` fixture and fake models under checkpoint cards that are real files."""
    import dataclasses

    import torch

    from models.checkpoints import save_checkpoint

    weights = {"w": torch.ones(2)}
    segmenter = save_checkpoint(
        tmp_path / "segmenter", "segmentation", {}, weights, categories=("dress", "pants")
    )
    embedder = save_checkpoint(tmp_path / "embedder", "embedding", {}, weights, dimensions=8)
    settings = services.settings.model_copy(
        update={
            "segmenter_checkpoint": tmp_path / "segmenter",
            "embedder_checkpoint": tmp_path / "embedder",
            "checkpoint_library": tmp_path / "library",
        }
    )
    return Resources(
        dataclasses.replace(services, settings=settings),
        {segmenter.id: FakeSegmenter(segmenter.id)},
        {embedder.id: FakeEmbedder(embedder.id)},
    )


@pytest.fixture
def make_item(resources: Resources) -> MakeItem:
    """Store an item of a catalog with photos in these colours; gives the photo ids."""
    from catalog.items import ItemRow, upsert_items

    def make(sku: str, *colours: tuple[int, int, int], category: str = "dress") -> list[int]:
        with resources.services.sessions.begin() as session:
            photos = [_store(resources, session, colour) for colour in colours]
            row = ItemRow(sku=sku, title=sku, category=category, photos=[p.sha256 for p in photos])
            upsert_items(session, "shop", [row])
            return [photo.id for photo in photos]

    return make


@pytest.fixture
def bench(resources: Resources, make_item: MakeItem) -> Bench:
    """Re-indexes at the worker's own functions; the library holds a second pair of models."""
    import torch

    from models.checkpoints import save_checkpoint

    library = resources.settings.checkpoint_library
    assert library is not None
    weights = {"w": torch.zeros(2)}
    segmenter = save_checkpoint(
        library / "segmenter-2", "segmentation", {}, weights, categories=("dress", "pants")
    )
    embedder = save_checkpoint(library / "embedder-2", "embedding", {}, weights, dimensions=6)
    resources._segmenters[segmenter.id] = FakeSegmenter(segmenter.id, margin=6)
    resources._embedders[embedder.id] = FakeEmbedder(embedder.id, dimensions=6)
    return Bench(resources, make_item, segmenter.id, embedder.id)


def png_of(colour: tuple[int, int, int]) -> bytes:
    """A small photo in one colour; a poisoned one when the colour is POISON."""
    pixels = np.full((48, 32, 3), colour, dtype=np.uint8)
    if colour != POISON:
        pixels[0, 0] = (1, 2, 3)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _store(resources: Resources, session: object, colour: tuple[int, int, int]) -> Photo:
    import hashlib

    from sqlalchemy.orm import Session

    from catalog.photos.image_store import photo_key

    assert isinstance(session, Session)
    data = png_of(colour)
    digest = hashlib.sha256(data).hexdigest()
    resources.services.images.put(photo_key(digest), data, "image/png")
    photo = Photo(sha256=digest, bytes=len(data), media_type="image/png", width=32, height=48)
    session.add(photo)
    session.flush()
    return photo


@pytest.fixture
def reviewer(bench: Bench, queue: FakeQueue) -> Reviewer:
    return Reviewer(bench, queue)
