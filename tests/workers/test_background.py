"""Background jobs from their claim to their end, whatever happens in between."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from catalog.background import start_background_job
from catalog.errors import IndexUnavailableError, InputError
from catalog.jobs import request_cancel
from catalog.photos.image_store import photo_key
from catalog.queue import RUN_JOB
from catalog.tables import Job, JobKind, JobState
from tests.fakes import FakeQueue
from tests.workers.bench import Bench
from workers import background, run
from workers.background import MAX_ATTEMPTS, run_job
from workers.locks import hold_alone
from workers.run import Run

RED = (200, 0, 0)

Does = Callable[[Run], Mapping[str, Any] | None]


@pytest.fixture
def start(bench: Bench, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Starts an audit, which does what the test says instead of its own work."""

    def begin(does: Does | None = None) -> uuid.UUID:
        if does:
            monkeypatch.setitem(background.WORK, JobKind.AUDIT, does)
        with bench.resources.services.sessions() as session:
            return start_background_job(session, queue, JobKind.AUDIT, {"a": 1}).id

    return begin


def test_an_audit_tells_what_differs(bench: Bench, start: Any) -> None:
    (photo_id,) = bench.add("a", RED)
    bench.resources.services.images.delete(photo_key(bench.photo(photo_id).sha256))
    job_id = start()
    run_job(bench.resources, job_id)
    job = bench.job(job_id)
    assert (job.state, job.error) == (JobState.DONE, None)
    assert job.result["differences"] == {"bytes_missing": 1}
    assert (job.result["photos"], job.done, job.total) == (1, 1, 1)


def test_work_in_pieces_goes_on_where_it_was(bench: Bench, queue: FakeQueue, start: Any) -> None:
    seen = []

    def count(piece: Run) -> Mapping[str, Any] | None:
        place = piece.result.get("place", 0) + 1
        piece.advance(place, 3)
        seen.append((place, piece.parameters, piece.is_over))
        with piece.resources.services.sessions.begin() as session:
            session.execute(update(Job).values(result={"place": place}))
        return {"counted": place} if place == 3 else None

    job_id = start(count)
    for pieces in range(1, 4):
        run_job(bench.resources, job_id, piece_s=0)
        assert len(queue.named(RUN_JOB)) == min(1 + pieces, 3)
    assert seen == [(place, {"a": 1}, True) for place in (1, 2, 3)]
    job = bench.job(job_id)
    assert (job.state, job.result, job.attempts) == (JobState.DONE, {"counted": 3}, 1)
    run_job(bench.resources, job_id)
    assert len(seen) == 3


def test_a_running_job_stops_where_it_says_how_far_it_is(bench: Bench, start: Any) -> None:
    def cancelled(piece: Run) -> None:
        piece.advance(1, 10)
        with piece.resources.services.sessions.begin() as session:
            request_cancel(session, piece.job_id)
        piece.advance(2)
        raise AssertionError("it should have stopped")

    job_id = start(cancelled)
    run_job(bench.resources, job_id)
    job = bench.job(job_id)
    assert (job.state, job.done, job.error) == (JobState.CANCELLED, 2, None)


def test_a_job_that_was_cancelled_between_two_pieces_does_nothing_more(
    bench: Bench, start: Any
) -> None:
    pieces = []
    job_id = start(lambda piece: pieces.append(piece))
    run_job(bench.resources, job_id)
    bench.cancel(job_id)
    run_job(bench.resources, job_id)
    assert (len(pieces), bench.job(job_id).state) == (1, JobState.CANCELLED)


def test_an_error_fails_the_job_and_says_why(bench: Bench, start: Any) -> None:
    def refuse(error: Exception) -> Does:
        def raise_it(_: Run) -> None:
            raise error

        return raise_it

    for error, words in (
        (InputError("There is no catalog of that name."), "There is no catalog of that name."),
        (ValueError("nobody thought of it"), "ValueError: nobody thought of it"),
    ):
        job_id = start(refuse(error))
        run_job(bench.resources, job_id)
        assert (bench.job(job_id).state, bench.job(job_id).error) == (JobState.FAILED, words)


@pytest.mark.parametrize(
    "error",
    [IndexUnavailableError("no answer"), OperationalError("select 1", {}, Exception("no answer"))],
)
def test_what_may_pass_is_for_a_later_try_and_does_not_count(
    bench: Bench, start: Any, error: Exception
) -> None:
    def fail(_: Run) -> None:
        raise error

    job_id = start(fail)
    for _ in range(MAX_ATTEMPTS + 1):
        with pytest.raises(type(error)):
            run_job(bench.resources, job_id)
    assert (bench.job(job_id).state, bench.job(job_id).attempts) == (JobState.RUNNING, 0)
    assert "no answer" in bench.log(job_id)


def test_a_job_that_takes_its_workers_down_is_given_up(bench: Bench, start: Any) -> None:
    class Killed(BaseException):
        """What a test can do about a process that dies."""

    def die(_: Run) -> None:
        raise Killed

    job_id = start(die)
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(Killed):
            run_job(bench.resources, job_id)
    run_job(bench.resources, job_id)
    job = bench.job(job_id)
    assert job.state is JobState.FAILED
    assert "workers have died" in str(job.error)


def test_a_worker_that_is_stopped_hands_the_job_on(
    bench: Bench, queue: FakeQueue, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "stop_requested", lambda: True)
    job_id = start(lambda piece: piece.advance(5, 10))
    run_job(bench.resources, job_id)
    assert (bench.job(job_id).state, bench.job(job_id).attempts) == (JobState.RUNNING, 0)
    assert len(queue.named(RUN_JOB)) == 2


def test_two_workers_never_do_the_same_job(bench: Bench, start: Any) -> None:
    job_id = start()
    with hold_alone(bench.resources.services.engine, job_id.int & (2**63 - 1)) as alone:
        assert alone
        run_job(bench.resources, job_id)
        assert bench.job(job_id).state is JobState.QUEUED
    run_job(bench.resources, job_id)
    assert bench.job(job_id).state is JobState.DONE


def test_jobs_that_are_none_of_its_own_are_left_alone(bench: Bench) -> None:
    with bench.resources.services.sessions.begin() as session:
        ingest = Job(kind=JobKind.INGEST, state=JobState.RUNNING)
        session.add(ingest)
    run_job(bench.resources, ingest.id)
    run_job(bench.resources, uuid.uuid4())
    assert bench.job(ingest.id).state is JobState.RUNNING
