"""Compares Postgres, the image store and the vector index, and repairs what differs.

Called by `lookalike check`; safe beside running workers.
"""

import enum
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Text, cast, exists, func, select, update
from sqlalchemy.orm import Session

from catalog.errors import NotFoundError
from catalog.photos.discarding import hold_bytes
from catalog.photos.image_store import photo_key
from catalog.photos.lost import BYTES_LOST
from catalog.queue import enqueue_photos
from catalog.search.generations import active_generation, belonging_without_entry, is_being_filled
from catalog.search.index import VectorIndex
from catalog.search.outbox import followed_generations, hold_generations, mark_dirty
from catalog.search.sync import sync_index
from catalog.services import Services
from catalog.tables import (
    Embedding,
    EntryState,
    Garment,
    Generation,
    IndexEntry,
    Photo,
    PhotoState,
    Upload,
)

_BATCH = 1000

T = TypeVar("T")


class Difference(enum.StrEnum):
    """What can disagree; each value says it in words."""

    BYTES_MISSING = "photos without bytes in the image store"
    BYTES_ORPHANED = "bytes in the image store without a photo"
    VECTOR_MISSING = "garments without a vector"
    ENTRY_MISSING = "garments that the outbox does not know"
    POINT_MISSING = "garments missing in a collection"
    POINT_ORPHANED = "points in a collection without a garment"
    POINT_OUTDATED = "points with an outdated payload"


@dataclass
class Report:
    """What differs. Keys are hashes of photos, keys of the image store or ids of garments."""

    photos: int = 0
    garments: int = 0
    behind: int = 0
    """Entries on their way to the index: normal while something changes."""
    found: dict[Difference, list[str]] = field(default_factory=dict)
    orphaned_points: dict[str, list[UUID]] = field(default_factory=dict)
    """By collection."""
    collections: dict[str, dict[str, int]] = field(default_factory=dict)
    """What each holds: entries in Postgres, points in the index, and how they differ."""

    @property
    def is_clean(self) -> bool:
        return not any(self.found.values())

    def add(self, difference: Difference, keys: Collection[str]) -> None:
        if keys:
            self.found.setdefault(difference, []).extend(sorted(keys))


def check(services: Services) -> Report:
    """Compare the three stores; changes nothing.

    Raises StoreUnavailableError or IndexUnavailableError when one of them does not answer.
    """
    report = Report()
    with services.sessions() as session:
        report.photos = session.scalar(select(func.count()).select_from(Photo)) or 0
        report.garments = session.scalar(select(func.count()).select_from(Garment)) or 0
        _check_bytes(session, services, report)
        _check_vectors(session, report)
        followed = select(Generation).where(Generation.id.in_(followed_generations()))
        for generation in session.scalars(followed.order_by(Generation.id)).all():
            _check_entries(session, generation, report)
            _check_points(session, services.index, generation, report)
    return report


def repair(services: Services, report: Report) -> None:
    """Put right what `report` found: Postgres is the truth, except that bytes can't be invented.

    Photos without bytes fail with a reason that says to upload them again; their garments stay.
    """
    with services.sessions() as session:
        _fail_photos(session, report.found.get(Difference.BYTES_MISSING, []))
        _remove_bytes(session, services, report.found.get(Difference.BYTES_ORPHANED, []))
        hold_generations(session)
        photo_ids = _index_again(session, report.found.get(Difference.VECTOR_MISSING, []))
        stale = (Difference.ENTRY_MISSING, Difference.POINT_MISSING, Difference.POINT_OUTDATED)
        mark_dirty(session, {UUID(key) for kind in stale for key in report.found.get(kind, [])})
        session.commit()
        for collection, ids in report.orphaned_points.items():
            _remove_points(session, services.index, collection, ids)
        enqueue_photos(services.queue, session, photo_ids, services.settings.photos_per_task)
    sync_index(services.sessions, services.index)


def _check_bytes(session: Session, services: Services, report: Report) -> None:
    """Keys are listed before rows are read: what is uploaded meanwhile is no orphan."""
    stored: set[str] = set()
    for prefix in ("photos", "variants", "uploads"):
        known = _known_uploads if prefix == "uploads" else _known_photos
        for keys in _batches(services.images.keys(prefix)):
            names = {key: _name_of(key) for key in keys}
            rows = known(session, list(names.values()))
            report.add(
                Difference.BYTES_ORPHANED, [key for key, name in names.items() if name not in rows]
            )
            if prefix == "photos":
                stored |= rows
    lost = Photo.reason.is_not_distinct_from(BYTES_LOST)
    absent = set(session.scalars(select(Photo.sha256).where(~lost))) - stored
    # Asked once more: it may have been stored after its folder was listed.
    images = services.images
    report.add(Difference.BYTES_MISSING, [s for s in absent if not images.exists(photo_key(s))])


def _name_of(key: str) -> str:
    return key.rsplit("/", 1)[1]


def _known_photos(session: Session, names: Sequence[str]) -> set[str]:
    return set(session.scalars(select(Photo.sha256).where(Photo.sha256.in_(names))))


