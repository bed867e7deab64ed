"""What people said outlives other segmenters, other indexes, rollbacks and the garment itself."""

import numpy as np
import pytest
from sqlalchemy import select

from catalog.masks import decode_mask
from catalog.queue import RECUT_PHOTO
from catalog.review import Why
from catalog.roles import assign_roles
from catalog.tables import (
    Correction,
    ReindexKind,
)
from tests.workers.fakes import BlindSegmenter, FakeEmbedder, FakeSegmenter
from tests.workers.reviewer import BLUE, DRAWN, RED, Reviewer
from workers import recropping
from workers.indexing import index_photos
from workers.recropping import enqueue_requested, recut_photo
from workers.reindexing import advance_reindex
from workers.sweeping import sweep


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


def test_the_same_segmenter_leaves_what_was_drawn_its_id_too(reviewer: Reviewer) -> None:
    """Though it is cut out once more, for the vectors of another embedder."""
    bench = reviewer.bench
    (photo,) = bench.add("a", RED)
    (found,) = reviewer.garments(photo)
    reviewer.add(photo, "coat", found.box)
    reviewer.correct(found, category="skirt", box=DRAWN)
    recut_photo(bench.resources, photo)
    before = {garment.id: garment for garment in reviewer.garments(photo)}
    assert sorted(garment.category for garment in before.values()) == ["coat", "skirt"]
    bench.run(bench.start(ReindexKind.PHOTOS, only={"embedder": bench.new_embedder}))
    assert bench.active().embedder == bench.new_embedder
    after = {garment.id: garment for garment in reviewer.garments(photo)}
    assert {key: (each.category, each.box, each.stale) for key, each in after.items()} == {
        key: (each.category, each.box, False) for key, each in before.items()
    }
    for garment in after.values():
        assert garment.crop_version > before[garment.id].crop_version
        assert np.allclose(
            reviewer.vector(garment.id),
            FakeEmbedder("any", dimensions=6).embed_crops([reviewer.crop(garment)])[0],
            atol=1e-3,
        )
    assert reviewer.requests() == []


def test_what_was_accepted_stays_out_of_the_queue_after_another_segmenter(
    reviewer: Reviewer,
) -> None:
    bench = reviewer.bench
    doubtful = FakeSegmenter(bench.active().segmenter)
    bench.resources._segmenters[doubtful.checkpoint_id] = with_score(doubtful, 0.45)
    new = FakeSegmenter(bench.new_segmenter, margin=6)
    bench.resources._segmenters[new.checkpoint_id] = with_score(new, 0.45)
    accepted, _ = bench.add("a", RED, (150, 0, 0))
    assert reviewer.counts()[Why.LOW_CONFIDENCE] == 2
    reviewer.correct(reviewer.garments(accepted)[0])
    assert reviewer.counts()[Why.LOW_CONFIDENCE] == 1
    bench.run(bench.start(ReindexKind.PHOTOS))
    assert bench.active().segmenter == bench.new_segmenter
    assert reviewer.counts()[Why.LOW_CONFIDENCE] == 1
    assert bench.garments(accepted, bench.new_segmenter)[0].correction_id is not None


def with_score(segmenter: FakeSegmenter, score: float) -> FakeSegmenter:
    from dataclasses import replace

    seen = segmenter._middle
    segmenter._middle = lambda photo: replace(seen(photo), score=score)  # type: ignore[method-assign]
    return segmenter


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
