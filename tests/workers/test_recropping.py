"""Cutting what people drew: that crop alone, once, and what becomes of it when something fails."""

import numpy as np
import pytest
from sqlalchemy import select

from catalog.errors import StoreUnavailableError
from catalog.masks import decode_mask
from catalog.photos.image_store import photo_key
from catalog.queue import INTERACTIVE, RECUT_PHOTO
from catalog.recuts import begin_recut, find_due
from catalog.review import Why
from catalog.tables import (
    Explanation,
    ExplanationState,
    Role,
)
from tests.fakes import FakeQueue
from tests.workers.fakes import BlindSegmenter, FakeEmbedder
from tests.workers.reviewer import AT_THE_EDGE, BLUE, DRAWN, GREEN, RED, Reviewer
from workers import recropping
from workers.recropping import recut_photo
from workers.sweeping import sweep


def test_a_redrawn_box_is_cut_measured_and_embedded_and_no_other(reviewer: Reviewer) -> None:
    bench = reviewer.bench
    changed, other = bench.add("a", RED, BLUE)
    (garment,), (same,) = reviewer.garments(changed), reviewer.garments(other)
    before, before_same = reviewer.vector(garment.id), reviewer.vector(same.id)
    embedder = bench.resources.embedder(bench.active().embedder)
    assert isinstance(embedder, FakeEmbedder)
    embedder.seen = 0
    reviewer.correct(garment, box=DRAWN)
    (task,) = reviewer.queue.named(RECUT_PHOTO)
    assert (task.args, task.queue) == ((changed,), INTERACTIVE)
    assert reviewer.garments(changed)[0].stale
    assert recut_photo(bench.resources, changed) == 1
    (cut,) = reviewer.garments(changed)
    assert (cut.id, cut.box, cut.stale, cut.boxed, cut.crop_version) == (
        *(garment.id, DRAWN, False, False, 1),
    )
    mask = decode_mask(cut.mask)
    assert mask[8:24, 4:28].all()
    assert mask.sum() == 16 * 24
    assert cut.outline
    assert reviewer.crop(cut).shape[:2] != reviewer.crop(same).shape[:2]
    assert embedder.seen == 1
    assert not np.allclose(reviewer.vector(garment.id), before)
    assert np.array_equal(reviewer.vector(same.id), before_same)
    assert reviewer.requests() == []


def test_the_index_learns_the_new_vector(reviewer: Reviewer) -> None:
    bench = reviewer.bench
    (photo,) = bench.add("a", RED)
    (garment,) = reviewer.garments(photo)
    reviewer.correct(garment, box=DRAWN, category="coat")
    recut_photo(bench.resources, photo)
    bench.sync()
    index, collection = bench.resources.services.index, bench.active().collection
    (hit,) = index.query(collection, reviewer.vector(garment.id), limit=1)
    assert hit.score == pytest.approx(1.0, abs=1e-3)
    assert hit.payload["category"] == "coat"


def test_what_was_said_of_the_former_crop_is_forgotten(reviewer: Reviewer) -> None:
    """Pending ones as well: a worker that has the former crop in hand saves nothing any more."""
    one, two, three = (
        reviewer.garments(photo)[0] for photo in reviewer.bench.add("a", RED, BLUE, GREEN)
    )
    embedder = reviewer.bench.active().embedder
    with reviewer.bench.resources.services.sessions.begin() as session:
        for query, other in ((one, two), (two, one), (two, three)):
            pair = {"garment_id": query.id, "other_id": other.id, "embedder": embedder}
            session.add(Explanation(**pair, state=ExplanationState.DONE))
    reviewer.correct(one, box=DRAWN)
    assert recut_photo(reviewer.bench.resources, one.photo_id) == 1
    with reviewer.bench.resources.services.sessions() as session:
        (kept,) = session.scalars(select(Explanation))
        assert (kept.garment_id, kept.other_id) == (two.id, three.id)


def test_a_box_that_takes_its_workers_down_is_given_up_and_says_so(reviewer: Reviewer) -> None:
    bench = reviewer.bench
    (photo,) = bench.add("a", RED)
    reviewer.correct(reviewer.garments(photo)[0], box=DRAWN)
    attempts = bench.resources.settings.photo_attempts
    for _ in range(attempts):  # each dies when it has begun
        with bench.resources.services.sessions.begin() as session:
            assert begin_recut(session, photo, attempts)
    with bench.resources.services.sessions() as session:
        assert find_due(session, 0, attempts) == [photo]
    assert recut_photo(bench.resources, photo) == 0
    assert "workers have died" in (reviewer.requests()[0].reason or "")
    assert reviewer.counts()[Why.NOT_CUT] == 1
    with bench.resources.services.sessions() as session:
        assert find_due(session, 0, attempts) == []


