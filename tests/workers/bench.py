"""What a test of re-indexing does again and again: fill a shop, start a job, run it to its end.

Handed out by the `bench` fixture.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import selectinload

from catalog.jobs import OPEN_STATES, request_cancel, start_job
from catalog.search.generations import roll_back
from catalog.search.sync import SyncReport, sync_index
from catalog.tables import Garment, Generation, Job, JobKind, Photo, ReindexKind
from workers import reindexing
from workers.indexing import index_photos
from workers.reindexing import advance_reindex
from workers.resources import Resources

Colour = tuple[int, int, int]

NEW_MODELS: dict[ReindexKind, dict[str, str]] = {
    ReindexKind.VECTORS: {},
    ReindexKind.CROPS: {"embedder": "embedder-2"},
    ReindexKind.PHOTOS: {"segmenter": "segmenter-2", "embedder": "embedder-2"},
}
"""For each kind of re-index the models of the library that it is asked to use."""


@dataclass
class Bench:
    """A shop whose photos are indexed by the first pair of models."""

    resources: Resources
    make_item: Callable[..., list[int]]
    new_segmenter: str
    new_embedder: str

    def add(self, sku: str, *colours: Colour) -> list[int]:
        """An item with a photo in each of these colours, indexed and in the index."""
        photos = self.make_item(sku, *colours)
        index_photos(self.resources, photos, f"task of {sku}")
        self.sync()
        return photos

    def sync(self) -> None:
        sync_index(self.resources.services.sessions, self.resources.services.index)

    def start(
        self, kind: ReindexKind, only: dict[str, str] | None = None, **parameters: Any
    ) -> uuid.UUID:
        """A job for the second pair of models, or for what `only` names."""
        models = NEW_MODELS[kind] if only is None else only
        asked = {"kind": kind.value, **models, **parameters}
        with self.resources.services.sessions.begin() as session:
            return start_job(session, JobKind.REINDEX, parameters=asked).id

    def begin(self, kind: ReindexKind, **parameters: Any) -> uuid.UUID:
        """A job whose first slice was over before any work was done."""
        job_id = self.start(kind, **parameters)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reindexing, "sync_index", lambda *_: SyncReport())
            advance_reindex(self.resources, job_id, slice_s=0)
        return job_id

    def run(self, job_id: uuid.UUID) -> Job:
        """Slice after slice until the job is over; it has to be within a few."""
        for _ in range(20):
            if (job := self.job(job_id)).state not in OPEN_STATES:
                return job
            advance_reindex(self.resources, job_id)
        raise AssertionError("the job does not come to an end")

    def cancel(self, job_id: uuid.UUID) -> None:
        with self.resources.services.sessions.begin() as session:
            request_cancel(session, job_id)

    def age_photos(self) -> None:
        """The sweep leaves very young photos alone: their task is just being enqueued."""
        with self.resources.services.sessions.begin() as session:
            session.execute(text("UPDATE photo SET created_at = created_at - interval '1 minute'"))

    def roll_back(self) -> None:
        with self.resources.services.sessions.begin() as session:
            roll_back(session, self.resources.services.index)
        self.sync()

    def job(self, job_id: uuid.UUID) -> Job:
        with self.resources.services.sessions() as session:
            return session.get_one(Job, job_id, options=[selectinload(Job.log)])

    def log(self, job_id: uuid.UUID) -> str:
        return "\n".join(line.message for line in self.job(job_id).log)

    def active(self) -> Generation:
        return self.resources.active_generation()

    def generations(self) -> list[Generation]:
        with self.resources.services.sessions() as session:
            return list(session.scalars(select(Generation).order_by(Generation.id)))

    def photos_in(self, generation: Generation) -> set[int]:
        """The photos with a garment in the generation's collection."""
        index, sessions = self.resources.services.index, self.resources.services.sessions
        ids = [garment_id for garment_id, _ in index.scroll_ids(generation.collection)]
        with sessions() as session:
            return set(session.scalars(select(Garment.photo_id).where(Garment.id.in_(ids))))

    def garments(self, photo_id: int, segmenter: str) -> list[Garment]:
        with self.resources.services.sessions() as session:
            chosen = select(Garment).where(
                Garment.photo_id == photo_id, Garment.segmenter == segmenter
            )
            return list(session.scalars(chosen))

    def photo(self, photo_id: int) -> Photo:
        with self.resources.services.sessions() as session:
            return session.get_one(Photo, photo_id)
