"""The map from a shell: started, waited for, and told how it ended."""

import threading
import uuid
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy.orm import Session

from catalog import map_cli, maps
from catalog.errors import LookalikeError
from catalog.jobs import finish_job
from catalog.services import Services
from catalog.tables import EntryState, Generation, GenerationState, IndexEntry, JobState
from lookalike import cli


@pytest.fixture
def shell(services: Services, session: Session, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command on the test's services, with one garment to map."""
    made = Generation(
        collection="garments_1",
        segmenter="a",
        embedder="a",
        dimensions=8,
        state=GenerationState.ACTIVE,
    )
    session.add(made)
    session.flush()
    session.add(IndexEntry(generation_id=made.id, garment_id=uuid.uuid4(), state=EntryState.CLEAN))
    session.commit()
    monkeypatch.setattr(map_cli, "make_services", lambda _: services)
    monkeypatch.setattr(map_cli, "_ASK_EVERY_S", 0.01)
    return lambda *words: CliRunner().invoke(cli, ["map", *words])


def test_it_starts_a_map_and_comes_back(shell: Any, session: Session) -> None:
    result = shell()
    job = maps.find_map_job(session)
    assert job is not None
    assert result.output == f"Started job {job.id}.\n"
    assert "under way" in str(shell().exception)


@pytest.mark.parametrize("state", [JobState.DONE, JobState.FAILED, JobState.CANCELLED])
def test_it_waits_until_the_map_is_over(shell: Any, services: Services, state: JobState) -> None:
    def finish() -> None:
        over = False
        while not over:
            with services.sessions.begin() as session:
                if job := maps.find_map_job(session):
                    reason = "no room" if state is JobState.FAILED else None
                    finish_job(session, job.id, state, {"garments": 1}, reason)
                    over = True

    worker = threading.Thread(target=finish)
    worker.start()
    result = shell("--wait")
    worker.join()
    if state is JobState.DONE:
        assert "The map shows 1 garments." in result.output
    else:
        assert isinstance(result.exception, LookalikeError)
        assert ("no room" if state is JobState.FAILED else "cancelled") in str(result.exception)
