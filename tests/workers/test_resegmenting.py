"""The re-index from photos: crashes, photos that fail, and what people have corrected."""

from dataclasses import replace

import pytest

from catalog.corrections import correct_garment
from catalog.errors import StoreUnavailableError
from catalog.photos.image_store import photo_key
from catalog.tables import JobState, ReindexKind
from tests.workers.bench import Bench
from tests.workers.fakes import POISON, DyingSegmenter, FakeSegmenter, Killed
from workers import resegmenting
from workers.reindexing import advance_reindex

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


@pytest.fixture
def poisoned(bench: Bench) -> list[int]:
    """Six photos in three batches; the first pair of models did not mind the fourth."""
    services = bench.resources.services
    settings = services.settings.model_copy(update={"segment_batch": 2})
    bench.resources.services = replace(services, settings=settings)
    old = bench.active().segmenter
    bench.resources._segmenters[old] = FakeSegmenter(old, bold=True)
    return bench.add("a", RED, GREEN, BLUE, POISON, (200, 50, 0), (0, 50, 200))


def test_after_a_crash_no_photo_is_segmented_twice(bench: Bench, poisoned: list[int]) -> None:
    bench.resources._segmenters[bench.new_segmenter] = DyingSegmenter(bench.new_segmenter)
    job_id = bench.start(ReindexKind.PHOTOS)
    with pytest.raises(Killed):
        advance_reindex(bench.resources, job_id)
    assert (bench.job(job_id).done, bench.job(job_id).total) == (2, 6)
    healthy = FakeSegmenter(bench.new_segmenter, bold=True)
    bench.resources._segmenters[bench.new_segmenter] = healthy
    assert bench.run(job_id).state is JobState.DONE
    assert sum(healthy.seen) == 4
    assert bench.photos_in(bench.active()) == set(poisoned)


def test_a_photo_that_kills_every_worker_is_left_out_by_name(
    bench: Bench, poisoned: list[int]
) -> None:
    bench.resources._segmenters[bench.new_segmenter] = DyingSegmenter(bench.new_segmenter)
    job_id = bench.start(ReindexKind.PHOTOS)
    deaths = 0
    while bench.job(job_id).finished_at is None:
        try:
            advance_reindex(bench.resources, job_id)
        except Killed:
            deaths += 1
    assert bench.job(job_id).state is JobState.DONE
    assert 1 < deaths <= 2 * bench.resources.settings.photo_attempts
    assert f"photo {poisoned[3]} left out" in bench.log(job_id)
    assert bench.photos_in(bench.active()) == {*poisoned} - {poisoned[3]}


def test_photos_that_fail_are_logged_and_the_rest_goes_on(
    bench: Bench, poisoned: list[int]
) -> None:
    broken, lost = bench.photo(poisoned[0]).sha256, bench.photo(poisoned[1]).sha256
    bench.resources.services.images.put(photo_key(broken), b"no photo at all", "image/png")
    bench.resources.services.images.delete(photo_key(lost))
    job_id = bench.start(ReindexKind.PHOTOS)
    job = bench.run(job_id)
    assert "3 garments where the old index has 6" in (job.error or "")
    failed = [broken, lost, bench.photo(poisoned[3]).sha256]
    assert all(f"photo {sha256}: " in bench.log(job_id) for sha256 in failed)
    assert bench.photos_in(bench.generations()[-1]) == {poisoned[2], poisoned[4], poisoned[5]}


def test_a_store_that_is_down_leaves_no_photo_out(
    bench: Bench, poisoned: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.resources._segmenters[bench.new_segmenter] = FakeSegmenter(bench.new_segmenter, bold=True)
    job_id = bench.start(ReindexKind.PHOTOS)

    def down(*_: object) -> None:
        raise StoreUnavailableError("the bucket does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(resegmenting, "decode", down)
        for _ in range(2 * bench.resources.settings.photo_attempts):
            with pytest.raises(StoreUnavailableError):
                advance_reindex(bench.resources, job_id)
    assert bench.run(job_id).state is JobState.DONE
    assert bench.photos_in(bench.active()) == set(poisoned)


def test_the_same_segmenter_leaves_every_garment_its_id(bench: Bench) -> None:
    photos = bench.add("a", RED, GREEN)
    active = bench.active()
    before = [garment.id for photo in photos for garment in bench.garments(photo, active.segmenter)]
    bench.run(bench.start(ReindexKind.PHOTOS, only={"segmenter": active.segmenter}))
    assert bench.active().id != active.id
    after = [garment.id for photo in photos for garment in bench.garments(photo, active.segmenter)]
    assert after == before
    assert bench.photos_in(bench.active()) == set(photos)


def test_corrections_survive_another_segmenter(bench: Bench) -> None:
    renamed, hidden = bench.add("a", RED, GREEN)
    old = bench.active().segmenter
    with bench.resources.services.sessions.begin() as session:
        correct_garment(session, bench.garments(renamed, old)[0].id, category="coat")
        correct_garment(session, bench.garments(hidden, old)[0].id, excluded=True)
    bench.run(bench.start(ReindexKind.PHOTOS))
    assert bench.active().segmenter == bench.new_segmenter
    (seen_renamed,) = bench.garments(renamed, bench.new_segmenter)
    (seen_hidden,) = bench.garments(hidden, bench.new_segmenter)
    assert (seen_renamed.category, seen_hidden.excluded) == ("coat", True)
    assert bench.photos_in(bench.active()) == {renamed}
