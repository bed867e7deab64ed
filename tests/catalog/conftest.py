"""Photos, garments and generations for tests of what happens in Postgres."""

import hashlib
from collections.abc import Callable, Sequence
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.garments import NewGarment, save_found
from catalog.tables import (
    EntryState,
    Garment,
    Generation,
    GenerationState,
    IndexEntry,
    Photo,
    PhotoState,
)

SEGMENTER, EMBEDDER = "segmenter-1", "embedder-1"
MIDDLE = (100.0, 100.0, 300.0, 300.0)


def sha_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def new_garment(category: str, box: Sequence[float] = MIDDLE) -> NewGarment:
    return NewGarment(category, 0.9, box, {"size": [400, 400], "counts": ""}, [], b"crop")


@pytest.fixture
def generation(session: Session) -> Generation:
    """The active generation of the test's checkpoints."""
    made = Generation(
        collection="garments_1",
        segmenter=SEGMENTER,
        embedder=EMBEDDER,
        dimensions=4,
        state=GenerationState.ACTIVE,
    )
    session.add(made)
    session.commit()
    return made


AddPhotos = Callable[..., list[Photo]]


@pytest.fixture
def add_photos(session: Session) -> AddPhotos:
    """Store rows of photos with these names, 400 x 400; committed."""

    def add(*names: str) -> list[Photo]:
        for name in names:
            session.add(
                Photo(sha256=sha_of(name), bytes=9, media_type="image/jpeg", width=400, height=400)
            )
        session.commit()
        hashes = [sha_of(name) for name in names]
        found = {
            p.sha256: p for p in session.scalars(select(Photo).where(Photo.sha256.in_(hashes)))
        }
        return [found[sha256] for sha256 in hashes]

    return add


@pytest.fixture
def photo(session: Session, generation: Generation, add_photos: AddPhotos) -> Photo:
    """One that the active generation's segmenter has looked at."""
    (photo,) = add_photos("1")
    photo.state, photo.segmenter = PhotoState.INDEXED, SEGMENTER
    session.commit()
    return photo


AddGarments = Callable[..., list[Garment]]


@pytest.fixture
def add_garments(session: Session) -> AddGarments:
    """Save garments as (category, box) in a photo, with vectors; committed, roles not decided."""

    def add(photo: Photo, *found: tuple[str, Sequence[float]] | str) -> list[Garment]:
        new = [new_garment(f) if isinstance(f, str) else new_garment(*f) for f in found]
        vectors = np.eye(4, dtype=np.float32)[[i % 4 for i in range(len(new))]]
        garments = save_found(session, photo, SEGMENTER, new, EMBEDDER, vectors)
        session.commit()
        return garments

    return add


def entries(session: Session) -> dict[UUID, EntryState]:
    """The state of each garment in the index; of one generation."""
    return dict(session.execute(select(IndexEntry.garment_id, IndexEntry.state)).all())
