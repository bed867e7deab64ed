"""Nothing gets lost: kill -9 of each part in mid work, then everything is indexed exactly once.

One stack for all tests of this file; each ingests a catalog of its own, kills, waits, and counts.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import func, select

from catalog.tables import Catalog, Garment, Item, ItemPhoto, Photo, PhotoState
from stack.state import find_state
from tests.whole.running import COMMAND, Running, draw_catalog, photos_in, running_stack, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ITEMS = 8


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A stack that sweeps often, so that what is lost comes back within seconds."""
    home = tmp_path_factory.mktemp("stack") / "home"
    with running_stack(
        home, SWEEP_EVERY_S="2", STALE_AFTER_S="20", PHOTOS_PER_TASK="4", SEGMENT_BATCH="2"
    ) as running:
        yield running


@pytest.fixture
def feed(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A drawn catalog that no other test has."""
    return draw_catalog(tmp_path / "drawn", ITEMS, seed=sum(map(ord, request.node.name)))


def ingest(stack: Running, feed: Path, catalog: str) -> None:
    stack.lookalike("ingest", str(feed), "--catalog", catalog)


def wait_until_working(stack: Running, catalog: str) -> None:
    wait_for(
        "a worker has begun", lambda: stack.status(catalog)["photos"]["working"] > 0, timeout_s=120
    )


def assert_everything_is_indexed_once(stack: Running, catalog: str, photos: int) -> None:
    wait_for(f"{catalog} is indexed", lambda: stack.is_settled(catalog))
    services = stack.services
    with services.sessions() as session:
        shown = (
            select(Photo)
            .join(ItemPhoto)
            .join(Item, Item.id == ItemPhoto.item_id)
            .join(Catalog, Catalog.id == Item.catalog_id)
            .where(Catalog.name == catalog)
        )
        rows = session.scalars(shown.distinct()).all()
        assert len(rows) == photos
        assert {photo.state for photo in rows} == {PhotoState.INDEXED}
        garments = session.scalar(select(func.count()).select_from(Garment)) or 0
        twice = session.execute(
            select(Garment.segmenter)
            .group_by(Garment.photo_id, Garment.segmenter, Garment.box)
            .having(func.count() > 1)
        ).all()
        assert not twice, "a photo was indexed twice"
        (collection,) = services.index.collections()
    assert services.index.count(collection) == garments
    services.close()
    assert "agree" in stack.lookalike("check")


def test_a_worker_killed_in_mid_task(stack: Running, feed: Path) -> None:
    ingest(stack, feed, "worker")
    wait_until_working(stack, "worker")
    stack.kill("worker-bulk")
    assert_everything_is_indexed_once(stack, "worker", photos_in(feed))


def test_only_the_child_of_a_worker_killed(stack: Running, feed: Path) -> None:
    ingest(stack, feed, "child")
    wait_until_working(stack, "child")
    parent = stack.state.pids["worker-bulk"]
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    assert_everything_is_indexed_once(stack, "child", photos_in(feed))


def test_postgres_killed_in_mid_task(stack: Running, feed: Path) -> None:
    ingest(stack, feed, "postgres")
    wait_until_working(stack, "postgres")
    stack.kill("postgres")
    assert_everything_is_indexed_once(stack, "postgres", photos_in(feed))


def test_the_broker_killed_and_another_time_flushed(stack: Running, feed: Path) -> None:
    ingest(stack, feed, "broker")
    stack.kill("valkey")
    with redis.Redis.from_url(stack.state.environment["REDIS_URL"]) as broker:
        wait_for("the broker is back", lambda: _pings(broker))
        broker.flushall()
    assert_everything_is_indexed_once(stack, "broker", photos_in(feed))


def test_the_index_down_for_a_while(stack: Running, feed: Path) -> None:
    edge = stack.state.pids["edge"]
    os.killpg(edge, signal.SIGSTOP)  # it hangs, which is worse than a refused connection
    try:
        ingest(stack, feed, "index")
        photos = photos_in(feed)
        wait_for(
            "photos are indexed without the index",
            lambda: stack.status("index")["photos"]["indexed"] == photos,
        )
        assert stack.status("index")["behind"] > 0
    finally:
        os.killpg(edge, signal.SIGKILL)
    assert_everything_is_indexed_once(stack, "index", photos)


def test_the_web_process_killed_in_the_middle_of_an_upload(stack: Running, feed: Path) -> None:
    before = stack.state.pids["web"]
    upload = subprocess.Popen(
        [*COMMAND, "ingest", str(feed), "--catalog", "web"],
        env={**os.environ, "LOOKALIKE_HOME": str(stack.home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    services = stack.services
    with services.sessions() as session:
        wait_for("the upload has begun", lambda: bool(_catalog(session, "web")), timeout_s=120)
    services.close()
    stack.kill("web")
    upload.wait(300)
    wait_for("the web process is back", lambda: _pid(stack, "web") not in (before, None))
    ingest(stack, feed, "web")  # whatever became of the first, the same command again mends it
    assert_everything_is_indexed_once(stack, "web", photos_in(feed))


def test_a_cut_upload_is_resumed_by_the_same_command(stack: Running, feed: Path) -> None:
    upload = subprocess.Popen(
        [*COMMAND, "ingest", str(feed), "--catalog", "cut"],
        env={**os.environ, "LOOKALIKE_HOME": str(stack.home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    services = stack.services
    with services.sessions() as session:
        wait_for("the upload has begun", lambda: bool(_catalog(session, "cut")), timeout_s=120)
    services.close()
    upload.kill()
    upload.wait()
    ingest(stack, feed, "cut")
    assert_everything_is_indexed_once(stack, "cut", photos_in(feed))


def _catalog(session: object, name: str) -> bool:
    from sqlalchemy.orm import Session

    assert isinstance(session, Session)
    session.rollback()
    return session.scalar(select(Catalog.id).where(Catalog.name == name)) is not None


def _pings(broker: "redis.Redis") -> bool:
    try:
        return bool(broker.ping())
    except redis.RedisError:
        return False


def _pid(stack: Running, name: str) -> int | None:
    state = find_state(stack.home)
    return state.pids.get(name) if state else None
