"""Cutting what people drew: that crop alone, for every index that lives, and after re-indexing."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import select

from catalog import reviewing
from catalog.errors import StoreUnavailableError
from catalog.masks import decode_mask
from catalog.photos.decode import decode_crop
from catalog.photos.image_store import photo_key
from catalog.queue import INTERACTIVE, RECUT_PHOTO
from catalog.recuts import begin_recut, find_due
from catalog.review import Why, count_entries
from catalog.roles import assign_roles
from catalog.tables import (
    Correction,
    Embedding,
    Explanation,
    ExplanationState,
    Garment,
    Recut,
    ReindexKind,
    Role,
)
from tests.fakes import FakeQueue
from tests.workers.bench import Bench
from tests.workers.fakes import BlindSegmenter, FakeEmbedder, FakeSegmenter
from workers import recropping
from workers.indexing import index_photos
from workers.recropping import enqueue_requested, recut_photo
from workers.reindexing import advance_reindex
from workers.sweeping import sweep

RED, BLUE, GREEN = (200, 0, 0), (0, 0, 200), (0, 200, 0)
DRAWN = [4.0, 8.0, 28.0, 40.0]
AT_THE_EDGE = [0.0, 8.0, 28.0, 40.0]
"""A box in which the fake segmenter sees nothing."""


@dataclass
class Reviewer:
    """A person at the page, on the bench's shop."""

    bench: Bench
    queue: FakeQueue

    def correct(self, garment: Garment, **change: object) -> None:
        with self.bench.resources.services.sessions() as session:
            reviewing.correct(session, self.queue, garment.id, **change)  # type: ignore[arg-type]

    def undo(self, garment: Garment) -> None:
        with self.bench.resources.services.sessions() as session:
            reviewing.undo(session, self.queue, garment.id)

    def add(self, photo_id: int, category: str, box: Sequence[float]) -> None:
        with self.bench.resources.services.sessions() as session:
            sha256 = self.bench.photo(photo_id).sha256
            reviewing.add(session, self.queue, sha256, category, box)

    def garments(self, photo_id: int) -> list[Garment]:
        return self.bench.garments(photo_id, self.bench.active().segmenter)

    def vector(self, garment_id: UUID, embedder: str | None = None) -> np.ndarray:
        wanted = (
            Embedding.garment_id == garment_id,
            Embedding.embedder == (embedder or self.bench.active().embedder),
        )
        with self.bench.resources.services.sessions() as session:
            return np.array(session.scalars(select(Embedding.vector).where(*wanted)).one())

    def crop(self, garment: Garment) -> np.ndarray:
        with self.bench.resources.services.sessions() as session:
            return decode_crop(
                session.scalars(select(Garment.crop).where(Garment.id == garment.id)).one()
            )

    def requests(self) -> list[Recut]:
        with self.bench.resources.services.sessions() as session:
            return list(session.scalars(select(Recut)))


@pytest.fixture
def reviewer(bench: Bench, queue: FakeQueue) -> Reviewer:
    return Reviewer(bench, queue)


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
    assert counts(bench)[Why.NOT_CUT] == 1
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
    assert counts(bench)[Why.NOTHING_FOUND] == 1
    reviewer.add(photo, "dress", DRAWN)
    assert counts(bench)[Why.NOTHING_FOUND] == 0
    assert recut_photo(bench.resources, photo) == 1
    (made,) = reviewer.garments(photo)
    assert (made.category, made.box, made.role, made.score) == ("dress", DRAWN, Role.SOLD, 1.0)
    bench.sync()
    assert bench.photos_in(active) == {photo}
    reviewer.undo(made)
    bench.sync()
    assert reviewer.garments(photo) == []
    assert bench.photos_in(active) == set()
    assert counts(bench)[Why.NOTHING_FOUND] == 1


@pytest.mark.parametrize("blind", [False, True])
def test_a_redrawn_box_wins_over_what_the_next_segmenter_finds(
    reviewer: Reviewer, blind: bool
) -> None:
    bench = reviewer.bench
    redrawn, renamed, hidden, kept = bench.add("a", RED, BLUE, (0, 200, 0), (90, 90, 0))
    reviewer.correct(reviewer.garments(redrawn)[0], box=DRAWN)
    reviewer.correct(reviewer.garments(renamed)[0], category="coat")
    reviewer.correct(reviewer.garments(hidden)[0], excluded=True)
    recut_photo(bench.resources, redrawn)
    if blind:
        reviewer.add(kept, "hat", [20, 2, 30, 12])
        recut_photo(bench.resources, kept)
        new = BlindSegmenter(bench.new_segmenter)
        bench.resources._segmenters[bench.new_segmenter] = new
    job = bench.run(bench.start(ReindexKind.PHOTOS, switch="manual" if blind else "auto"))
    assert job.finished_at is not None
    (garment,) = bench.garments(redrawn, bench.new_segmenter)
    assert (garment.box, garment.stale, garment.category) == (DRAWN, False, "dress")
    assert decode_mask(garment.mask).sum() == 16 * 24
    crop = reviewer.crop(garment)
    expected = FakeEmbedder("any", dimensions=6).embed_crops([crop])[0]
    vector = reviewer.vector(garment.id, bench.generations()[-1].embedder)
    assert np.allclose(vector, expected, atol=1e-3)
    assert reviewer.requests() == []
    if blind:
        (added,) = bench.garments(kept, bench.new_segmenter)
        assert (added.category, added.box) == ("hat", [20, 2, 30, 12])
        return
    assert [g.category for g in bench.garments(renamed, bench.new_segmenter)] == ["coat"]
    assert [g.excluded for g in bench.garments(hidden, bench.new_segmenter)] == [True]
    assert bench.photos_in(bench.active()) == {redrawn, renamed, kept}


