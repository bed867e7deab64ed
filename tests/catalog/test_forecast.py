"""What a re-index would take: rates that were measured, checkpoints that workers have told of."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from catalog.errors import ConflictError
from catalog.forecast import Forecast, forecast_reindex
from catalog.items import ItemRow, upsert_items
from catalog.known_checkpoints import (
    FoundCheckpoint,
    find_checkpoint_id,
    list_checkpoints,
    report_checkpoints,
)
from catalog.rates import load_rates, note_rate
from catalog.tables import Generation, KnownCheckpoint, PhotoState, ReindexKind, Work
from tests.catalog.conftest import EMBEDDER, SEGMENTER, AddGarments, AddPhotos

SHIPPED = [
    FoundCheckpoint("segmentation", "segmenter", SEGMENTER, configured=True),
    FoundCheckpoint("embedding", "embedder", EMBEDDER, configured=True),
    FoundCheckpoint("embedding", "better", "embedder-2"),
]


@pytest.fixture(autouse=True)
def _a_shop(
    session: Session, generation: Generation, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    """Two photos with three garments in all; the workers have told of three checkpoints."""
    first, second = add_photos("1", "2")
    add_garments(first, "dress", "shoes")
    add_garments(second, "dress")
    for photo in (first, second):
        photo.state = PhotoState.INDEXED
    row = ItemRow(sku="A1", title="A1", photos=[first.sha256, second.sha256])
    upsert_items(session, "shop", [row])
    report_checkpoints(session, "here", SHIPPED)
    session.commit()


def counts(forecast: Forecast) -> dict[Work, int]:
    return {step.work: step.count for step in forecast.steps}


def test_nothing_is_promised_that_was_not_measured(session: Session) -> None:
    forecast = forecast_reindex(session, ReindexKind.CROPS, embedder="better")
    assert (forecast.segmenter, forecast.embedder) == (SEGMENTER, "embedder-2")
    assert counts(forecast) == {Work.CROPS: 3, Work.VECTORS: 3, Work.COMPARING: 4}
    assert [step.rate for step in forecast.steps] == [None, None, None]
    assert (forecast.seconds, forecast.least) == (None, 0)


def test_measured_rates_make_a_time(session: Session) -> None:
    note_rate(session, Work.CROPS, 10, 20.0, "embedder-2")
    note_rate(session, Work.VECTORS, 100, 100.0)
    note_rate(session, Work.COMPARING, 10, 5.0)
    forecast = forecast_reindex(session, ReindexKind.CROPS, embedder="embedder-2")
    assert forecast.seconds == 3 / 0.5 + 3 / 1.0 + 4 / 2.0
    assert forecast.is_sure


def test_another_checkpoints_rate_is_marked_as_such(session: Session) -> None:
    note_rate(session, Work.PHOTOS, 10, 5.0, SEGMENTER)
    forecast = forecast_reindex(session, ReindexKind.PHOTOS, segmenter="nobody-told-of-it")
    assert forecast.segmenter is None
    photos = forecast.steps[0]
    assert (photos.count, photos.seconds, photos.same_checkpoint) == (2, 1.0, False)
    assert not forecast.is_sure
    assert (forecast.seconds, forecast.least) == (None, 1.0)


def test_embedding_beside_a_segmenter_is_a_measure_until_there_is_a_better(
    session: Session,
) -> None:
    note_rate(session, Work.EMBEDDING, 10, 10.0, "embedder-2")
    crops = forecast_reindex(session, ReindexKind.CROPS, embedder="better").steps[0]
    assert crops.rate is not None
    assert (crops.rate.work, crops.seconds) == (Work.EMBEDDING, 3.0)
    note_rate(session, Work.CROPS, 30, 10.0, "embedder-2")
    crops = forecast_reindex(session, ReindexKind.CROPS, embedder="better").steps[0]
    assert crops.seconds == 1.0


def test_an_embedder_that_has_seen_everything_has_nothing_to_do(session: Session) -> None:
    forecast = forecast_reindex(session, ReindexKind.CROPS)
    assert forecast.embedder == EMBEDDER
    assert counts(forecast)[Work.CROPS] == 0
    assert forecast.steps[0].seconds == 0


def test_from_vectors_only_sending_counts(session: Session) -> None:
    assert counts(forecast_reindex(session, ReindexKind.VECTORS)) == {
        Work.VECTORS: 3,
        Work.COMPARING: 4,
    }


def test_without_an_index_there_is_no_forecast(session: Session, generation: Generation) -> None:
    session.delete(generation)
    session.commit()
    with pytest.raises(ConflictError, match="no index yet"):
        forecast_reindex(session, ReindexKind.VECTORS)


def test_old_measurements_fade(session: Session) -> None:
    note_rate(session, Work.VECTORS, 1000, 1000.0)
    note_rate(session, Work.VECTORS, 2000, 500.0)
    rate = load_rates(session)[Work.VECTORS, ""]
    assert rate.per_second == (500 + 2000) / (500 + 500)


def test_a_machine_tells_anew_what_it_has(session: Session) -> None:
    report_checkpoints(session, "here", SHIPPED[:2])
    assert [each.name for each in list_checkpoints(session, "embedding")] == ["embedder"]
    report_checkpoints(session, "there", SHIPPED)
    names = [(each.name, each.configured) for each in list_checkpoints(session, "embedding")]
    assert names == [("embedder", True), ("better", False)]


def test_a_machine_that_is_silent_for_days_is_forgotten(session: Session) -> None:
    old = datetime.now(UTC) - timedelta(days=2)
    session.add(
        KnownCheckpoint(
            machine="gone", kind="embedding", name="x", id="x", configured=False, seen_at=old
        )
    )
    session.commit()
    report_checkpoints(session, "here", SHIPPED)
    assert "x" not in [each.id for each in list_checkpoints(session, "embedding")]


@pytest.mark.parametrize(
    ("name", "found"),
    [(None, EMBEDDER), ("better", "embedder-2"), ("embedder-2", "embedder-2"), ("nowhere", None)],
)
def test_a_name_is_an_id_or_a_folder(session: Session, name: str | None, found: str | None) -> None:
    assert find_checkpoint_id(list_checkpoints(session, "embedding"), name) == found
