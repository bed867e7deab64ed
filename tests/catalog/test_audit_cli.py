"""`lookalike audit` from a shell, with a worker that is played by the test."""

from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.audit import cli
from catalog.audit.options import AuditOptions
from catalog.jobs import finish_job
from catalog.queue import RUN_JOB
from catalog.services import Services
from catalog.tables import Job, JobState
from tests.fakes import FakeQueue

RESULT = {
    "index": {"differences": {"point_missing": 2}},
    "coverage": {"items": 1000, "few": 17},
    "duplicates": {"alike": 4, "groups": 2},
}


@pytest.fixture
def run(services: Services, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(cli, "make_services", lambda _: services)
    return lambda *args: CliRunner().invoke(cli.audit_command, args, catch_exceptions=False)


def test_it_starts_a_job_with_what_is_asked(run: Any, session: Session, queue: FakeQueue) -> None:
    answer = run("coverage", "--few", "6", "--price-percent", "10")
    job = session.scalars(select(Job)).one()
    asked = AuditOptions.model_validate(job.parameters)
    assert ([*asked.parts], asked.few, asked.price_percent) == (["coverage"], 6, 10)
    assert str(job.id) in answer.output
    assert [task.args for task in queue.named(RUN_JOB)] == [(str(job.id),)]


def test_without_parts_it_asks_for_all(run: Any, session: Session) -> None:
    run("--identical", "0.99")
    job = session.scalars(select(Job)).one()
    assert job.parameters == AuditOptions(identical=0.99).model_dump(mode="json")


@pytest.mark.parametrize(
    ("state", "error", "code", "said"),
    [
        (JobState.DONE, None, 0, "17 of 1,000 items have few look-alikes"),
        (JobState.DONE, None, 0, "4 items in 2 groups look the same"),
        (JobState.DONE, None, 0, "2 differences (point_missing 2)"),
        (JobState.FAILED, "no index", 1, "failed: no index"),
        (JobState.CANCELLED, None, 1, "cancelled: somebody has stopped it"),
    ],
)
def test_it_waits_for_the_end_and_tells_what_came_of_it(
    run: Any,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    state: JobState,
    error: str | None,
    code: int,
    said: str,
) -> None:
    def work(_: float) -> None:
        """Instead of a pause: what a worker does meanwhile."""
        with services.sessions.begin() as session:
            job = session.scalars(select(Job)).one()
            finish_job(session, job.id, state, RESULT if state is JobState.DONE else {}, error)

    monkeypatch.setattr(cli.time, "sleep", work)
    answer = run("--wait")
    assert (answer.exit_code, said in answer.output) == (code, True)


def test_parts_that_there_are_not_are_refused(run: Any, session: Session) -> None:
    assert run("everything").exit_code == 2
    assert session.scalars(select(Job)).all() == []
