"""Why two garments match: from stored crops and vectors to heat and similarities."""

import io
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch
from PIL import Image
from sqlalchemy import select, update
from sqlalchemy.orm import undefer

from catalog import reviewing
from catalog.errors import CheckpointError
from catalog.explaining import explain_found, explain_garments
from catalog.photos.decode import decode_crop
from catalog.tables import Embedding, Explanation, ExplanationState, Garment, UploadGarment
from models.embedding.infer import Embedder
from models.embedding.network import CGD, Architecture
from tests.fakes import FakeQueue
from tests.workers.bench import Bench
from tests.workers.conftest import png_of
from tests.workers.fakes import Killed
from tests.workers.test_analysis import analyzed
from workers import explaining
from workers.explaining import explain_match
from workers.recropping import recut_photo
from workers.sweeping import tidy

RED, ORANGE = (200, 0, 0), (200, 90, 0)
TINY = Architecture(trunk="test_resnet", dimensions=8, side_px=64)


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """Two items, seen by a tiny network in place of the fake embedder."""
    torch.manual_seed(0)
    name = bench.active().embedder
    bench.resources._embedders[name] = Embedder(CGD(TINY), TINY, name)
    for sku, colour in (("red", RED), ("orange", ORANGE)):
        bench.add(sku, colour)
    return bench


Ask = Callable[[], uuid.UUID]


@pytest.fixture
def ask(shop: Bench, queue: FakeQueue) -> Ask:
    """Ask why the two garments match; gives the explanation's id."""

    def ask() -> uuid.UUID:
        with shop.resources.services.sessions() as session:
            first, second = session.scalars(select(Garment.id).order_by(Garment.photo_id))
            return explain_garments(session, queue, first, second).id

    return ask


def load(bench: Bench, explanation_id: uuid.UUID) -> Explanation:
    with bench.resources.services.sessions() as session:
        everything = [undefer(Explanation.heat), undefer(Explanation.other_heat)]
        return session.get_one(Explanation, explanation_id, options=everything)


def change(bench: Bench, **values: object) -> None:
    with bench.resources.services.sessions.begin() as session:
        session.execute(update(Explanation).values(**values))


def grey(data: bytes | None) -> np.ndarray:
    assert data is not None
    return np.asarray(Image.open(io.BytesIO(data)).convert("L"))


def test_a_pair_gets_heat_on_both_crops_and_what_each_descriptor_says(
    shop: Bench, ask: Ask
) -> None:
    explanation_id = ask()
    explain_match(shop.resources, explanation_id)
    done = load(shop, explanation_id)
    assert done.state is ExplanationState.DONE
    with shop.resources.services.sessions() as session:
        rows = session.execute(
            select(Garment.crop, Embedding.vector)
            .join(Embedding, Embedding.garment_id == Garment.id)
            .order_by(Garment.photo_id)
        ).all()
    first, second = (row.vector / np.linalg.norm(row.vector) for row in rows)
    assert set(done.descriptors) == set("SMG")
    assert np.mean(list(done.descriptors.values())) == pytest.approx(first @ second, abs=2e-3)
    for row, heat in zip(rows, (done.heat, done.other_heat), strict=True):
        shown = grey(heat)
        assert shown.shape == decode_crop(row.crop).shape[:2]
        assert shown.max() > 200
    assert done.place
    assert done.other_place


def test_a_garment_that_is_being_cut_anew_is_not_explained_by_its_former_crop(
    shop: Bench, ask: Ask, queue: FakeQueue
) -> None:
    with shop.resources.services.sessions() as session:
        garment = session.scalars(select(Garment).order_by(Garment.photo_id)).first()
        assert garment is not None
        reviewing.correct(session, queue, garment.id, box=[4, 8, 28, 40])
    explanation_id = ask()
    explain_match(shop.resources, explanation_id)
    assert "cut out anew" in (load(shop, explanation_id).reason or "")
    assert recut_photo(shop.resources, garment.photo_id) == 1
    again = ask()
    assert again != explanation_id
    explain_match(shop.resources, again)
    assert load(shop, again).state is ExplanationState.DONE


