"""Background jobs as they are started, cancelled and woken."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from catalog.background import BACKGROUND_KINDS, enqueue_silent_jobs, start_background_job
from catalog.errors import ConflictError
from catalog.jobs import get_job
from catalog.operations import cancel_job, describe_cancel
from catalog.queue import BULK, RUN_JOB, RUN_REINDEX
from catalog.services import Services
from catalog.tables import Job, JobKind, JobState
from tests.fakes import FakeQueue

LONG_AGO = datetime.now(UTC) - timedelta(days=2)


@pytest.mark.parametrize("kind", BACKGROUND_KINDS)
def test_a_job_is_committed_and_then_enqueued(
    session: Session, queue: FakeQueue, kind: JobKind
) -> None:
    job = start_background_job(session, queue, kind, {"a": 1})
    session.rollback()
    assert (get_job(session, job.id).parameters, job.state) == ({"a": 1}, JobState.QUEUED)
    assert [(task.args, task.queue) for task in queue.named(RUN_JOB)] == [((str(job.id),), BULK)]
    with pytest.raises(ConflictError):
        start_background_job(session, queue, kind)


def test_with_the_broker_away_a_job_waits_for_the_sweep(session: Session, queue: FakeQueue) -> None:
    queue.down = True
    job = start_background_job(session, queue, JobKind.AUDIT)
    queue.down = False
    enqueue_silent_jobs(session, queue, stale_after_s=60)
    assert queue.sent == []
    enqueue_silent_jobs(session, queue, stale_after_s=0)
    assert [task.args for task in queue.named(RUN_JOB)] == [(str(job.id),)]


def test_only_silent_open_jobs_of_workers_are_woken_and_that_once(
    session: Session, queue: FakeQueue
) -> None:
    session.add(Job(kind=JobKind.INGEST, state=JobState.RUNNING, heartbeat_at=LONG_AGO))
    session.add(Job(kind=JobKind.AUDIT, state=JobState.DONE, heartbeat_at=LONG_AGO))
    session.add(Job(kind=JobKind.AUDIT, state=JobState.RUNNING, heartbeat_at=datetime.now(UTC)))
    silent = Job(kind=JobKind.MAP, state=JobState.RUNNING, heartbeat_at=LONG_AGO)
    reindex = Job(kind=JobKind.REINDEX, state=JobState.QUEUED, created_at=LONG_AGO)
    session.add_all([silent, reindex])
    session.commit()
    for _ in range(2):
        enqueue_silent_jobs(session, queue, stale_after_s=900)
    assert [task.args for task in queue.named(RUN_JOB)] == [(str(silent.id),)]
    assert [task.args for task in queue.named(RUN_REINDEX)] == [(str(reindex.id),)]


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_at_its_next_step(
    services: Services, session: Session, queue: FakeQueue
) -> None:
    job = start_background_job(session, queue, JobKind.AUDIT)
    cancelled = cancel_job(session, services.index, job.id)
    assert (cancelled.state, cancelled.finished_at is not None) == (JobState.CANCELLED, True)
    assert "before it began" in describe_cancel(cancelled)
    running = start_background_job(session, queue, JobKind.AUDIT)
    running.state = JobState.RUNNING
    session.commit()
    asked = cancel_job(session, services.index, running.id)
    assert (asked.state, asked.cancel_requested) == (JobState.RUNNING, True)
    assert describe_cancel(asked) == "The job stops at its next step."
