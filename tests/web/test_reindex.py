"""The re-index wizard and its calls: forecast, comparison, gate, switch, roll back."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.jobs import finish_job, start_job
from catalog.known_checkpoints import FoundCheckpoint, report_checkpoints
from catalog.queue import RUN_REINDEX
from catalog.rates import note_rate
from catalog.search.generations import begin_reindex, fill_from_vectors
from catalog.search.side_by_side import compare
from catalog.search.sync import sync_index
from catalog.tables import Generation, GenerationState, Job, JobKind, JobState, ReindexKind, Work
from catalog.views import count_view
from tests.fakes import FakeQueue
from tests.statements import counted_statements
from tests.web.conftest import DIMENSIONS, Api, Shop


@pytest.fixture
def told(session: Session) -> None:
    """A worker has told of the two checkpoints that serve and of another embedder."""
    found = [
        FoundCheckpoint("segmentation", "segmenter", "segmenter-a", configured=True),
        FoundCheckpoint("embedding", "embedder", "embedder-a", configured=True),
        FoundCheckpoint("embedding", "better", "embedder-b"),
    ]
    report_checkpoints(session, "gpu-1", found)
    session.commit()


@pytest.fixture
def waiting(shop: Shop, session: Session) -> Job:
    """A re-index from vectors that is full, compared, and waits for a person."""
    items = [shop.add_item(f"A{number}", direction=number % 3) for number in range(5)]
    count_view(session, items[2].id)
    job = start_job(session, JobKind.REINDEX, parameters={"kind": "vectors", "switch": "manual"})
    building = begin_reindex(
        *(session, shop.services.index, ReindexKind.VECTORS, "segmenter-a", "embedder-a"),
        *(DIMENSIONS, job),
    )
    fill_from_vectors(session, building)
    session.commit()
    sync_index(shop.services.sessions, shop.services.index)
    compare(session, shop.services.index, shop.generation, building)
    finish_job(session, job.id, JobState.DONE)
    session.commit()
    return job


def state_of(session: Session, collection: str) -> GenerationState | None:
    session.rollback()
    return session.scalar(select(Generation.state).where(Generation.collection == collection))


def test_without_an_index_the_wizard_says_what_comes_first(admin: FlaskClient) -> None:
    assert "There is no index yet" in admin.get("/admin/reindex").text
    answer = admin.get("/admin/reindex?kind=vectors")
    assert answer.status_code == 200
    assert "alert-warning" in answer.text


def test_models_have_names_where_an_index_is_shown(
    admin: FlaskClient, shop: Shop, told: None
) -> None:
    for path in ("/admin/", "/admin/reindex", "/admin/health"):
        page = admin.get(path).text
        assert f"Index of {shop.generation.created_at:%Y-%m-%d}" in page, path
        assert shop.generation.collection in page, path
    for path in ("/admin/", "/admin/reindex"):
        assert "<span>Segmenter</span>" in admin.get(path).text, path


def test_the_checkpoints_that_workers_told_of_can_be_chosen(
    admin: FlaskClient, shop: Shop, told: None
) -> None:
    page = admin.get("/admin/reindex").text
    assert "As configured: embedder (embedder-a)" in page
    assert '<option value="embedder-b">better (embedder-b)' in page
    assert "gpu-1" in page


def test_without_word_from_a_worker_the_page_says_so(admin: FlaskClient, shop: Shop) -> None:
    assert "No worker has told yet" in admin.get("/admin/reindex").text


def test_a_forecast_comes_before_anything_starts(
    admin: FlaskClient, shop: Shop, session: Session, told: None, queue: FakeQueue
) -> None:
    shop.add_item("A1", ("jacket", "shoes"))
    page = admin.get("/admin/reindex?kind=crops&embedder=embedder-b").text
    assert "No forecast: none of it was measured" in page
    assert "no measurement yet" in page
    note_rate(session, Work.CROPS, 10, 100.0, "embedder-a")
    session.commit()
    page = admin.get("/admin/reindex?kind=crops&embedder=embedder-b").text
    assert "More than 20 seconds" in page
    assert "with the checkpoint that serves now" in page
    note_rate(session, Work.VECTORS, 10, 10.0)
    note_rate(session, Work.COMPARING, 10, 10.0)
    session.commit()
    page = admin.get("/admin/reindex?kind=crops&embedder=embedder-b").text
    assert "About 25 seconds, if the new model is as fast as the present one" in page
    typed = admin.get("/admin/reindex?kind=crops&embedder=embedder-b&embedder_typed=unknown").text
    assert "unknown: no worker has told of it" in typed
    assert queue.named(RUN_REINDEX) == []


def test_what_is_not_used_by_the_kind_is_not_asked_for(
    admin: FlaskClient, shop: Shop, told: None
) -> None:
    page = admin.get("/admin/reindex?kind=vectors&embedder=embedder-b&segmenter=other").text
    assert 'name="embedder"' not in page
    assert 'name="segmenter"' not in page


def test_a_start_leads_to_the_watching_step(
    admin: FlaskClient, shop: Shop, session: Session, queue: FakeQueue
) -> None:
    form = {"kind": "crops", "switch": "auto", "embedder": "embedder-b", "max_changed": "25"}
    page = admin.post("/admin/reindex", data=form, follow_redirects=True).text
    assert "waits for a worker" in page
    assert 'data-live="/admin/reindex/watch"' in page
    (job,) = session.scalars(select(Job))
    assert job.parameters["max_changed"] == 0.25
    assert "data-open" in admin.get("/admin/reindex/watch").text
    finish_job(session, job.id, JobState.FAILED, error="no such checkpoint")
    session.commit()
    assert "data-leave" in admin.get("/admin/reindex/watch").text
    assert "The last re-index failed" in admin.get("/admin/reindex").text
    bad = admin.post("/admin/reindex", data=form | {"max_changed": "300"}, follow_redirects=True)
    assert "alert-danger" in bad.text


def test_without_a_reindex_there_is_nothing_to_watch(admin: FlaskClient, shop: Shop) -> None:
    assert admin.get("/admin/reindex/watch").status_code == 404


def test_old_and_new_are_shown_side_by_side(admin: FlaskClient, waiting: Job) -> None:
    page = admin.get("/admin/reindex?items=6").text
    assert "The gate holds" in page
    assert "0% of neighbours changed" in page
    assert page.count('class="compared"') == 5
    assert page.index("Title of A2") < page.index("Title of A4")
    assert "1 view" in page
    assert "Switch anyway" not in page


def test_a_changed_neighbour_is_marked(
    admin: FlaskClient, waiting: Job, shop: Shop, session: Session
) -> None:
    building = session.get_one(Generation, waiting.generation_id)
    garments = [id_ for id_, _ in shop.services.index.scroll_ids(building.collection)]
    shop.services.index.delete(building.collection, garments[:2])
    answer = admin.post("/admin/reindex/compare", follow_redirects=True)
    assert "Compared anew" in answer.text
    assert 'class="mark" aria-hidden="true">goes' in answer.text
    assert "The gate does not hold" in answer.text
    assert "Switch anyway" in answer.text


def test_a_switch_against_the_gate_needs_a_tick_and_a_reason(
    admin: FlaskClient, waiting: Job, shop: Shop, session: Session
) -> None:
    building = session.get_one(Generation, waiting.generation_id).collection
    garments = [id_ for id_, _ in shop.services.index.scroll_ids(building)]
    shop.services.index.delete(building, garments[:2])
    admin.post("/admin/reindex/compare")
    plain = admin.post("/admin/reindex/activate", follow_redirects=True).text
    assert "The gate does not hold: " in plain
    unreasoned = admin.post("/admin/reindex/activate", data={"anyway": "1", "reason": " "})
    assert state_of(session, building) is GenerationState.BUILDING
    assert unreasoned.location.endswith("#switch")
    form = {"anyway": "1", "reason": "seen by eye"}
    assert (
        "is active" in admin.post("/admin/reindex/activate", data=form, follow_redirects=True).text
    )
    assert state_of(session, building) is GenerationState.ACTIVE
    log = admin.get(f"/admin/jobs/{waiting.id}").text
    assert "switched by admin@example.com although" in log
    assert "because: seen by eye" in log


def test_a_new_limit_moves_the_gate(admin: FlaskClient, waiting: Job, session: Session) -> None:
    page = admin.post("/admin/reindex/limit", data={"max_changed": "10"}, follow_redirects=True)
    assert "Have at most 10% of neighbours changed?" in page.text
    for wrong in ("many", "101"):
        answer = admin.post(
            "/admin/reindex/limit", data={"max_changed": wrong}, follow_redirects=True
        )
        assert "alert-danger" in answer.text
    admin.post("/admin/reindex/limit", data={"max_changed": ""})
    assert "no limit is set" in admin.get("/admin/reindex").text


def test_after_a_switch_the_wizard_offers_the_way_back(
    admin: FlaskClient, waiting: Job, shop: Shop, session: Session
) -> None:
    page = admin.post("/admin/reindex/activate", follow_redirects=True).text
    assert f"Roll back to the index of {shop.generation.created_at:%Y-%m-%d}" in page
    assert "of the neighbours of 5 items differed" in page
    back = admin.post("/admin/reindex/rollback", follow_redirects=True).text
    assert "The previous index is active again" in back
    assert state_of(session, shop.generation.collection) is GenerationState.ACTIVE


def test_a_comparison_takes_as_many_statements_for_many_items_as_for_few(
    admin: FlaskClient, waiting: Job, shop: Shop
) -> None:
    counts = []
    for time in range(2):
        with counted_statements(shop.services.engine) as sent:
            admin.get("/admin/reindex?items=48")
        counts.append(len(sent))
        for number in range(4):
            shop.add_item(f"B{time}-{number}")
        sync_index(shop.services.sessions, shop.services.index)
        admin.post("/admin/reindex/compare")
    assert counts[0] == counts[1]


def test_a_garment_that_is_missing_keeps_the_switch_closed(
    admin: FlaskClient, waiting: Job, shop: Shop
) -> None:
    shop.add_item("late")
    page = admin.get("/admin/reindex").text
    assert "1 garments are missing" in page
    assert "disabled" in page
    assert "is not complete" in admin.post("/admin/reindex/activate", follow_redirects=True).text


MakeApi = Callable[[str | None], Api]


def test_the_api_forecasts(api: MakeApi, shop: Shop, session: Session, told: None) -> None:
    shop.add_item("A1")
    note_rate(session, Work.VECTORS, 10, 5.0)
    session.commit()
    read = api("admin")
    found = read("GET", "/reindex/forecast?kind=crops&embedder=better").json
    assert (found["embedder"], found["seconds"]) == ("embedder-b", None)
    assert [step["work"] for step in found["steps"]] == ["crops", "vectors", "comparing"]
    assert found["steps"][1]["per_second"] == 2.0
    assert found["steps"][1]["measured_with"] == "this checkpoint"
    assert found["steps"][0]["measured_with"] is None
    assert read("GET", "/reindex/forecast?kind=magic").status_code == 422


def test_the_api_compares_and_switches(api: MakeApi, waiting: Job, session: Session) -> None:
    call = api("admin")
    found = call("GET", "/reindex/comparison?limit=2").json
    assert (found["holds"], len(found["items"])) == (True, 2)
    assert found["items"][0]["item"]["sku"] == "A2"
    assert found["items"][0]["old"][0]["changed"] is False
    assert call("POST", "/reindex/comparison").status_code == 200
    assert call("POST", "/reindex/activate").json["state"] == "active"
    assert call("GET", "/reindex/comparison").status_code == 404
    assert call("POST", "/reindex/comparison").status_code == 409


def test_the_api_switches_against_the_gate_only_with_a_reason(
    api: MakeApi, waiting: Job, shop: Shop, session: Session
) -> None:
    building = session.get_one(Generation, waiting.generation_id).collection
    garments = [id_ for id_, _ in shop.services.index.scroll_ids(building)]
    shop.services.index.delete(building, garments[:2])
    call = api("admin")
    assert call("POST", "/reindex/comparison").json["holds"] is False
    refused = call("POST", "/reindex/activate")
    assert refused.status_code == 409
    assert "gate does not hold" in refused.json["detail"]
    assert call("POST", "/reindex/activate?anyway=a+test").status_code == 200


def test_the_api_takes_a_limit_of_changed_neighbours(
    api: MakeApi, shop: Shop, session: Session
) -> None:
    call = api("admin")
    body = {"kind": "vectors", "max_changed": 0.2}
    assert call("POST", "/reindex", json=body | {"max_changed": 2}).status_code == 422
    assert call("POST", "/reindex", json=body).json["parameters"]["max_changed"] == 0.2
