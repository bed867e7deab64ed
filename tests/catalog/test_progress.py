"""How fast a job goes and how long it still takes."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from catalog.jobs import advance_job, finish_job, get_job, start_job
from catalog.progress import progress_of, rate_of
from catalog.tables import Job, JobKind, JobState

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def running(done: int, total: int | None, samples: list[list[float]], heard_s: float = 1) -> Job:
    return Job(
        kind=JobKind.REINDEX,
        state=JobState.RUNNING,
        done=done,
        total=total,
        recent=samples,
        created_at=NOW - timedelta(hours=1),
        heartbeat_at=NOW - timedelta(seconds=heard_s),
    )


@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        ([], None),
        ([[100, 5]], None),
        ([[100, 0], [110, 20]], 2.0),
        ([[0, 0], [1000, 10], [1010, 110]], 10.0),  # what is older than two minutes is forgotten
        ([[0, 0], [1000, 100]], 0.1),  # but two samples always count
        ([[100, 20], [110, 20]], None),
        ([[100, 20], [110, 15]], None),
    ],
)
def test_a_rate_is_that_of_the_last_minutes(samples: list[list[float]], rate: float | None) -> None:
    assert rate_of(samples) == rate


def test_the_time_left_follows_from_the_rate() -> None:
    progress = progress_of(running(40, 100, [[0, 0], [20, 40]]), NOW)
    assert (progress.per_second, progress.seconds_left) == (2.0, 30.0)
    assert (progress.elapsed_s, progress.share) == (3600, 0.4)
    endless = progress_of(running(40, None, [[0, 0], [20, 40]]), NOW)
    assert (endless.seconds_left, endless.share) == (None, None)


def test_a_job_that_is_silent_promises_nothing() -> None:
    progress = progress_of(running(40, 100, [[0, 0], [20, 40]], heard_s=300), NOW)
    assert (progress.per_second, progress.seconds_left) == (None, None)
    assert progress.silent_s == 300


def test_a_job_that_is_over_tells_its_mean_rate() -> None:
    job = running(100, 100, [[0, 0], [20, 40]])
    job.state, job.finished_at = JobState.DONE, job.created_at + timedelta(seconds=50)
    progress = progress_of(job, NOW)
    assert (progress.per_second, progress.elapsed_s) == (2.0, 50)
    assert progress.seconds_left is None


def test_heartbeats_leave_samples_but_not_too_many(session: Session) -> None:
    job = start_job(session, JobKind.INGEST, "shop")
    for done in range(40):
        advance_job(session, job.id, done)
        aged = "UPDATE job SET recent = (SELECT jsonb_agg(jsonb_build_array((s->>0)::float - 3,"
        session.execute(text(aged + " s->1)) FROM jsonb_array_elements(recent) s)"))
    advance_job(session, job.id, 40)
    advance_job(session, job.id, 41)  # straight after the last: it waits for the next
    session.expire_all()
    samples = get_job(session, job.id).recent
    assert [done for _, done in samples] == list(range(11, 41))
    assert rate_of(samples) == pytest.approx(1 / 3, rel=0.2)


def test_a_finished_job_takes_no_more_samples(session: Session) -> None:
    job = start_job(session, JobKind.INGEST, "shop")
    finish_job(session, job.id, JobState.DONE)
    advance_job(session, job.id, 5)
    session.expire_all()
    assert get_job(session, job.id).recent == []
