"""Indexing of photos around fake models: real Postgres, real image files, an index in memory."""

from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from catalog.errors import CheckpointError, StoreUnavailableError
from catalog.photos.image_store import photo_key
from catalog.queue import INDEX_PHOTOS
from catalog.search.sync import sync_index
from catalog.tables import Embedding, Garment, Photo, PhotoState
from tests.fakes import FakeQueue
from tests.workers.bench import Bench
from tests.workers.conftest import MakeItem
from tests.workers.fakes import POISON, DyingSegmenter, FakeSegmenter, Killed
from workers import indexing, stopping
from workers.indexing import Decoded, Result, Target, index_photos
from workers.resources import Resources
from workers.sweeping import sweep

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


def states(resources: Resources) -> list[str]:
    with resources.services.sessions() as session:
        return [p.state.value for p in session.scalars(select(Photo).order_by(Photo.id))]


def count(resources: Resources, table: type) -> int:
    with resources.services.sessions() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_every_garment_is_stored_with_crop_vector_and_colours(
    resources: Resources, make_item: MakeItem
) -> None:
    photos = make_item("a", RED, GREEN, BLUE)
    outcome = index_photos(resources, photos, "task")
    assert (outcome.indexed, outcome.failed, outcome.garments) == (3, 0, 3)
    assert states(resources) == ["indexed"] * 3
    with resources.services.sessions() as session:
        garments = session.scalars(select(Garment).order_by(Garment.photo_id)).all()
        assert [g.category for g in garments] == ["dress", "dress", "pants"]
        assert all(g.crop[:4] == b"RIFF" and g.colours and g.outline for g in garments)
    assert count(resources, Embedding) == 3


def test_indexed_photos_are_found_in_the_index_after_a_sync(
    resources: Resources, make_item: MakeItem
) -> None:
    index_photos(resources, make_item("a", RED, BLUE), "task")
    services = resources.services
    sync_index(services.sessions, services.index)
    assert services.index.count(resources.active_generation().collection) == 2


def test_the_same_task_again_changes_nothing(resources: Resources, make_item: MakeItem) -> None:
    photos = make_item("a", RED)
    index_photos(resources, photos, "task")
    with resources.services.sessions() as session:
        before = session.scalars(select(Garment.id)).all()
    assert index_photos(resources, photos, "task").indexed == 0
    with resources.services.sessions() as session:
        assert session.scalars(select(Garment.id)).all() == before


def test_a_broken_photo_fails_with_its_reason_and_the_rest_is_indexed(
    resources: Resources, make_item: MakeItem
) -> None:
    photos = make_item("a", RED, GREEN, BLUE)
    with resources.services.sessions() as session:
        broken = session.get_one(Photo, photos[1]).sha256
    resources.services.images.put(photo_key(broken), b"no photo at all", "image/png")
    assert index_photos(resources, photos, "task").failed == 1
    assert states(resources) == ["indexed", "failed", "indexed"]
    with resources.services.sessions() as session:
        assert session.get_one(Photo, photos[1]).reason


def test_a_photo_whose_bytes_are_gone_fails_with_a_remedy(
    resources: Resources, make_item: MakeItem
) -> None:
    photos = make_item("a", RED)
    with resources.services.sessions() as session:
        resources.services.images.delete(photo_key(session.get_one(Photo, photos[0]).sha256))
    index_photos(resources, photos, "task")
    with resources.services.sessions() as session:
        assert "upload it again" in (session.get_one(Photo, photos[0]).reason or "")


def test_a_photo_that_breaks_the_model_fails_alone(
    resources: Resources, make_item: MakeItem
) -> None:
    photos = make_item("a", RED, POISON, BLUE)
    outcome = index_photos(resources, photos, "task")
    assert (outcome.indexed, outcome.failed) == (2, 1)
    assert states(resources) == ["indexed", "failed", "indexed"]


