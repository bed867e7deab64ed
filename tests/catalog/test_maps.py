"""Maps: packing points, keeping one, reading it in parts, and noticing that it is out of date."""

import uuid

import numpy as np
import pytest
from sqlalchemy.orm import Session

from catalog import maps
from catalog.errors import ConflictError, NotFoundError
from catalog.map_points import STEPS, order_points, pack_points, unpack_points
from catalog.queue import RUN_JOB
from catalog.tables import (
    CatalogMap,
    EntryState,
    Generation,
    GenerationState,
    IndexEntry,
    Job,
    JobKind,
)
from tests.fakes import FakeQueue


@pytest.fixture
def generation(session: Session) -> Generation:
    made = Generation(
        collection="garments_1",
        segmenter="segmenter-a",
        embedder="embedder-a",
        dimensions=8,
        state=GenerationState.ACTIVE,
    )
    session.add(made)
    session.commit()
    return made


def add_entries(session: Session, generation: Generation, count: int) -> None:
    session.add_all(
        IndexEntry(generation_id=generation.id, garment_id=uuid.uuid4(), state=EntryState.CLEAN)
        for _ in range(count)
    )
    session.commit()


def save(session: Session, generation: Generation, count: int = 7) -> tuple[CatalogMap, list]:
    """A map with garments on a line, of two categories in turns; also the garments' ids."""
    job = Job(kind=JobKind.MAP)
    session.add(job)
    session.flush()
    ids = [uuid.uuid4() for _ in range(count)]
    places = np.stack([np.linspace(0, 1, count), np.full(count, 0.5)], axis=1).astype(np.float32)
    category = np.arange(count) % 2
    made = maps.save_map(session, generation, job.id, ids, ["dress", "shoes"], category, places)
    job.state = "done"
    session.commit()
    return made, ids


def test_points_come_back_from_their_bytes() -> None:
    rng = np.random.default_rng(0)
    places, category = rng.random((500, 2)).astype(np.float32), rng.integers(0, 19, 500)
    points, order = order_points(places, category)
    back = unpack_points(pack_points(points))
    assert sorted(order) == list(range(500))
    assert len(back) == 500
    assert np.array_equal(back.category, category[order])
    assert np.abs(np.stack([back.x, back.y], axis=1) / STEPS - places[order]).max() < 1 / STEPS
    assert back.at(3) == (points.x[3] / STEPS, points.y[3] / STEPS)


def test_neighbours_are_kept_together() -> None:
    places = np.random.default_rng(0).random((4000, 2)).astype(np.float32)
    _, order = order_points(places, np.zeros(4000, dtype=np.int64))
    steps = np.linalg.norm(np.diff(places[order], axis=0), axis=1)
    assert np.median(steps) < 0.1 * np.median(np.linalg.norm(np.diff(places, axis=0), axis=1))


def test_points_and_garments_have_the_same_order(session: Session, generation: Generation) -> None:
    made, ids = save(session, generation)
    points = maps.list_points(session, made, 0, 100)
    assert {point.garment_id: round(point.x * 6) for point in points} == {
        garment_id: place for place, garment_id in enumerate(ids)
    }
    assert {point.category for point in points if round(point.x * 6) % 2} == {"shoes"}
    assert all(abs(point.y - 0.5) < 1e-4 for point in points)
    assert (made.count, made.categories, made.counts) == (7, ["dress", "shoes"], [4, 3])


def test_a_part_is_read_without_the_rest(session: Session, generation: Generation) -> None:
    made, _ = save(session, generation)
    all_ids = maps.read_ids(session, made.id, 0, 100)
    assert maps.read_ids(session, made.id, 2, 3) == all_ids[2:5]
    assert maps.read_ids(session, made.id, 5, 100) == all_ids[5:]
    assert maps.read_ids(session, made.id, 99, 5) == []
    assert [point.garment_id for point in maps.list_points(session, made, 4, 2)] == all_ids[4:6]


def test_a_new_map_takes_the_place_of_the_old_one(session: Session, generation: Generation) -> None:
    old, _ = save(session, generation)
    old_id = old.id
    new, _ = save(session, generation, count=3)
    assert maps.get_map(session).id == new.id
    with pytest.raises(NotFoundError):
        maps.read_points(session, old_id)


def test_a_map_goes_with_its_generation(session: Session, generation: Generation) -> None:
    save(session, generation)
    session.delete(generation)
    session.commit()
    session.expire_all()
    assert maps.find_map(session) is None
    with pytest.raises(ConflictError, match="gone meanwhile"):
        save(session, Generation(id=generation.id))


def test_a_map_ages_by_a_switch_and_by_many_changes(
    session: Session, generation: Generation
) -> None:
    add_entries(session, generation, 7)
    made, _ = save(session, generation)
    assert not maps.age_of(session, made).is_out_of_date
    add_entries(session, generation, 20)
    assert not maps.age_of(session, made).is_out_of_date
    add_entries(session, generation, 1)
    assert maps.age_of(session, made) == maps.MapAge(False, 28, True)
    generation.state = GenerationState.RETIRED
    session.flush()
    session.add(
        Generation(
            collection="garments_2",
            segmenter="segmenter-a",
            embedder="embedder-b",
            dimensions=8,
            state=GenerationState.ACTIVE,
        )
    )
    session.commit()
    assert maps.age_of(session, made).older_index


def test_a_map_is_started_once_and_only_of_something(
    session: Session, queue: FakeQueue, generation: Generation
) -> None:
    with pytest.raises(ConflictError, match="no indexed garments"):
        maps.start_map(session, queue)
    session.rollback()
    add_entries(session, generation, 1)
    job = maps.start_map(session, queue)
    assert [task.args for task in queue.named(RUN_JOB)] == [(str(job.id),)]
    assert maps.find_map_job(session) is job
    assert maps.is_open(job)
    with pytest.raises(ConflictError, match="a map is under way"):
        maps.start_map(session, queue)
