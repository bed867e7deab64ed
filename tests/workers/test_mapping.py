"""The map job: from the vectors in Postgres to a map that can be read."""

import uuid
from typing import Any

import pytest
from sqlalchemy import select, update

from catalog import maps
from catalog.jobs import request_cancel
from catalog.tables import Garment, JobState
from tests.fakes import FakeQueue
from tests.workers.bench import Bench
from workers import mapping
from workers.background import run_job

REDS = [(200 + shade, shade, 0) for shade in range(0, 50, 5)]
BLUES = [(0, shade, 200 + shade) for shade in range(0, 50, 5)]


@pytest.fixture
def start(bench: Bench, queue: FakeQueue) -> Any:
    def begin() -> uuid.UUID:
        with bench.resources.services.sessions() as session:
            return maps.start_map(session, queue).id

    return begin


def test_a_map_has_every_garment_and_look_alikes_together(bench: Bench, start: Any) -> None:
    bench.add("reds", *REDS)
    bench.add("blues", *BLUES)
    job_id = start()
    run_job(bench.resources, job_id)
    job = bench.job(job_id)
    assert (job.state, job.error, job.done, job.total) == (JobState.DONE, None, 20, 20)
    assert job.result == {"garments": 20, "index": bench.active().collection}
    with bench.resources.services.sessions() as session:
        made = maps.get_map(session)
        points = maps.list_points(session, made, 0, 100)
        assert {point.garment_id for point in points} == set(session.scalars(select(Garment.id)))
        assert (made.categories, made.counts) == (["dress", "pants"], [10, 10])
        assert not maps.age_of(session, made).is_out_of_date
    apart = {
        (a.x - b.x) ** 2 + (a.y - b.y) ** 2: a.category == b.category
        for a in points
        for b in points
        if a is not b
    }
    nearest = [apart[distance] for distance in sorted(apart)[:20]]
    assert all(nearest)


def test_excluded_garments_are_left_out(bench: Bench, start: Any) -> None:
    bench.add("reds", *REDS[:3])
    with bench.resources.services.sessions.begin() as session:
        out = session.scalars(select(Garment.id).limit(1)).one()
        session.execute(update(Garment).where(Garment.id == out).values(excluded=True))
    run_job(bench.resources, start())
    with bench.resources.services.sessions() as session:
        made = maps.get_map(session)
        assert out not in maps.read_ids(session, made.id, 0, 10)
        assert made.count == 2


def test_a_cancelled_map_leaves_the_old_one(
    bench: Bench, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add("reds", *REDS)
    run_job(bench.resources, start())
    monkeypatch.setattr(mapping, "_TELL_EVERY_S", 0.0)
    job_id = start()
    sessions = bench.resources.services.sessions
    advance = mapping.Run.advance

    def cancel_halfway(run: mapping.Run, done: int, total: int) -> None:
        if done >= 5:
            with sessions.begin() as session:
                request_cancel(session, job_id)
        advance(run, done, total)

    monkeypatch.setattr(mapping.Run, "advance", cancel_halfway)
    with sessions() as session:
        old = maps.get_map(session).id
    run_job(bench.resources, job_id)
    assert bench.job(job_id).state is JobState.CANCELLED
    assert bench.job(job_id).done < 10
    with sessions() as session:
        assert maps.get_map(session).id == old


def test_a_map_of_nothing_says_so(bench: Bench, start: Any) -> None:
    bench.add("reds", *REDS[:1])
    job_id = start()
    with bench.resources.services.sessions.begin() as session:
        session.execute(update(Garment).values(excluded=True))
    run_job(bench.resources, job_id)
    job = bench.job(job_id)
    assert job.state is JobState.FAILED
    assert job.error == maps.NO_GARMENTS