def test_what_was_accepted_stays_out_of_the_queue_after_another_segmenter(
    reviewer: Reviewer,
) -> None:
    bench = reviewer.bench
    doubtful = FakeSegmenter(bench.active().segmenter)
    bench.resources._segmenters[doubtful.checkpoint_id] = with_score(doubtful, 0.45)
    new = FakeSegmenter(bench.new_segmenter, margin=6)
    bench.resources._segmenters[new.checkpoint_id] = with_score(new, 0.45)
    accepted, _ = bench.add("a", RED, (150, 0, 0))
    assert counts(bench)[Why.LOW_CONFIDENCE] == 2
    reviewer.correct(reviewer.garments(accepted)[0])
    assert counts(bench)[Why.LOW_CONFIDENCE] == 1
    bench.run(bench.start(ReindexKind.PHOTOS))
    assert bench.active().segmenter == bench.new_segmenter
    assert counts(bench)[Why.LOW_CONFIDENCE] == 1
    assert bench.garments(accepted, bench.new_segmenter)[0].correction_id is not None


def with_score(segmenter: FakeSegmenter, score: float) -> FakeSegmenter:
    from dataclasses import replace

    seen = segmenter._middle
    segmenter._middle = lambda photo: replace(seen(photo), score=score)  # type: ignore[method-assign]
    return segmenter


def counts(bench: Bench) -> dict[Why | None, int]:
    with bench.resources.services.sessions() as session:
        return count_entries(session)


def test_while_an_index_is_being_built_both_get_the_crop(reviewer: Reviewer) -> None:
    bench = reviewer.bench
    (photo,) = bench.add("a", RED)
    job = bench.start(ReindexKind.PHOTOS, switch="manual")
    bench.run(job)
    reviewer.correct(reviewer.garments(photo)[0], box=DRAWN)
    assert recut_photo(bench.resources, photo) == 2
    building = bench.generations()[-1]
    (there,) = bench.garments(photo, building.segmenter)
    assert (there.box, there.stale) == (DRAWN, False)
    assert len(reviewer.vector(there.id, building.embedder)) == building.dimensions


def test_an_index_that_is_being_filled_sees_to_it_itself(reviewer: Reviewer) -> None:
    bench = reviewer.bench
    (photo,) = bench.add("a", RED)
    job = bench.begin(ReindexKind.PHOTOS)
    reviewer.correct(reviewer.garments(photo)[0], box=DRAWN)
    assert recut_photo(bench.resources, photo) == 1
    bench.run(job)
    (garment,) = bench.garments(photo, bench.new_segmenter)
    assert (garment.box, garment.stale) == (DRAWN, False)


def test_after_a_rollback_the_sweep_has_the_former_garments_cut(reviewer: Reviewer) -> None:
    bench = reviewer.bench
    (photo,) = bench.add("a", RED)
    bench.run(bench.start(ReindexKind.PHOTOS))
    reviewer.correct(reviewer.garments(photo)[0], box=DRAWN)
    recut_photo(bench.resources, photo)
    bench.roll_back()
    (former,) = reviewer.garments(photo)
    assert (former.box, former.stale) == (DRAWN, True)
    sent = len(reviewer.queue.named(RECUT_PHOTO))
    sweep(bench.resources)
    assert len(reviewer.queue.named(RECUT_PHOTO)) == sent + 1
    assert recut_photo(bench.resources, photo) == 1
    assert not reviewer.garments(photo)[0].stale


def test_indexing_a_photo_again_has_its_drawn_boxes_cut(reviewer: Reviewer) -> None:
    bench = reviewer.bench
    (photo,) = bench.add("a", RED)
    reviewer.correct(reviewer.garments(photo)[0], box=DRAWN)
    recut_photo(bench.resources, photo)
    with bench.resources.services.sessions.begin() as session:
        from catalog.claims import release

        release(session.merge(bench.photo(photo)))
    index_photos(bench.resources, [photo], "again")
    assert reviewer.garments(photo)[0].stale
    before = len(reviewer.queue.named(RECUT_PHOTO))
    enqueue_requested(bench.resources, [photo])
    assert len(reviewer.queue.named(RECUT_PHOTO)) == before + 1
    assert recut_photo(bench.resources, photo) == 1


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
    assert counts(bench)[Why.NOT_CUT] == 1


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


def test_a_re_index_does_not_fail_over_a_box(
    reviewer: Reviewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = reviewer.bench
    (photo,) = bench.add("a", RED)
    reviewer.correct(reviewer.garments(photo)[0], box=DRAWN)

    def broken(*_: object) -> None:
        raise RuntimeError("out of memory")

    job = bench.start(ReindexKind.PHOTOS)
    with monkeypatch.context() as patch:
        patch.setattr(recropping, "recrop", broken)
        bench.run(job)
    assert bench.active().segmenter == bench.new_segmenter
    assert "out of memory" in (reviewer.requests()[0].reason or "")
    assert recut_photo(bench.resources, photo) == 1


def test_a_correction_outlives_its_garment(reviewer: Reviewer) -> None:
    bench = reviewer.bench
    (photo,) = bench.add("a", RED)
    reviewer.correct(reviewer.garments(photo)[0], category="coat")
    bench.run(bench.start(ReindexKind.PHOTOS))
    with bench.resources.services.sessions.begin() as session:
        assert session.scalars(select(Correction.category)).all() == ["coat"]
        assign_roles(session, [photo])
    advance_reindex(bench.resources, bench.start(ReindexKind.CROPS))
    assert [garment.category for garment in reviewer.garments(photo)] == ["coat"]