def test_a_garment_of_a_visitors_photo_is_explained_by_its_outline(
    shop: Bench, queue: FakeQueue
) -> None:
    found = analyzed(shop, png_of((190, 10, 0)))
    with shop.resources.services.sessions() as session:
        garment = session.get_one(UploadGarment, found.garments[0].id)
        other = session.scalars(select(Garment.id).order_by(Garment.photo_id)).first()
        assert other is not None
        explanation_id = explain_found(session, queue, garment, other).id
        crop = decode_crop(garment.crop)
    explain_match(shop.resources, explanation_id)
    done = load(shop, explanation_id)
    assert done.state is ExplanationState.DONE
    heat = grey(done.heat)
    assert heat.shape == crop.shape[:2]
    assert heat.max() > 200


def test_what_is_done_or_gone_is_left_alone(shop: Bench, ask: Ask) -> None:
    explain_match(shop.resources, uuid.uuid4())
    explanation_id = ask()
    explain_match(shop.resources, explanation_id)
    change(shop, place="somewhere else")
    explain_match(shop.resources, explanation_id)
    assert load(shop, explanation_id).place == "somewhere else"


def test_a_vector_that_has_gone_meanwhile_is_said_in_words(shop: Bench, ask: Ask) -> None:
    explanation_id = ask()
    with shop.resources.services.sessions.begin() as session:
        session.execute(update(Embedding).values(embedder="another"))
    explain_match(shop.resources, explanation_id)
    failed = load(shop, explanation_id)
    assert failed.state is ExplanationState.FAILED
    assert "not there any more" in (failed.reason or "")


def test_a_crop_that_is_none_fails_with_its_reason(shop: Bench, ask: Ask) -> None:
    explanation_id = ask()
    with shop.resources.services.sessions.begin() as session:
        session.execute(update(Garment).values(crop=b"no crop"))
    explain_match(shop.resources, explanation_id)
    failed = load(shop, explanation_id)
    assert failed.state is ExplanationState.FAILED
    assert "can't be read" in (failed.reason or "")


def test_without_its_models_it_has_failed_and_the_log_knows_why(shop: Bench, ask: Ask) -> None:
    explanation_id = ask()
    change(shop, embedder="gone")
    with shop.resources.services.sessions.begin() as session:
        session.execute(update(Embedding).values(embedder="gone"))
    with pytest.raises(CheckpointError):
        explain_match(shop.resources, explanation_id)
    failed = load(shop, explanation_id)
    assert failed.state is ExplanationState.FAILED
    assert "try again later" in (failed.reason or "")


def test_a_pair_that_kills_its_worker_fails_after_a_few_attempts(
    shop: Bench, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    explanation_id = ask()
    monkeypatch.setattr(explaining, "_explain", die)
    for _ in range(shop.resources.settings.photo_attempts):
        with pytest.raises(Killed):
            explain_match(shop.resources, explanation_id)
        assert load(shop, explanation_id).state is ExplanationState.PENDING
    explain_match(shop.resources, explanation_id)
    failed = load(shop, explanation_id)
    assert failed.state is ExplanationState.FAILED
    assert failed.reason


def test_what_breaks_the_models_has_failed_at_once(
    shop: Bench, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("out of memory")

    explanation_id = ask()
    monkeypatch.setattr(explaining, "_explain", broken)
    with pytest.raises(RuntimeError):
        explain_match(shop.resources, explanation_id)
    assert load(shop, explanation_id).state is ExplanationState.FAILED


def test_old_explanations_go_when_the_house_is_tidied(shop: Bench, ask: Ask) -> None:
    explanation_id = ask()
    tidy(shop.resources)
    load(shop, explanation_id)
    change(shop, created_at=datetime.now(UTC) - timedelta(days=2))
    tidy(shop.resources)
    with shop.resources.services.sessions() as session:
        assert session.get(Explanation, explanation_id) is None
