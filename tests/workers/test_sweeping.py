"""The sweep: what it puts back on the queue, takes from the dead and sends to the index."""

import dataclasses
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import torch
from sqlalchemy import delete, select, update

from catalog.errors import CheckpointError
from catalog.photos.image_store import photo_key
from catalog.queue import BULK, INDEX_PHOTOS, INTERACTIVE, RUN_REINDEX, SWEEP, SYNC_INDEX
from catalog.settings import load_settings
from catalog.tables import Item, ItemPhoto, Job, JobState, KnownWord, Photo, PhotoState, ReindexKind
from models.checkpoints import save_checkpoint
from tests.fakes import FakeQueue
from tests.workers.bench import Bench
from tests.workers.fakes import FakeSegmenter
from workers import tasks as tasks_module
from workers.app import make_app
from workers.indexing import index_photos
from workers.resources import Resources
from workers.sweeping import sweep, tidy

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


@pytest.mark.parametrize("learn", [sweep, tidy])
def test_it_learns_how_items_are_described(
    bench: Bench, learn: Callable[[Resources], None]
) -> None:
    bench.make_item("a", RED)
    with bench.resources.services.sessions.begin() as session:
        session.execute(update(Item).values(title="Denim jacket"))
    learn(bench.resources)
    with bench.resources.services.sessions() as session:
        assert {"denim", "jacket"} <= set(session.scalars(select(KnownWord.word)))


def test_what_is_dirty_is_sent_to_the_index(bench: Bench) -> None:
    photos = bench.make_item("a", RED, BLUE)
    index_photos(bench.resources, photos, "task")
    sweep(bench.resources)
    assert bench.photos_in(bench.active()) == set(photos)


@dataclass
class Upgrade:
    """What an upgrade leaves: other checkpoints in the place of those that index and photos."""

    resources: Resources
    segmenter: str


@pytest.fixture
def upgrade(bench: Bench) -> Upgrade:
    """A shop with an indexed photo whose segmenter has since been replaced in place."""
    bench.add("a", RED)
    folder = bench.resources.settings.segmenter_checkpoint
    weights = {"w": torch.full((2,), 5.0)}
    card = save_checkpoint(folder, "segmentation", {}, weights, categories=("dress", "pants"))
    bench.resources = Resources(
        bench.resources.services,
        {card.id: FakeSegmenter(card.id)},
        bench.resources._embedders,
    )
    return Upgrade(bench.resources, card.id)


def allow_reindex(upgrade: Upgrade) -> None:
    services = upgrade.resources.services
    settings = services.settings.model_copy(update={"reindex_when_models_missing": True})
    upgrade.resources.services = dataclasses.replace(services, settings=settings)


def jobs(bench: Bench) -> list[Job]:
    with bench.resources.services.sessions() as session:
        return list(session.scalars(select(Job)))


def test_after_an_upgrade_new_photos_wait_and_say_for_what(
    bench: Bench, upgrade: Upgrade, caplog: pytest.LogCaptureFixture
) -> None:
    (photo_id,) = bench.make_item("b", BLUE)
    for attempt in range(4):
        with pytest.raises(CheckpointError):
            index_photos(upgrade.resources, [photo_id], f"task {attempt}")
    photo = bench.photo(photo_id)
    assert (photo.state, photo.attempts) == (PhotoState.PENDING, 0)
    assert photo.reason
    assert "waits for its models" in photo.reason
    sweep(upgrade.resources)
    assert "new photos wait for its models" in caplog.text
    assert jobs(bench) == []


def test_where_it_is_allowed_the_sweep_has_the_index_rebuilt_with_the_new_models(
    bench: Bench, upgrade: Upgrade
) -> None:
    allow_reindex(upgrade)
    (photo_id,) = bench.make_item("b", BLUE)
    with pytest.raises(CheckpointError):
        index_photos(upgrade.resources, [photo_id], "task")
    sweep(upgrade.resources)
    sweep(upgrade.resources)
    (job,) = jobs(bench)
    assert bench.run(job.id).state is JobState.DONE
    assert bench.active().segmenter == upgrade.segmenter
    assert index_photos(upgrade.resources, [photo_id], "task").indexed == 1
    assert bench.photo(photo_id).reason is None


def test_an_earlier_reindex_does_not_keep_the_sweep_from_it(bench: Bench, upgrade: Upgrade) -> None:
    allow_reindex(upgrade)
    earlier = bench.start(ReindexKind.VECTORS)
    bench.cancel(earlier)
    bench.run(earlier)
    sweep(upgrade.resources)
    assert len(jobs(bench)) == 2


def test_a_rebuild_that_failed_is_not_tried_again_by_itself(bench: Bench, upgrade: Upgrade) -> None:
    allow_reindex(upgrade)
    sweep(upgrade.resources)
    (job,) = jobs(bench)
    bench.cancel(job.id)
    bench.run(job.id)
    sweep(upgrade.resources)
    assert len(jobs(bench)) == 1


def test_what_the_beat_sends_for_visitors_and_the_dead_waits_behind_no_backlog() -> None:
    schedule = make_app(load_settings({})).conf.beat_schedule
    queues = {name: entry["options"]["queue"] for name, entry in schedule.items()}
    visitors_and_the_dead = dict.fromkeys(("sweep", "sync", "webhooks"), INTERACTIVE)
    assert queues == visitors_and_the_dead | {"tidy": BULK}
    tasks = {entry["task"] for entry in schedule.values()}
    assert tasks == {SWEEP, SYNC_INDEX, tasks_module.TIDY, tasks_module.SEND_WEBHOOKS}


def test_what_a_short_sync_leaves_is_for_the_bulk_workers(
    bench: Bench, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = bench.make_item("a", RED, BLUE)
    index_photos(bench.resources, photos, "task")
    monkeypatch.setattr(tasks_module, "process_resources", lambda: bench.resources)
    monkeypatch.setattr(tasks_module, "SHORT_SYNC_S", 0.0)
    tasks_module.sync_index_task()
    (left,) = queue.named(SYNC_INDEX)
    assert (left.args, left.queue) == ((True,), BULK)
    tasks_module.sync_index_task(*left.args)
    assert len(queue.named(SYNC_INDEX)) == 1
    assert bench.photos_in(bench.active()) == set(photos)


def test_only_the_tidying_removes_photos_that_nothing_shows(bench: Bench) -> None:
    (photo,) = bench.make_item("a", RED)
    with bench.resources.services.sessions.begin() as session:
        session.execute(delete(ItemPhoto))
    change(bench, [photo], created_at=LONG_AGO)
    key = photo_key(bench.photo(photo).sha256)
    images = bench.resources.services.images
    sweep(bench.resources)
    assert images.exists(key)
    tidy(bench.resources)
    assert not images.exists(key)


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
