"""The sweep: what it puts back on the queue, takes from the dead and sends to the index."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from catalog.queue import INDEX_PHOTOS, RUN_REINDEX
from catalog.tables import Job, Photo, PhotoState, ReindexKind
from tests.fakes import FakeQueue
from tests.workers.bench import Bench
from workers.indexing import index_photos
from workers.sweeping import sweep

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)
LONG_AGO = datetime.now(UTC) - timedelta(days=2)


def change(bench: Bench, photo_ids: list[int], **values: object) -> None:
    with bench.resources.services.sessions.begin() as session:
        session.execute(update(Photo).where(Photo.id.in_(photo_ids)).values(**values))


def test_what_is_pending_too_long_is_enqueued_again(bench: Bench, queue: FakeQueue) -> None:
    stale, young = bench.make_item("a", RED), bench.make_item("b", GREEN)
    change(bench, stale, claimed_at=LONG_AGO)
    change(bench, young, claimed_at=datetime.now(UTC))
    sweep(bench.resources)
    assert [task.args[0] for task in queue.named(INDEX_PHOTOS)] == [stale]
    sweep(bench.resources)
    assert len(queue.named(INDEX_PHOTOS)) == 1


def test_what_a_dead_worker_held_is_pending_again_and_what_a_live_one_holds_is_not(
    bench: Bench, queue: FakeQueue
) -> None:
    dead, alive = bench.make_item("a", RED), bench.make_item("b", GREEN)
    held = {"state": PhotoState.WORKING, "claimed_by": "task", "attempts": 1}
    change(bench, dead, claimed_at=LONG_AGO, **held)
    change(bench, alive, claimed_at=datetime.now(UTC), **held)
    sweep(bench.resources)
    assert [task.args[0] for task in queue.named(INDEX_PHOTOS)] == [dead]
    assert bench.photo(dead[0]).state is PhotoState.PENDING
    assert bench.photo(alive[0]).state is PhotoState.WORKING
    assert index_photos(bench.resources, dead, "another task").indexed == 1


def test_what_is_dirty_is_sent_to_the_index(bench: Bench) -> None:
    photos = bench.make_item("a", RED, BLUE)
    index_photos(bench.resources, photos, "task")
    sweep(bench.resources)
    assert bench.photos_in(bench.active()) == set(photos)


def test_with_the_broker_down_photos_wait_for_the_next_sweep(
    bench: Bench, queue: FakeQueue
) -> None:
    photos = bench.make_item("a", RED)
    change(bench, photos, claimed_at=LONG_AGO)
    queue.down = True
    sweep(bench.resources)
    queue.down = False
    sweep(bench.resources)
    assert [task.args[0] for task in queue.named(INDEX_PHOTOS)] == [photos]


@pytest.mark.parametrize("silent", [True, False])
def test_only_a_reindex_that_has_fallen_silent_gets_another_slice(
    bench: Bench, queue: FakeQueue, silent: bool
) -> None:
    job_id = bench.start(ReindexKind.VECTORS)
    with bench.resources.services.sessions.begin() as session:
        job = session.get_one(Job, job_id)
        job.heartbeat_at = LONG_AGO if silent else datetime.now(UTC)
    sweep(bench.resources)
    expected = [job_id] if silent else []
    assert [uuid.UUID(task.args[0]) for task in queue.named(RUN_REINDEX)] == expected
