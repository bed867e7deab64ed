"""What workers tell the pages: how fast they are, and which checkpoints they have."""

import pytest

from catalog.known_checkpoints import list_checkpoints
from catalog.rates import Rates, load_rates
from catalog.search.gate import judge
from catalog.search.generations import building_generation
from catalog.search.side_by_side import items_of
from catalog.tables import Comparison, JobState, ReindexKind, Work
from tests.workers.bench import Bench
from workers.pace import Pace
from workers.sweeping import sweep, tidy

SHADES = [(200, shade, 0) for shade in range(0, 240, 20)]


def rates(bench: Bench) -> Rates:
    with bench.resources.services.sessions() as session:
        return load_rates(session)


def test_photos_that_are_indexed_leave_a_rate(bench: Bench) -> None:
    old = bench.active()
    bench.add("a", *SHADES)
    measured = rates(bench)
    assert measured[Work.PHOTOS, old.segmenter].per_second > 0
    assert measured[Work.EMBEDDING, old.embedder].per_second > 0


def test_a_task_that_had_to_load_its_models_says_nothing(bench: Bench) -> None:
    old = bench.active()
    bench.resources.has_loaded = lambda _: False  # type: ignore[method-assign]
    bench.add("a", *SHADES)
    assert (Work.PHOTOS, old.segmenter) not in rates(bench)


@pytest.mark.parametrize(
    ("kind", "work"), [(ReindexKind.CROPS, Work.CROPS), (ReindexKind.PHOTOS, Work.PHOTOS)]
)
def test_a_reindex_leaves_the_rates_of_its_models(
    bench: Bench, kind: ReindexKind, work: Work
) -> None:
    bench.add("a", *SHADES)
    assert bench.run(bench.start(kind)).state is JobState.DONE
    model = bench.new_embedder if kind is ReindexKind.CROPS else bench.new_segmenter
    measured = rates(bench)
    assert measured[work, model].per_second > 0
    assert measured[Work.VECTORS, ""].per_second > 0
    assert measured[Work.COMPARING, ""].per_second > 0


def test_few_things_wait_until_they_say_something(bench: Bench) -> None:
    pace, sessions = Pace(), bench.resources.services.sessions
    for _ in range(2):
        pace.note(Work.CROPS, 5, 1.0, "e")
        with sessions.begin() as session:
            pace.save(session)
        found = rates(bench).get((Work.CROPS, "e"))
    assert found is not None
    assert found.per_second == 5.0


@pytest.mark.parametrize("tell", [sweep, tidy])
def test_the_pages_know_the_checkpoints_of_a_worker(bench: Bench, tell: object) -> None:
    assert callable(tell)
    old = bench.active()
    tell(bench.resources)
    with bench.resources.services.sessions() as session:
        found = [
            (each.name, each.id, each.configured)
            for kind in ("segmentation", "embedding")
            for each in list_checkpoints(session, kind)
        ]
    assert found == [
        ("segmenter", old.segmenter, True),
        ("segmenter-2", bench.new_segmenter, False),
        ("embedder", old.embedder, True),
        ("embedder-2", bench.new_embedder, False),
    ]


@pytest.mark.parametrize("kind", list(ReindexKind))
def test_a_full_index_waits_with_its_comparison(bench: Bench, kind: ReindexKind) -> None:
    bench.add("a", *SHADES[:2])
    bench.add("b", *SHADES[2:4])
    job = bench.run(bench.start(kind, switch="manual"))
    assert job.state is JobState.DONE
    with bench.resources.services.sessions() as session:
        building = building_generation(session)
        assert building is not None
        gate = judge(session, building)
        assert gate.holds
        assert gate.comparison is not None
        compared = items_of(gate.comparison)
        assert len(compared) == 2
        assert all(each.old and each.changed == 0 for each in compared)


def test_a_switch_by_itself_honours_the_limit_of_changed_neighbours(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers import reindexing

    bench.add("a", *SHADES[:2])
    old = bench.active()
    worse = {"compared_items": 2, "changed_items": 0.4, "spread": [0, 0, 2, 0, 0]}
    monkeypatch.setattr(reindexing, "summarise", lambda _: worse)
    job_id = bench.start(ReindexKind.VECTORS, max_changed=0.3)
    assert bench.run(job_id).state is JobState.FAILED
    assert "40% of neighbours changed, at most 30% may" in bench.log(job_id)
    assert bench.active().id == old.id
    with bench.resources.services.sessions() as session:
        assert session.query(Comparison).count() == 1


def test_progress_is_seen_from_the_first_crop_on(bench: Bench) -> None:
    bench.add("a", *SHADES)
    job_id = bench.begin(ReindexKind.CROPS)
    job = bench.job(job_id)
    assert (job.done, job.total) == (0, len(SHADES))
