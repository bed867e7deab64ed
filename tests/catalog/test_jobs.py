"""Jobs from their start to their end."""

from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from catalog.errors import ConflictError, InputError, NotFoundError
from catalog.jobs import (
    advance_job,
    finish_job,
    get_job,
    list_jobs,
    log_job,
    request_cancel,
    start_job,
)
from catalog.tables import JobKind, JobState


def test_an_ingest_runs_from_its_start_and_keeps_its_log(session: Session) -> None:
    job = start_job(session, JobKind.INGEST, "shop", {"prune": True}, total=10)
    advance_job(session, job.id, 4)
    log_job(session, job.id, "info", "half of it")
    log_job(session, job.id, "error", "row 7 failed")
    session.commit()
    session.expire_all()
    found = get_job(session, job.id)
    assert (found.state, found.done, found.total) == (JobState.RUNNING, 4, 10)
    assert [line.message for line in found.log] == ["half of it", "row 7 failed"]
    assert found.heartbeat_at is not None


def test_a_job_ends_once(session: Session) -> None:
    job = start_job(session, JobKind.INGEST, "shop")
    finish_job(session, job.id, JobState.DONE, {"created": 3})
    assert (job.state, job.result) == (JobState.DONE, {"created": 3})
    finish_job(session, job.id, JobState.DONE)
    session.commit()
    assert (job.result, job.finished_at is not None) == ({"created": 3}, True)
    advance_job(session, job.id, 99)
    session.expire_all()
    assert get_job(session, job.id).done == 0
    with pytest.raises(ConflictError):
        finish_job(session, job.id, JobState.FAILED)
    with pytest.raises(ConflictError):
        request_cancel(session, job.id)
    with pytest.raises(InputError):
        finish_job(session, job.id, JobState.RUNNING)


def test_one_reindex_at_a_time(session: Session) -> None:
    first = start_job(session, JobKind.REINDEX, parameters={"kind": "vectors"})
    start_job(session, JobKind.INGEST, "shop")
    with pytest.raises(ConflictError):
        start_job(session, JobKind.REINDEX)
    assert request_cancel(session, first.id).cancel_requested
    finish_job(session, first.id, JobState.CANCELLED)
    assert start_job(session, JobKind.REINDEX).state is JobState.QUEUED


@pytest.mark.parametrize("kind", [JobKind.AUDIT, JobKind.MAP])
def test_one_open_job_of_each_background_kind(session: Session, kind: JobKind) -> None:
    start_job(session, JobKind.REINDEX)
    first = start_job(session, kind)
    with pytest.raises(ConflictError, match=f"{kind} is under way"):
        start_job(session, kind)
    finish_job(session, first.id, JobState.DONE)
    assert start_job(session, kind).state is JobState.QUEUED


def test_jobs_are_listed_newest_first(session: Session) -> None:
    ids = []
    for _ in range(3):
        ids.append(start_job(session, JobKind.INGEST, "shop").id)
        session.commit()
    assert [job.id for job in list_jobs(session)] == ids[::-1]
    assert [job.id for job in list_jobs(session, limit=1, offset=1)] == [ids[1]]


def test_an_unknown_job_is_not_found(session: Session) -> None:
    for act in (get_job, request_cancel):
        with pytest.raises(NotFoundError):
            act(session, uuid4())
