"""Re-index jobs as typed in a shell."""

from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import reindex_cli
from catalog.errors import (
    ConflictError,
    InputError,
    LookalikeError,
    NotFoundError,
    QueueUnavailableError,
)
from catalog.items import ItemRow, upsert_items
from catalog.queue import RUN_REINDEX
from catalog.rates import note_rate
from catalog.search.generations import building_generation
from catalog.services import Services
from catalog.tables import Comparison, Generation, GenerationState, Job, JobKind, JobState, Work
from tests.catalog.conftest import AddGarments, AddPhotos
from tests.fakes import FakeQueue


@pytest.fixture(autouse=True)
def _here(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindex_cli, "make_services", lambda _: services)
    monkeypatch.setattr(Services, "close", lambda _: None)  # it serves the test's next command


def run(*words: str, error: type[LookalikeError] | None = None) -> str:
    command = reindex_cli.COMMANDS[f"reindex {words[0]}"]
    result: Result = CliRunner().invoke(command, words[1:])
    if error is None:
        assert result.exit_code == 0, (result.output, result.exception)
    else:
        assert isinstance(result.exception, error), (result.output, result.exception)
    return result.output + str(result.exception or "")


def started(session: Session) -> Job:
    session.rollback()
    return session.scalars(select(Job)).one()


def test_a_start_enqueues_the_job_with_what_was_asked(session: Session, queue: FakeQueue) -> None:
    output = run("start", "photos", "--manual", "--segmenter", "new-one", "--embedder", "other")
    job = started(session)
    assert str(job.id) in output
    assert [task.args for task in queue.named(RUN_REINDEX)] == [(str(job.id),)]
    wanted = {"segmenter": "new-one", "embedder": "other", "switch": "manual"}
    assert job.parameters == {"kind": "photos", **wanted}
    assert "under way already" in run("start", "vectors", error=ConflictError)


def test_a_start_without_names_leaves_the_checkpoints_to_the_workers(session: Session) -> None:
    run("start", "crops")
    assert started(session).parameters == {"kind": "crops", "switch": "auto"}


@pytest.mark.parametrize(
    "words", [("crops", "--segmenter", "other"), ("vectors", "--embedder", "other")]
)
def test_a_checkpoint_that_would_not_be_used_is_refused(
    words: tuple[str, ...], session: Session
) -> None:
    assert "needs a re-index from" in run("start", *words, error=InputError)
    assert session.scalars(select(Job)).all() == []


def test_status_shows_the_indexes_and_the_last_job(
    session: Session, generation: Generation
) -> None:
    assert "No re-index yet" in run("status")
    run("start", "vectors")
    output = run("status")
    for shown in (generation.collection, "active", "queued", "0 done"):
        assert shown in output


def test_status_shows_ids_in_full(session: Session, generation: Generation) -> None:
    ids = ("segmentation-3782488885e1", "embedding-bdd08db4a5c2")
    generation.segmenter, generation.embedder = ids
    session.commit()
    output = run("status")
    assert all(shown in output for shown in (*ids, generation.collection)), output


def test_a_waiting_index_is_activated_and_rolled_back(
    session: Session, generation: Generation, services: Services
) -> None:
    for action in ("activate", "roll-back"):
        run(action, error=ConflictError)
    old, new = generation.collection, "garments_2"
    for collection in (old, new):
        services.index.create_collection(collection, generation.dimensions)
    session.add(_building(generation, new))
    session.commit()
    assert run("activate") == f"{new} serves.\n"
    assert run("roll-back") == f"{old} serves.\n"


def test_cancel_stops_a_running_job_and_drops_what_a_finished_one_left(
    session: Session, generation: Generation
) -> None:
    run("cancel", error=NotFoundError)
    run("start", "crops", "--manual")
    assert "stops at its next step" in run("cancel")
    job = started(session)
    assert job.cancel_requested
    building = _building(generation, "garments_2")
    session.add(building)
    session.flush()
    job.state, job.generation_id = JobState.DONE, building.id
    session.commit()
    assert "is dropped" in run("cancel")
    session.rollback()
    assert building_generation(session) is None
    assert "waiting to be activated" in run("cancel", error=ConflictError)


def test_cancel_drops_the_index_that_an_earlier_job_left(
    session: Session, generation: Generation
) -> None:
    building = _building(generation, "garments_2")
    session.add(building)
    session.flush()
    for state, left in ((JobState.DONE, building.id), (JobState.FAILED, None)):
        session.add(Job(kind=JobKind.REINDEX, state=state, generation_id=left))
        session.commit()
    assert "is dropped" in run("cancel")
    session.rollback()
    assert building_generation(session) is None


def test_an_index_that_lacks_a_garment_is_not_activated(
    session: Session, generation: Generation, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    (photo,) = add_photos("1")
    add_garments(photo, "dress")
    upsert_items(session, "shop", [ItemRow(sku="A1", title="A1", photos=[photo.sha256])])
    session.add(_building(generation, "garments_2"))
    session.commit()
    assert "1 garments are missing" in run("activate", error=ConflictError)


def test_a_start_with_the_broker_away_waits_for_the_sweep(
    session: Session, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise QueueUnavailableError("away")

    monkeypatch.setattr(queue, "enqueue", refuse)
    run("start", "vectors")
    assert started(session).state is JobState.QUEUED


@pytest.mark.parametrize("name", ["a\nb", "x" * 201])
def test_what_cannot_name_a_checkpoint_is_refused(session: Session, name: str) -> None:
    assert "named by its id" in run("start", "crops", "--embedder", name, error=InputError)


def _building(like: Generation, collection: str) -> Generation:
    same: dict[str, Any] = {
        name: getattr(like, name) for name in ("segmenter", "embedder", "dimensions")
    }
    return Generation(collection=collection, state=GenerationState.BUILDING, **same)


def test_a_forecast_is_printed_with_what_was_measured(
    session: Session, generation: Generation, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    add_garments(add_photos("1")[0], "dress")
    note_rate(session, Work.VECTORS, 10, 5.0)
    session.commit()
    output = run("forecast", "vectors")
    assert "vectors: 1 at 2.0 a second" in output
    assert "comparing: 1 never measured here" in output
    assert "In all" not in output


def test_against_the_gate_a_switch_needs_a_reason(
    session: Session, generation: Generation, services: Services
) -> None:
    for collection in (generation.collection, "garments_2"):
        services.index.create_collection(collection, generation.dimensions)
    building = _building(generation, "garments_2")
    session.add(building)
    session.flush()
    report = {"old_count": 9, "new_count": 1, "sampled": 1, "self_match": 1.0}
    session.add(Comparison(generation_id=building.id, report=report))
    session.add(
        Job(
            kind=JobKind.REINDEX,
            state=JobState.DONE,
            generation_id=building.id,
            parameters={"kind": "vectors"},
        )
    )
    session.commit()
    assert "does not hold" in run("status")
    assert "1 garments where" in run("activate", error=ConflictError)
    assert "serves" in run("activate", "--anyway", "a test")
    assert "because: a test" in started(session).log[-1].message


def test_a_limit_of_changed_neighbours_is_kept(session: Session) -> None:
    run("start", "vectors", "--max-changed", "0")
    assert started(session).parameters["max_changed"] == 0
