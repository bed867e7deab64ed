"""Maps of the catalog: which garments belong on one, keeping it, and reading it in parts.

Called by the map page, the API, the command and the workers' map job.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, LargeBinary, Select, delete, func, select, type_coerce
from sqlalchemy.orm import Session

from catalog.background import start_background_job
from catalog.errors import ConflictError, NotFoundError
from catalog.jobs import OPEN_STATES
from catalog.map_points import MOST_CATEGORIES, Points, order_points, pack_points, unpack_points
from catalog.queue import TaskQueue
from catalog.search.generations import active_generation
from catalog.tables import (
    CatalogMap,
    Embedding,
    EntryState,
    Garment,
    Generation,
    IndexEntry,
    Job,
    JobKind,
)

ID_BYTES = 16
_BEYOND = 2**26
"""More points than any map has."""
NO_GARMENTS = "There are no indexed garments yet that a map could show: send a catalog first."
_CHANGED_SHARE, _CHANGED_LEAST = 0.05, 20
"""A map is out of date when more than this share of garments, and so many, came or went."""


@dataclass(frozen=True)
class MapPoint:
    """One garment's place; `x` and `y` in [0, 1], y downwards."""

    garment_id: UUID
    x: float
    y: float
    category: str


@dataclass(frozen=True)
class MapAge:
    """What has changed since a map was made."""

    older_index: bool
    garments_now: int
    many_changed: bool

    @property
    def is_out_of_date(self) -> bool:
        return self.older_index or self.many_changed


def start_map(session: Session, queue: TaskQueue) -> Job:
    """Start to make a map; commits. Raises ConflictError while one is made or nothing is there."""
    if not count_mappable(session, active_generation(session)):
        raise ConflictError(NO_GARMENTS)
    return start_background_job(session, queue, JobKind.MAP)


def find_map_job(session: Session) -> Job | None:
    """The newest job that makes a map, open or over."""
    jobs = select(Job).where(Job.kind == JobKind.MAP)
    return session.scalar(jobs.order_by(Job.created_at.desc(), Job.id).limit(1))


def is_open(job: Job | None) -> bool:
    return job is not None and job.state in OPEN_STATES


def mappable(generation: Generation) -> Select[UUID, str, bytes]:
    """Id, category and float16 vector of the generation's garments, sold and worn with."""
    vector = type_coerce(Embedding.vector, LargeBinary)
    ours = (Embedding.garment_id == Garment.id) & (Embedding.embedder == generation.embedder)
    return (
        select(Garment.id, Garment.category, vector)
        .join(IndexEntry, (IndexEntry.garment_id == Garment.id) & _belongs(generation))
        .join(Embedding, ours)
        .where(Garment.excluded.is_(False))
        .order_by(Garment.id)
    )


def count_mappable(session: Session, generation: Generation | None) -> int:
    """How many garments the generation has, by its outbox: fast, whatever the catalog's size."""
    if generation is None:
        return 0
    entries = select(func.count()).select_from(IndexEntry).where(_belongs(generation))
    return session.scalar(entries) or 0


def save_map(
    session: Session,
    generation: Generation,
    job_id: UUID,
    ids: Sequence[UUID],
    categories: Sequence[str],
    category: NDArray[np.int64],
    places: NDArray[np.float32],
) -> CatalogMap:
    """Keep this map instead of all others. Doesn't commit.

    `category` (N,) numbers `categories`, `places` (N, 2) are in [0, 1]. Raises ConflictError when
    the generation has been dropped meanwhile.
    """
    if len(categories) > MOST_CATEGORIES:
        raise ConflictError(f"A map has room for {MOST_CATEGORIES} categories.")
    kept = select(Generation.id).where(Generation.id == generation.id)
    if session.scalar(kept.with_for_update(read=True, key_share=True)) is None:
        raise ConflictError("The index that was mapped is gone meanwhile: make the map again.")
    points, order = order_points(places, category)
    session.execute(delete(CatalogMap))
    made = CatalogMap(
        generation_id=generation.id,
        job_id=job_id,
        count=len(ids),
        categories=list(categories),
        counts=np.bincount(category, minlength=len(categories)).tolist(),
        points=pack_points(points),
        ids=b"".join(ids[index].bytes for index in order),
    )
    session.add(made)
    session.flush()
    return made


def find_map(session: Session) -> CatalogMap | None:
    """The newest map, without its points and ids."""
    return session.scalar(select(CatalogMap).order_by(CatalogMap.id.desc()).limit(1))


def get_map(session: Session) -> CatalogMap:
    """The newest map, without its points and ids; raises NotFoundError."""
    found = find_map(session)
    if found is None:
        raise NotFoundError("map", "of the catalog: none has been made yet")
    return found


def age_of(session: Session, made: CatalogMap) -> MapAge:
    active = active_generation(session)
    now = count_mappable(session, active)
    older = active is not None and active.id != made.generation_id
    enough = max(_CHANGED_LEAST, _CHANGED_SHARE * made.count)
    return MapAge(older, now, abs(now - made.count) > enough)


def read_points(session: Session, map_id: int) -> bytes:
    """The gzipped points; raises NotFoundError when another map has taken this one's place."""
    return bytes(_column(session, map_id, CatalogMap.points))


def read_ids(session: Session, map_id: int, start: int, count: int) -> list[UUID]:
    """The garments of the points from `start` on, `count` at most; raises NotFoundError."""
    first = min(start, _BEYOND) * ID_BYTES + 1  # Postgres counts the bytes in 32 bits
    part = func.substring(CatalogMap.ids, first, count * ID_BYTES)
    data = bytes(_column(session, map_id, part))
    places = range(0, len(data), ID_BYTES)
    return [UUID(bytes=data[place : place + ID_BYTES]) for place in places]


def list_points(session: Session, made: CatalogMap, start: int, count: int) -> list[MapPoint]:
    """The points from `start` on, `count` at most."""
    ids = read_ids(session, made.id, start, count)
    points = unpack_points(read_points(session, made.id))
    return [_point(made, points, start + place, id_) for place, id_ in enumerate(ids)]


def _point(made: CatalogMap, points: Points, index: int, garment_id: UUID) -> MapPoint:
    x, y = points.at(index)
    return MapPoint(garment_id, x, y, made.categories[points.category[index]])


def _belongs(generation: Generation) -> ColumnElement[bool]:
    return (IndexEntry.generation_id == generation.id) & (IndexEntry.state != EntryState.DELETE)


def _column(session: Session, map_id: int, column: Any) -> bytes:
    value: bytes | None = session.scalar(select(column).where(CatalogMap.id == map_id))
    if value is None:
        raise NotFoundError("map", map_id)
    return value
