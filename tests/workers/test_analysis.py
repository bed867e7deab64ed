"""Search by photo: from an upload's bytes to ranked items, and its end in the sweep."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import selectinload

from catalog.errors import NotFoundError, StoreUnavailableError
from catalog.photos.image_store import upload_key
from catalog.search.similar import find_similar_to_vector
from catalog.tables import Upload, UploadState
from tests.workers.bench import Bench
from tests.workers.conftest import png_of
from tests.workers.fakes import POISON, BlindSegmenter, DyingSegmenter, Killed
from workers import analysis
from workers.analysis import analyze_upload
from workers.sweeping import sweep

RED, ORANGE, BLUE = (200, 0, 0), (200, 90, 0), (0, 0, 200)


def upload(bench: Bench, data: bytes, minutes: int = 60) -> uuid.UUID:
    services = bench.resources.services
    expires = datetime.now(UTC) + timedelta(minutes=minutes)
    with services.sessions.begin() as session:
        row = Upload(width=32, height=48, expires_at=expires)
        session.add(row)
        session.flush()
        services.images.put(upload_key(row.id), data, "image/png")
        return row.id


def load(bench: Bench, upload_id: uuid.UUID) -> Upload | None:
    with bench.resources.services.sessions() as session:
        return session.get(Upload, upload_id, options=[selectinload(Upload.garments)])


def analyzed(bench: Bench, data: bytes) -> Upload:
    upload_id = upload(bench, data)
    analyze_upload(bench.resources, upload_id)
    found = load(bench, upload_id)
    assert found is not None
    return found


def test_a_photo_finds_items_the_most_alike_first(bench: Bench) -> None:
    for sku, colour in (("blue", BLUE), ("orange", ORANGE), ("red", RED)):
        bench.add(sku, colour)
    found = analyzed(bench, png_of((190, 10, 0)))
    assert found.state is UploadState.DONE
    (garment,) = found.garments
    services = bench.resources.services
    with services.sessions() as session:
        similar = find_similar_to_vector(
            session,
            services.index,
            garment.vector,
            sold_only=False,
            embedder=garment.embedder,
        )
        assert [hit.item.sku for hit in similar] == ["red", "orange", "blue"]
        assert similar[0].score > similar[1].score > similar[2].score


def test_the_same_task_again_changes_nothing(bench: Bench) -> None:
    found = analyzed(bench, png_of(RED))
    analyze_upload(bench.resources, found.id)
    again = load(bench, found.id)
    assert again is not None
    assert [garment.id for garment in again.garments] == [g.id for g in found.garments]


def test_a_photo_without_garments_is_done_and_empty(bench: Bench) -> None:
    segmenter = bench.active().segmenter
    bench.resources._segmenters[segmenter] = BlindSegmenter(segmenter)
    found = analyzed(bench, png_of(RED))
    assert (found.state, found.garments) == (UploadState.DONE, [])


def test_what_is_no_photo_fails_with_its_reason(bench: Bench) -> None:
    found = analyzed(bench, b"no photo at all")
    assert (found.state, found.garments) == (UploadState.FAILED, [])
    assert found.reason


def test_a_photo_that_breaks_the_models_fails_at_once(bench: Bench) -> None:
    upload_id = upload(bench, png_of(POISON))
    with pytest.raises(RuntimeError):
        analyze_upload(bench.resources, upload_id)
    found = load(bench, upload_id)
    assert found is not None
    assert (found.state, found.garments) == (UploadState.FAILED, [])
    assert "try another photo" in (found.reason or "")


def test_a_photo_that_kills_its_worker_fails_after_a_few_attempts(bench: Bench) -> None:
    segmenter = bench.active().segmenter
    bench.resources._segmenters[segmenter] = DyingSegmenter(segmenter)
    upload_id = upload(bench, png_of(POISON))
    for _ in range(bench.resources.settings.photo_attempts):
        with pytest.raises(Killed):
            analyze_upload(bench.resources, upload_id)
    analyze_upload(bench.resources, upload_id)
    found = load(bench, upload_id)
    assert found is not None
    assert found.state is UploadState.FAILED
    assert found.reason


def test_a_store_that_is_down_costs_an_upload_no_attempt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise StoreUnavailableError("the bucket does not answer")

    upload_id = upload(bench, png_of(RED))
    with monkeypatch.context() as patch:
        patch.setattr(analysis, "_see", down)
        for _ in range(2 * bench.resources.settings.photo_attempts):
            with pytest.raises(StoreUnavailableError):
                analyze_upload(bench.resources, upload_id)
    analyze_upload(bench.resources, upload_id)
    found = load(bench, upload_id)
    assert found is not None
    assert found.state is UploadState.DONE


def test_an_expired_upload_goes_in_the_sweep_and_others_stay(bench: Bench) -> None:
    old, young = upload(bench, png_of(RED), minutes=-1), upload(bench, png_of(BLUE))
    analyze_upload(bench.resources, old)
    sweep(bench.resources)
    assert load(bench, old) is None
    images = bench.resources.services.images
    with pytest.raises(NotFoundError):
        images.get(upload_key(old))
    assert load(bench, young) is not None
    assert images.get(upload_key(young)) == png_of(BLUE)
    analyze_upload(bench.resources, old)