def test_a_category_alone_needs_no_worker_but_the_index_learns_it(reviewer: Reviewer) -> None:
    bench = reviewer.bench
    (photo,) = bench.add("a", RED)
    (garment,) = reviewer.garments(photo)
    reviewer.correct(garment, category="coat")
    assert reviewer.queue.named(RECUT_PHOTO) == []
    bench.sync()
    collection = bench.active().collection
    (hit,) = bench.resources.services.index.query(collection, reviewer.vector(garment.id), limit=1)
    assert hit.payload["category"] == "coat"


def test_where_the_segmenter_sees_nothing_the_box_is_the_mask(reviewer: Reviewer) -> None:
    (photo,) = reviewer.bench.add("a", RED)
    reviewer.correct(reviewer.garments(photo)[0], box=AT_THE_EDGE)
    recut_photo(reviewer.bench.resources, photo)
    (cut,) = reviewer.garments(photo)
    assert cut.boxed
    assert decode_mask(cut.mask).sum() == 28 * 32


def test_an_undone_box_gets_its_mask_and_vector_back(reviewer: Reviewer) -> None:
    bench = reviewer.bench
    (photo,) = bench.add("a", RED)
    (garment,) = reviewer.garments(photo)
    before = reviewer.vector(garment.id)
    reviewer.correct(garment, box=DRAWN)
    recut_photo(bench.resources, photo)
    reviewer.undo(garment)
    assert recut_photo(bench.resources, photo) == 1
    (back,) = reviewer.garments(photo)
    assert (back.box, back.mask, back.correction_id) == (garment.box, garment.mask, None)
    assert np.allclose(reviewer.vector(garment.id), before, atol=1e-3)


def test_an_added_garment_is_made_and_can_be_the_one_for_sale(reviewer: Reviewer) -> None:
    bench = reviewer.bench
    active = bench.active()
    bench.resources._segmenters[active.segmenter] = BlindSegmenter(active.segmenter)
    (photo,) = bench.add("a", RED)
    assert reviewer.counts()[Why.NOTHING_FOUND] == 1
    reviewer.add(photo, "dress", DRAWN)
    assert reviewer.counts()[Why.NOTHING_FOUND] == 0
    assert recut_photo(bench.resources, photo) == 1
    (made,) = reviewer.garments(photo)
    assert (made.category, made.box, made.role, made.score) == ("dress", DRAWN, Role.SOLD, 1.0)
    bench.sync()
    assert bench.photos_in(active) == {photo}
    reviewer.undo(made)
    bench.sync()
    assert reviewer.garments(photo) == []
    assert bench.photos_in(active) == set()
    assert reviewer.counts()[Why.NOTHING_FOUND] == 1


def test_the_sweep_enqueues_what_the_broker_did_not_get(
    reviewer: Reviewer, queue: FakeQueue
) -> None:
    (photo,) = reviewer.bench.add("a", RED)
    queue.down = True
    reviewer.correct(reviewer.garments(photo)[0], box=DRAWN)
    queue.down = False
    for _ in range(2):
        sweep(reviewer.bench.resources)
    assert [task.args for task in queue.named(RECUT_PHOTO)] == [(photo,)]


def test_what_is_redrawn_while_a_worker_cuts_stays_requested(
    reviewer: Reviewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photo,) = reviewer.bench.add("a", RED)
    (garment,) = reviewer.garments(photo)
    reviewer.correct(garment, box=DRAWN)
    really = recropping.recrop

    def meanwhile(*arguments: object) -> object:
        reviewer.correct(garment, box=[6, 6, 30, 44])
        return really(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(recropping, "recrop", meanwhile)
        assert recut_photo(reviewer.bench.resources, photo) == 0
    assert reviewer.garments(photo)[0].stale
    assert recut_photo(reviewer.bench.resources, photo) == 1
    assert reviewer.garments(photo)[0].box == [6, 6, 30, 44]


def test_a_lost_photo_is_given_up_with_its_reason(reviewer: Reviewer) -> None:
    bench = reviewer.bench
    (photo,) = bench.add("a", RED)
    reviewer.correct(reviewer.garments(photo)[0], box=DRAWN)
    bench.resources.services.images.delete(photo_key(bench.photo(photo).sha256))
    assert recut_photo(bench.resources, photo) == 0
    (request,) = reviewer.requests()
    assert "not in the image store" in (request.reason or "")
    assert request.attempts == bench.resources.settings.photo_attempts
    assert reviewer.counts()[Why.NOT_CUT] == 1


def test_a_store_that_is_down_is_no_fault_of_the_photo(
    reviewer: Reviewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photo,) = reviewer.bench.add("a", RED)
    reviewer.correct(reviewer.garments(photo)[0], box=DRAWN)

    def down(*_: object) -> None:
        raise StoreUnavailableError("the bucket does not answer")

    monkeypatch.setattr(recropping, "decode", down)
    for _ in range(5):
        with pytest.raises(StoreUnavailableError):
            recut_photo(reviewer.bench.resources, photo)
    assert [request.attempts for request in reviewer.requests()] == [0]