def _known_uploads(session: Session, names: Sequence[str]) -> set[str]:
    ids = session.scalars(select(Upload.id).where(cast(Upload.id, Text).in_(names)))
    return {str(upload_id) for upload_id in ids}


def _check_vectors(session: Session, report: Report) -> None:
    """Garments of the active segmenter must have a vector of the active embedder."""
    active = active_generation(session)
    if active is None:
        return
    has_vector = exists().where(
        Embedding.garment_id == Garment.id, Embedding.embedder == active.embedder
    )
    without = session.scalars(
        select(Garment.id).where(Garment.segmenter == active.segmenter, ~has_vector)
    )
    report.add(Difference.VECTOR_MISSING, [str(garment_id) for garment_id in without])


def _check_entries(session: Session, generation: Generation, report: Report) -> None:
    """Whatever belongs in a collection has an entry; what people excluded has none.

    One that a job is filling gets its entries bit by bit.
    """
    if is_being_filled(session, generation):
        return
    missing = session.scalars(belonging_without_entry(generation))
    report.add(Difference.ENTRY_MISSING, [str(found) for found in missing])


def _check_points(
    session: Session, index: VectorIndex, generation: Generation, report: Report
) -> None:
    """Entries are read before and after the points: what changed meanwhile is no difference."""
    before = _load_entries(session, generation)
    points = _load_points(index, generation.collection)
    after = _load_entries(session, generation)
    behind = sum(state is not EntryState.CLEAN for state, _ in after.values())
    report.behind += behind
    steady = {
        id_: version
        for id_, (state, version) in after.items()
        if state is EntryState.CLEAN and before.get(id_) == (state, version)
    }
    missing = [str(id_) for id_ in steady.keys() - points.keys()]
    outdated = [str(id_) for id_, version in steady.items() if points.get(id_, version) != version]
    orphans = sorted(points.keys() - before.keys() - after.keys())
    report.add(Difference.POINT_MISSING, missing)
    report.add(Difference.POINT_OUTDATED, outdated)
    report.collections[generation.collection] = {
        "entries": len(after),
        "points": len(points),
        "behind": behind,
        "missing": len(missing),
        "outdated": len(outdated),
        "orphaned": len(orphans),
    }
    if orphans:
        report.orphaned_points[generation.collection] = orphans
        report.add(Difference.POINT_ORPHANED, [str(id_) for id_ in orphans])


def _load_entries(session: Session, generation: Generation) -> dict[UUID, tuple[EntryState, int]]:
    """State and version by garment."""
    entries = select(IndexEntry.garment_id, IndexEntry.state, IndexEntry.version)
    rows = session.execute(entries.where(IndexEntry.generation_id == generation.id))
    return {garment_id: (state, version) for garment_id, state, version in rows}


def _load_points(index: VectorIndex, collection: str) -> Mapping[UUID, int | None]:
    try:
        return dict(index.scroll_ids(collection))
    except NotFoundError:
        return {}  # every point is missing then, and the sync makes the collection anew


def _fail_photos(session: Session, hashes: Sequence[str]) -> None:
    for batch in _batches(hashes):
        session.execute(
            update(Photo)
            .where(Photo.sha256.in_(batch))
            .values(state=PhotoState.FAILED, reason=BYTES_LOST, claimed_by=None, claimed_at=None),
            execution_options={"synchronize_session": False},
        )
    session.commit()


def _remove_bytes(session: Session, services: Services, keys: Sequence[str]) -> None:
    """One by one and asked again under the lock: somebody may be uploading the photo now."""
    for key in keys:
        if key.startswith("uploads/"):
            known = _known_uploads(session, [_name_of(key)])
        else:
            hold_bytes(session, _name_of(key))
            known = _known_photos(session, [_name_of(key)])
        if not known:
            services.images.delete(key)
        session.commit()


def _index_again(session: Session, garment_ids: Sequence[str]) -> list[int]:
    """Send the photos of these garments through the models once more; returns their ids."""
    photos = select(Garment.photo_id).where(Garment.id.in_([UUID(key) for key in garment_ids]))
    statement = (
        update(Photo)
        .where(Photo.id.in_(photos), Photo.state == PhotoState.INDEXED)
        .values(state=PhotoState.PENDING, attempts=0, claimed_by=None, claimed_at=None)
        .returning(Photo.id)
    )
    return list(session.scalars(statement, execution_options={"synchronize_session": False}))


def _remove_points(
    session: Session, index: VectorIndex, collection: str, ids: Sequence[UUID]
) -> None:
    """Only those that still have no entry: a garment may have come meanwhile."""
    generation = session.scalar(select(Generation.id).where(Generation.collection == collection))
    for batch in _batches(ids):
        entries = select(IndexEntry.garment_id).where(
            IndexEntry.generation_id == generation, IndexEntry.garment_id.in_(batch)
        )
        known = set(session.scalars(entries))
        index.delete(collection, [id_ for id_ in batch if id_ not in known])
    session.rollback()


def _batches(values: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while batch := list(islice(rest, _BATCH)):
        yield batch