def test_a_photo_that_kills_its_worker_is_quarantined_after_three_attempts(
    resources: Resources, make_item: MakeItem, queue: FakeQueue
) -> None:
    photos = make_item("a", RED, POISON, BLUE)
    (checkpoint,) = resources._segmenters
    resources._segmenters[checkpoint] = DyingSegmenter(checkpoint)
    tasks = [("batch", photos)]
    deaths = 0
    while tasks:
        name, ids = tasks.pop(0)
        before = len(queue.named(INDEX_PHOTOS))
        try:
            index_photos(resources, ids, name)
        except Killed:
            deaths += 1
            tasks.append((name, ids))  # the broker hands the same task out again
        tasks += [(t.id, list(t.args[0])) for t in queue.named(INDEX_PHOTOS)[before:]]
    assert states(resources) == ["indexed", "failed", "indexed"]
    assert deaths == resources.settings.photo_attempts
    with resources.services.sessions() as session:
        assert "worker" in (session.get_one(Photo, photos[1]).reason or "")


@pytest.mark.parametrize(
    "error",
    [
        StoreUnavailableError("the bucket does not answer"),
        OperationalError("INSERT", {}, Exception("the connection is lost")),
        CheckpointError(Path("library"), "holds no such checkpoint"),
    ],
)
def test_what_is_no_fault_of_the_photos_leaves_them_to_the_retry_uncounted(
    bench: Bench, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    photos = bench.make_item("a", RED, GREEN)

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(indexing, "see_batch", fail)
        with pytest.raises(type(error)):
            index_photos(bench.resources, photos, "task")
    rows = [bench.photo(photo_id) for photo_id in photos]
    assert [(p.state, p.attempts) for p in rows] == [(PhotoState.PENDING, 0)] * 2
    sweep(bench.resources)
    assert queue.sent == []
    assert index_photos(bench.resources, photos, "task").indexed == 2


def test_a_photo_that_breaks_its_task_is_tried_alone_and_fails_with_what_it_did(
    bench: Bench, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = bench.make_item("a", RED, GREEN, BLUE)
    whole = indexing.see_batch

    def see(resources: Resources, batch: list[Decoded], targets: list[Target]) -> list[Result]:
        if any(decoded.photo.id == photos[1] for decoded in batch):
            raise MemoryError("a photo too many")
        return whole(resources, batch, targets)

    monkeypatch.setattr(indexing, "see_batch", see)
    with pytest.raises(MemoryError):
        index_photos(bench.resources, photos, "batch")
    assert queue.sent == []
    for _ in range(bench.resources.settings.photo_attempts):
        bench.age_photos()
        sweep(bench.resources)
        tasks = [(task.id, task.args[0]) for task in queue.sent]
        queue.sent.clear()
        assert all(len(ids) == 1 for _, ids in tasks)
        for task_id, ids in tasks:
            with pytest.raises(MemoryError) if ids == photos[1:2] else nullcontext():
                index_photos(bench.resources, ids, task_id)
    assert states(bench.resources) == ["indexed", "failed", "indexed"]
    assert "MemoryError: a photo too many" in (bench.photo(photos[1]).reason or "")


def test_a_worker_told_to_stop_hands_back_what_it_has_not_begun(
    resources: Resources,
    make_item: MakeItem,
    queue: FakeQueue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photos = make_item("a", *[(200, shade, 0) for shade in range(10)])
    (segmenter,) = resources._segmenters.values()
    assert isinstance(segmenter, FakeSegmenter)
    monkeypatch.setattr(indexing, "stop_requested", lambda: bool(segmenter.seen))
    outcome = index_photos(resources, photos, "task")
    assert 0 < outcome.indexed < 10
    assert outcome.indexed + outcome.handed_back == 10
    left = photos[outcome.indexed :]
    assert [task.args[0] for task in queue.named(INDEX_PHOTOS)] == [left]
    with resources.services.sessions() as session:
        rows = [session.get_one(Photo, photo_id) for photo_id in left]
        assert {(p.state, p.attempts) for p in rows} == {(PhotoState.PENDING, 0)}


def test_a_stop_request_crosses_the_fork() -> None:
    import multiprocessing

    assert not stopping.stop_requested()
    context = multiprocessing.get_context("fork")
    child = context.Process(target=stopping.request_stop)
    child.start()
    child.join()
    try:
        assert stopping.stop_requested()
    finally:
        stopping._requested.clear()
