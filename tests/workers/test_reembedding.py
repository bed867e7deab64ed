"""The re-index from crops: what a crash costs, and what need not be done."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from catalog.claims import release
from catalog.photos.image_store import photo_key
from catalog.search.outbox import mark_deleted
from catalog.tables import Garment, JobState, Photo, PhotoState, ReindexKind
from tests.workers.bench import Bench
from tests.workers.fakes import DyingEmbedder, FakeEmbedder, Killed
from workers import indexing, reembedding
from workers.indexing import index_photos
from workers.reindexing import advance_reindex

SHADES = [(200, shade, 0) for shade in range(0, 120, 20)]


def test_after_a_crash_no_crop_is_embedded_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reembedding, "_ROWS", 2)
    photos = bench.add("a", *SHADES)
    job_id = bench.start(ReindexKind.CROPS)
    bench.resources._embedders[bench.new_embedder] = DyingEmbedder(bench.new_embedder, 6, after=4)
    with pytest.raises(Killed):
        advance_reindex(bench.resources, job_id)
    assert (bench.job(job_id).done, bench.job(job_id).total) == (4, 6)
    healthy = FakeEmbedder(bench.new_embedder, 6)
    bench.resources._embedders[bench.new_embedder] = healthy
    assert bench.run(job_id).state is JobState.DONE
    assert healthy.seen == 2
    assert bench.photos_in(bench.active()) == set(photos)


def test_a_garment_that_is_deleted_meanwhile_stops_nothing(bench: Bench) -> None:
    gone, *kept = bench.add("a", *SHADES)
    sessions = bench.resources.services.sessions

    class Deleting(FakeEmbedder):
        def embed_crops(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
            with sessions.begin() as session:
                ids = session.scalars(select(Garment.id).where(Garment.photo_id == gone)).all()
                mark_deleted(session, ids)
                session.execute(delete(Garment).where(Garment.id.in_(ids)))
            return super().embed_crops(crops)

    bench.resources._embedders[bench.new_embedder] = Deleting(bench.new_embedder, 6)
    assert bench.run(bench.start(ReindexKind.CROPS)).state is JobState.DONE
    assert bench.photos_in(bench.active()) == set(kept)


def test_a_photo_that_is_looked_at_again_meanwhile_stops_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both save vectors of one garment: the one who comes second waits for the other."""
    (photo,) = bench.add("a", SHADES[0])
    (garment,) = bench.garments(photo, bench.active().segmenter)
    job_id = bench.begin(ReindexKind.CROPS)
    with bench.resources.services.sessions.begin() as session:
        release(session.get_one(Photo, photo))
    save = indexing.save_found

    with ThreadPoolExecutor(1) as other:
        running: list[Future[object]] = []

        def save_and_hold(*args: Any) -> list[Garment]:
            saved = save(*args)
            running.append(other.submit(advance_reindex, bench.resources, job_id))
            wait_until_blocked(args[0], running[0])
            return saved

        monkeypatch.setattr(indexing, "save_found", save_and_hold)
        index_photos(bench.resources, [photo], "again")
        running[0].result()
    assert (bench.photo(photo).state, bench.photo(photo).attempts) == (PhotoState.INDEXED, 0)
    assert bench.run(job_id).state is JobState.DONE
    assert [each.id for each in bench.garments(photo, bench.active().segmenter)] == [garment.id]
    assert bench.photos_in(bench.active()) == {photo}


def wait_until_blocked(session: Session, running: "Future[object]") -> None:
    """Until somebody waits for a lock, or the other one has come through without."""
    blocked = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
    )
    while not running.done() and not session.scalar(blocked):
        session.execute(text("SELECT pg_stat_clear_snapshot()"))


def test_it_opens_no_photo(bench: Bench) -> None:
    photos = bench.add("a", *SHADES)
    for photo_id in photos:
        bench.resources.services.images.delete(photo_key(bench.photo(photo_id).sha256))
    bench.run(bench.start(ReindexKind.CROPS))
    assert bench.active().embedder == bench.new_embedder
    assert bench.photos_in(bench.active()) == set(photos)


def test_vectors_of_an_embedder_that_was_used_before_are_not_made_again(bench: Bench) -> None:
    first = bench.add("a", *SHADES)
    old = bench.active()
    bench.run(bench.start(ReindexKind.CROPS))
    back = bench.resources._embedders[old.embedder]
    assert isinstance(back, FakeEmbedder)
    seen = back.seen
    late = bench.add("b", (0, 0, 200))
    bench.run(bench.start(ReindexKind.CROPS, embedder=old.embedder))
    assert back.seen - seen == len(late)
    assert bench.photos_in(bench.active()) == {*first, *late}
