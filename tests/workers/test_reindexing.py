"""The three kinds of re-index, from their first slice to the switch, a cancel or a rollback."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, text, update

from catalog.photos.image_store import photo_key
from catalog.queue import INDEX_PHOTOS
from catalog.search.generations import (
    building_generation,
    cancel_building,
    hold_live_generations,
)
from catalog.search.outbox import mark_dirty
from catalog.tables import (
    Embedding,
    Garment,
    GenerationState,
    Item,
    ItemPhoto,
    JobState,
    PhotoState,
    ReindexKind,
)
from tests.workers.bench import Bench
from tests.workers.fakes import BlindSegmenter
from workers import indexing, reindexing
from workers.indexing import Result, index_photos
from workers.reindexing import advance_reindex, find_objections
from workers.sweeping import sweep

RED, GREEN, BLUE, GREY = (200, 0, 0), (0, 200, 0), (0, 0, 200), (90, 90, 90)

every_kind = pytest.mark.parametrize("kind", list(ReindexKind))
new_models = pytest.mark.parametrize("kind", [ReindexKind.CROPS, ReindexKind.PHOTOS])


@every_kind
def test_a_reindex_fills_compares_and_switches(bench: Bench, kind: ReindexKind) -> None:
    photos = bench.add("a", RED, GREEN, BLUE)
    old = bench.active()
    job = bench.run(bench.start(kind))
    assert job.state is JobState.DONE
    assert job.result | {"changed_top": None} == {
        "old_count": 3,
        "new_count": 3,
        "sampled": 3,
        "self_match": 1.0,
        "changed_top": None,
        "switched": True,
    }
    new = bench.active()
    assert new.id == job.generation_id != old.id
    assert bench.photos_in(new) == bench.photos_in(old) == set(photos)
    renewed = kind is ReindexKind.PHOTOS, kind is not ReindexKind.VECTORS
    assert (new.segmenter != old.segmenter, new.embedder != old.embedder) == renewed
    assert bench.resources.services.index.alias_target("garments") == new.collection


@every_kind
def test_what_is_uploaded_during_the_build_is_in_both_indexes(
    bench: Bench, kind: ReindexKind
) -> None:
    photos = bench.add("a", RED, GREEN)
    old = bench.active()
    job_id = bench.begin(kind)
    photos += bench.add("b", BLUE)
    assert bench.photos_in(old) == set(photos)
    bench.run(job_id)
    assert bench.active().id != old.id
    assert bench.photos_in(bench.active()) == bench.photos_in(old) == set(photos)


@every_kind
def test_a_cancel_leaves_the_old_index_serving_and_nothing_of_the_new(
    bench: Bench, kind: ReindexKind
) -> None:
    photos = bench.add("a", RED, GREEN)
    old = bench.active()
    job_id = bench.begin(kind)
    photos += bench.add("b", BLUE)
    bench.cancel(job_id)
    assert bench.run(job_id).state is JobState.CANCELLED
    assert [generation.id for generation in bench.generations()] == [old.id]
    assert bench.resources.services.index.collections() == [old.collection]
    assert bench.photos_in(old) == set(photos)
    with bench.resources.services.sessions() as session:
        assert set(session.scalars(select(Garment.segmenter))) == {old.segmenter}
        assert set(session.scalars(select(Embedding.embedder))) == {old.embedder}


def test_a_cancel_in_the_last_slice_still_counts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add("a", RED)
    old = bench.active()
    job_id = bench.start(ReindexKind.VECTORS)
    monkeypatch.setattr(reindexing, "is_behind", lambda *_: bench.cancel(job_id) or 0)
    assert bench.run(job_id).state is JobState.CANCELLED
    assert bench.active().id == old.id


def test_a_cancel_while_the_indexes_are_compared_still_counts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add("a", RED)
    old = bench.active()
    job_id = bench.start(ReindexKind.CROPS)
    compare = reindexing.compare_generations

    def cancel_and_compare(*given: Any) -> dict[str, Any]:
        bench.cancel(job_id)
        return compare(*given)

    monkeypatch.setattr(reindexing, "compare_generations", cancel_and_compare)
    assert bench.run(job_id).state is JobState.CANCELLED
    assert [generation.id for generation in bench.generations()] == [old.id]


@pytest.mark.parametrize("named", ["segmenter", "embedder"])
def test_where_one_checkpoint_is_named_the_other_stays_as_it_serves(
    bench: Bench, named: str
) -> None:
    bench.add("a", RED, GREEN)
    other = "embedder" if named == "segmenter" else "segmenter"
    bench.run(bench.start(ReindexKind.PHOTOS))
    before = bench.active()
    names = {"segmenter": None, "embedder": None, named: named}
    parameters = {key: value for key, value in names.items() if value}
    job_id = bench.start(ReindexKind.PHOTOS, only=parameters)
    assert bench.run(job_id).state is JobState.DONE
    after = bench.active()
    assert getattr(after, named) != getattr(before, named)
    assert getattr(after, other) == getattr(before, other)


def test_a_new_index_that_fails_the_gate_does_not_serve(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add("a", RED)
    old = bench.active()
    report = {"old_count": 1, "new_count": 1, "sampled": 1, "self_match": 0.9}
    monkeypatch.setattr(reindexing, "compare_generations", lambda *_: report)
    job_id = bench.start(ReindexKind.VECTORS)
    job = bench.run(job_id)
    assert (job.state, job.result["switched"]) == (JobState.FAILED, False)
    assert "too few garments find themselves" in bench.log(job_id)
    assert bench.active().id == old.id


def test_an_empty_index_does_not_serve_by_itself(bench: Bench) -> None:
    photos = bench.add("a", RED, GREEN)
    old = bench.active()
    for photo_id in photos:
        bench.resources.services.images.delete(photo_key(bench.photo(photo_id).sha256))
    job_id = bench.start(ReindexKind.PHOTOS)
    job = bench.run(job_id)
    assert (job.state, job.result["switched"], job.result["new_count"]) == (
        JobState.FAILED,
        False,
        0,
    )
    assert bench.active().id == old.id
    for told in (bench.log(job_id), job.error or ""):
        assert "no garment could be compared" in told
        assert "0 garments where the old index has 2" in told


@pytest.mark.parametrize(("new_count", "allowed"), [(8, True), (7, False), (20, True)])
def test_an_index_with_far_fewer_garments_waits_for_a_person(new_count: int, allowed: bool) -> None:
    report = {"old_count": 10, "new_count": new_count, "sampled": 5, "self_match": 1.0}
    assert (find_objections(report) == []) == allowed


def test_a_shop_without_garments_may_switch() -> None:
    report = {"old_count": 0, "new_count": 0, "sampled": 0, "self_match": 1.0}
    assert find_objections(report) == []


def test_what_breaks_a_slice_is_in_the_log_of_its_job(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add("a", RED)
    job_id = bench.start(ReindexKind.VECTORS)

    def fail(*_: object) -> None:
        raise ValueError("nobody thought of this")

    with monkeypatch.context() as patch:
        patch.setattr(reindexing, "fill_from_vectors", fail)
        with pytest.raises(ValueError, match="thought"):
            advance_reindex(bench.resources, job_id)
    assert "ValueError: nobody thought of this" in bench.log(job_id)
    assert bench.run(job_id).state is JobState.DONE


def test_an_index_that_waits_for_activation_outlives_a_job_that_may_not_begin(
    bench: Bench,
) -> None:
    bench.add("a", RED)
    first = bench.run(bench.start(ReindexKind.CROPS, switch="manual"))
    assert (first.state, first.result["switched"]) == (JobState.DONE, False)
    second = bench.run(bench.start(ReindexKind.VECTORS))
    assert (second.state, second.error) == (
        JobState.FAILED,
        "a re-index is under way already; cancel it or wait",
    )
    states = {generation.id: generation.state for generation in bench.generations()}
    assert states[first.generation_id or 0] is GenerationState.BUILDING


def test_a_job_whose_index_was_discarded_does_not_go_on_with_half_of_one(bench: Bench) -> None:
    bench.add("a", RED)
    old = bench.active()
    job_id = bench.begin(ReindexKind.PHOTOS)
    with bench.resources.services.sessions.begin() as session:
        building = building_generation(session)
        assert building is not None
        cancel_building(session, bench.resources.services.index, building)
    job = bench.run(job_id)
    assert job.state is JobState.FAILED
    assert "discarded" in (job.error or "")
    assert [generation.id for generation in bench.generations()] == [old.id]


def test_a_checkpoint_that_is_nowhere_fails_the_job_with_a_remedy(bench: Bench) -> None:
    bench.add("a", RED)
    job = bench.run(bench.start(ReindexKind.CROPS, embedder="no-such"))
    assert job.state is JobState.FAILED
    assert "no-such" in (job.error or "")
    assert len(bench.generations()) == 1


@new_models
@pytest.mark.parametrize("switched", [True, False])
def test_photos_in_a_workers_hands_are_not_lost_when_a_reindex_begins_or_switches(
    bench: Bench, kind: ReindexKind, switched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (early,) = bench.add("a", RED)
    (late,) = bench.make_item("b", BLUE)
    whole = indexing.see_batch

    def see(*given: Any) -> list[Result]:
        monkeypatch.undo()
        results = whole(*given)
        if switched:
            bench.run(bench.start(kind))
        else:
            bench.begin(kind)
        return results

    monkeypatch.setattr(indexing, "see_batch", see)
    outcome = index_photos(bench.resources, [late], "task")
    assert (outcome.indexed, outcome.handed_back) == (0, 1)
    queue = bench.resources.services.queue
    assert [task.args[0] for task in queue.named(INDEX_PHOTOS)] == [[late]]
    assert (bench.photo(late).state, bench.photo(late).attempts) == (PhotoState.PENDING, 0)
    assert index_photos(bench.resources, [late], "task").indexed == 1
    bench.sync()
    newest = bench.generations()[-1]
    assert bench.photos_in(newest) >= {late}
    assert not switched or bench.photos_in(newest) == {early, late}


def test_a_reindex_does_not_begin_while_results_are_being_saved(bench: Bench) -> None:
    bench.add("a", RED)
    job_id = bench.start(ReindexKind.VECTORS)
    with bench.resources.services.sessions() as saving:
        assert len(hold_live_generations(saving)) == 1
        with ThreadPoolExecutor(1) as other:
            begun = other.submit(bench.run, job_id)
            with pytest.raises(TimeoutError):
                begun.result(timeout=0.2)
            assert len(hold_live_generations(saving)) == 1
            saving.rollback()
            assert begun.result().state is JobState.DONE


def test_a_second_worker_on_the_same_job_does_nothing(bench: Bench) -> None:
    bench.add("a", RED)
    job_id = bench.start(ReindexKind.VECTORS)
    with bench.resources.services.engine.connect() as other:
        other.execute(text("SELECT pg_advisory_lock(:key)"), {"key": reindexing._LOCK})
        advance_reindex(bench.resources, job_id)
        assert bench.job(job_id).state is JobState.QUEUED
        other.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": reindexing._LOCK})
    assert bench.run(job_id).state is JobState.DONE


@every_kind
def test_a_rollback_serves_the_old_index_with_all_that_changed_meanwhile(
    bench: Bench, kind: ReindexKind
) -> None:
    (kept,), (sold_out,) = bench.add("kept", RED), bench.add("gone", GREEN)
    old = bench.active()
    bench.run(bench.start(kind))
    new = bench.active()
    (late,) = bench.add("late", BLUE)
    _delete_item_of(bench, sold_out)
    bench.roll_back()
    assert bench.active().id == old.id
    _sweep_and_index(bench)
    assert bench.photos_in(old) == {kept, late}
    bench.roll_back()
    assert bench.active().id == new.id
    _sweep_and_index(bench)
    assert bench.photos_in(new) == {kept, late}


@new_models
def test_photos_are_indexed_again_after_a_rollback_only_once(
    bench: Bench, kind: ReindexKind
) -> None:
    bench.add("a", RED)
    bench.run(bench.start(kind))
    (late,) = bench.add("late", BLUE)
    bench.roll_back()
    assert _sweep_and_index(bench) == [late]
    assert _sweep_and_index(bench) == []


def test_a_photo_without_garments_is_looked_at_once_after_a_rollback(bench: Bench) -> None:
    old = bench.active()
    bench.resources._segmenters[old.segmenter] = BlindSegmenter(old.segmenter)
    bench.add("a", RED)
    bench.run(bench.start(ReindexKind.PHOTOS))
    (late,) = bench.add("late", BLUE)
    assert bench.photos_in(bench.active()) >= {late}
    assert _sweep_and_index(bench) == []
    bench.roll_back()
    assert _sweep_and_index(bench) == [late]
    assert _sweep_and_index(bench) == []


def test_the_old_index_stays_whole_while_the_same_segmenter_looks_again(bench: Bench) -> None:
    photos = bench.add("a", RED, GREEN, BLUE)
    old = bench.active()
    job_id = bench.start(ReindexKind.PHOTOS, segmenter=old.segmenter, switch="manual")
    assert bench.run(job_id).state is JobState.DONE
    assert bench.photos_in(old) == set(photos)
    assert [bench.photos_in(generation) for generation in bench.generations()] == [set(photos)] * 2


def _sweep_and_index(bench: Bench) -> list[int]:
    """Sweep, do what that put on the queue, and say which photos those were."""
    queue = bench.resources.services.queue
    queue.sent.clear()
    bench.age_photos()
    sweep(bench.resources)
    photos = [photo for task in queue.sent for photo in task.args[0]]
    index_photos(bench.resources, photos, f"swept {photos}")
    bench.sync()
    return photos


def _delete_item_of(bench: Bench, photo_id: int) -> None:
    with bench.resources.services.sessions.begin() as session:
        item = select(ItemPhoto.item_id).where(ItemPhoto.photo_id == photo_id)
        session.execute(
            update(Item).where(Item.id.in_(item)).values(deleted_at=text("now()")),
            execution_options={"synchronize_session": False},
        )
        mark_dirty(session, session.scalars(select(Garment.id).filter_by(photo_id=photo_id)))
    bench.sync()
