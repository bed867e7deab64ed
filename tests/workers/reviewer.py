"""A person who corrects what the fake models of the bench have found."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from sqlalchemy import select

from catalog import reviewing
from catalog.photos.decode import decode_crop
from catalog.review import Why, count_entries
from catalog.tables import Embedding, Garment, Recut
from tests.fakes import FakeQueue
from tests.workers.bench import Bench

RED, BLUE, GREEN = (200, 0, 0), (0, 0, 200), (0, 200, 0)
DRAWN = [4.0, 8.0, 28.0, 40.0]
AT_THE_EDGE = [0.0, 8.0, 28.0, 40.0]
"""A box in which the fake segmenter sees nothing."""


@dataclass
class Reviewer:
    """A person at the page, on the bench's shop."""

    bench: Bench
    queue: FakeQueue

    def correct(self, garment: Garment, **change: object) -> None:
        with self.bench.resources.services.sessions() as session:
            reviewing.correct(session, self.queue, garment.id, **change)  # type: ignore[arg-type]

    def undo(self, garment: Garment) -> None:
        with self.bench.resources.services.sessions() as session:
            reviewing.undo(session, self.queue, garment.id)

    def add(self, photo_id: int, category: str, box: Sequence[float]) -> None:
        with self.bench.resources.services.sessions() as session:
            sha256 = self.bench.photo(photo_id).sha256
            reviewing.add(session, self.queue, sha256, category, box)

    def garments(self, photo_id: int) -> list[Garment]:
        return self.bench.garments(photo_id, self.bench.active().segmenter)

    def vector(self, garment_id: UUID, embedder: str | None = None) -> np.ndarray:
        wanted = (
            Embedding.garment_id == garment_id,
            Embedding.embedder == (embedder or self.bench.active().embedder),
        )
        with self.bench.resources.services.sessions() as session:
            return np.array(session.scalars(select(Embedding.vector).where(*wanted)).one())

    def crop(self, garment: Garment) -> np.ndarray:
        with self.bench.resources.services.sessions() as session:
            return decode_crop(
                session.scalars(select(Garment.crop).where(Garment.id == garment.id)).one()
            )

    def requests(self) -> list[Recut]:
        with self.bench.resources.services.sessions() as session:
            return list(session.scalars(select(Recut)))

    def counts(self) -> dict[Why | None, int]:
        """The review queue by reason."""
        with self.bench.resources.services.sessions() as session:
            return count_entries(session)
