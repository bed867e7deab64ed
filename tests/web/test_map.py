"""The map of the catalog: its page in every state, its bytes, and its calls of the API."""

import gzip
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog import maps
from catalog.jobs import finish_job
from catalog.queue import RUN_JOB
from catalog.tables import CatalogMap, Garment, GenerationState, Job, JobKind, JobState
from tests.fakes import FakeQueue
from tests.statements import counted_statements
from tests.web.conftest import Api, Shop
from web.map_colours import marks_of


def make_map(shop: Shop) -> CatalogMap:
    """A map of all garments of the shop, as the workers would have left it."""
    session = shop.session
    rows = session.execute(select(Garment.id, Garment.category).order_by(Garment.id)).all()
    names = sorted({name for _, name in rows})
    category = np.array([names.index(name) for _, name in rows])
    places = np.random.default_rng(0).random((len(rows), 2)).astype(np.float32)
    job = Job(kind=JobKind.MAP)
    session.add(job)
    session.flush()
    ids = [garment_id for garment_id, _ in rows]
    made = maps.save_map(session, shop.generation, job.id, ids, names, category, places)
    finish_job(session, job.id, JobState.DONE)
    session.commit()
    return made


@pytest.fixture
def filled(shop: Shop) -> Shop:
    shop.add_item("A1", ("jacket", "shoes"))
    shop.add_item("A2", ("dress",), title="A <b>red</b> dress")
    return shop


def test_without_garments_the_page_leads_to_the_catalog(client: FlaskClient, shop: Shop) -> None:
    page = client.get("/map").text
    assert "No map yet" in page
    assert "Send a catalog first" in page


def test_without_a_map_an_admin_can_have_one_made(
    client: FlaskClient, admin: FlaskClient, filled: Shop, queue: FakeQueue
) -> None:
    assert "An administrator can have it made" in client.get("/map").text
    assert "Make the map" in admin.get("/map").text
    assert admin.post("/map").location == "/map"
    (task,) = queue.named(RUN_JOB)
    page = client.get("/map").text
    assert "The map is on its way" in page
    assert "data-map-progress" in page
    assert f"/admin/jobs/{task.args[0]}" not in page
    assert f"/admin/jobs/{task.args[0]}" in admin.get("/map").text
    again = admin.post("/map", follow_redirects=True)
    assert "a map is under way already" in again.text


def test_strangers_cannot_start_a_map(
    client: FlaskClient, filled: Shop, queue: FakeQueue, app: Any
) -> None:
    assert client.post("/map").status_code == 400  # no token of a form
    app.config["WTF_CSRF_ENABLED"] = False
    assert client.post("/map").location.startswith("/login")
    assert not queue.sent


def test_progress_tells_how_far_a_map_is(client: FlaskClient, filled: Shop) -> None:
    assert client.get("/map/progress").json == {"making": False}
    job = Job(kind=JobKind.MAP, state=JobState.RUNNING, done=40, total=100)
    filled.session.add(job)
    filled.session.commit()
    assert client.get("/map/progress").json == {
        "making": True,
        "state": "running",
        "done": 40,
        "total": 100,
    }
    assert "40 % of 100 garments" in client.get("/map").text


def test_an_admin_sees_why_no_map_was_made(
    client: FlaskClient, admin: FlaskClient, filled: Shop
) -> None:
    job = Job(kind=JobKind.MAP)
    filled.session.add(job)
    filled.session.flush()
    finish_job(filled.session, job.id, JobState.FAILED, error="the cat sat on it")
    filled.session.commit()
    assert "the cat sat on it" in admin.get("/map").text
    assert "the cat sat on it" not in client.get("/map").text


def test_the_map_lists_its_categories_with_links_to_the_catalog(
    client: FlaskClient, filled: Shop
) -> None:
    made = make_map(filled)
    page = client.get("/map").text
    assert f'data-points="/map/{made.id}/points"' in page
    for name in ("dress", "jacket", "shoes"):
        assert f'href="/?category={name}"' in page
    assert "3 garments" in page
    assert "earlier index" not in page
    assert "by now" not in page


def test_a_map_of_an_earlier_index_says_so(
    client: FlaskClient, admin: FlaskClient, filled: Shop
) -> None:
    make_map(filled)
    filled.generation.state = GenerationState.RETIRED
    filled.session.flush()
    values = {"embedder": "embedder-b", "dimensions": 8, "segmenter": "segmenter-a"}
    filled.session.add(
        type(filled.generation)(collection="garments_2", state=GenerationState.ACTIVE, **values)
    )
    filled.session.commit()
    assert "map is of an earlier index" in client.get("/map").text
    assert "Make it anew" in admin.get("/map").text


def test_a_map_of_another_catalog_size_says_so(
    client: FlaskClient, filled: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_map(filled)
    monkeypatch.setattr(maps, "_CHANGED_LEAST", 0)
    assert "by now" not in client.get("/map").text
    filled.add_item("A3")
    assert "has 4 garments by now, this map shows 3" in client.get("/map").text


def test_the_page_asks_the_same_few_questions_however_large_the_map(
    client: FlaskClient, filled: Shop
) -> None:
    make_map(filled)
    with counted_statements(filled.services.engine) as few:
        client.get("/map")
    for number in range(12):
        filled.add_item(f"B{number}", ("skirt", "hat", "bag"))
    make_map(filled)
    with counted_statements(filled.services.engine) as many:
        client.get("/map")
    assert len(many) == len(few) <= 8


def test_points_travel_gzipped_to_those_who_take_it(client: FlaskClient, filled: Shop) -> None:
    made = make_map(filled)
    plain = client.get(f"/map/{made.id}/points")
    packed = client.get(f"/map/{made.id}/points", headers={"Accept-Encoding": "gzip"})
    assert plain.content_type == "application/octet-stream"
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert len(plain.data) == 5 * 3
    assert sorted(plain.data[12:]) == [0, 1, 2]
    assert "immutable" in plain.headers["Cache-Control"]
    assert "Accept-Encoding" in plain.headers["Vary"]
    again = client.get(plain.request.path, headers={"If-None-Match": plain.headers["ETag"]})
    assert again.status_code == 304


def test_ids_lead_from_a_point_to_its_garment(client: FlaskClient, filled: Shop) -> None:
    made = make_map(filled)
    plain = client.get(f"/map/{made.id}/points").data
    ids = client.get(f"/map/{made.id}/ids/0").data
    assert len(ids) == 3 * 16
    assert client.get(f"/map/{made.id}/ids/1").data == b""
    assert client.get(f"/map/{made.id}/ids/{10**20}").data == b""
    for place in range(3):
        garment_id = uuid.UUID(bytes=ids[16 * place : 16 * place + 16])
        told = client.get(f"/map/garments/{garment_id}").json
        assert told is not None
        assert told["category"] == made.categories[plain[12 + place]]
        assert client.get(told["href"]).status_code == 200
        assert f"garment={garment_id}" in told["href"]


def test_a_garment_that_is_gone_or_excluded_is_not_found(client: FlaskClient, filled: Shop) -> None:
    assert client.get(f"/map/garments/{uuid.uuid4()}").status_code == 404
    garment_id = filled.session.scalars(select(Garment.id)).first()
    assert client.get(f"/map/garments/{garment_id}").status_code == 200
    filled.session.execute(update(Garment).values(excluded=True))
    filled.session.commit()
    assert client.get(f"/map/garments/{garment_id}").status_code == 404


def test_a_map_that_was_replaced_is_not_found(client: FlaskClient, filled: Shop) -> None:
    old = make_map(filled).id
    make_map(filled)
    assert client.get(f"/map/{old}/points").status_code == 404
    assert client.get(f"/map/{old}/ids/0").status_code == 404


def test_the_api_gives_the_map_in_pages(
    api: Callable[[str | None], Api], filled: Shop, session: Session
) -> None:
    read = api("read")
    assert read("GET", "/map").status_code == 404
    made = make_map(filled)
    told = read("GET", "/map").json
    assert (told["garments"], told["index"]) == (3, "garments_1")
    assert told["categories"] == [
        {"name": name, "garments": 1} for name in ("dress", "jacket", "shoes")
    ]
    assert (told["older_index"], told["out_of_date"]) == (False, False)
    assert told["points_url"] == f"/map/{made.id}/points"
    first = read("GET", "/map/points?limit=2").json
    rest = read("GET", f"/map/points?limit=2&cursor={first['next']}").json
    assert rest["next"] is None
    points = first["items"] + rest["items"]
    by_id = dict(session.execute(select(Garment.id, Garment.category)).all())
    assert {uuid.UUID(point["garment"]): point["category"] for point in points} == by_id
    assert all(0 <= point["x"] <= 1 and 0 <= point["y"] <= 1 for point in points)
    make_map(filled)
    assert read("GET", f"/map/points?cursor={first['next']}").status_code == 409


@pytest.mark.parametrize("cursor", ["x", "1", "1-", "-1-2", "1-²", "1-99999999999999999999"])
def test_a_cursor_that_was_not_handed_out_is_refused(
    api: Callable[[str | None], Api], filled: Shop, cursor: str
) -> None:
    make_map(filled)
    assert api("read")("GET", f"/map/points?cursor={cursor}").status_code == 422


def test_starting_a_map_by_the_api_needs_the_admin_scope(
    api: Callable[[str | None], Api], filled: Shop, queue: FakeQueue
) -> None:
    assert api(None)("GET", "/map").status_code == 401
    assert api("ingest")("POST", "/map").status_code == 403
    admin = api("admin")
    started = admin("POST", "/map")
    assert started.status_code == 202
    assert (started.json["kind"], started.json["state"]) == ("map", "queued")
    assert [task.args for task in queue.named(RUN_JOB)] == [(started.json["id"],)]
    assert admin("POST", "/map").status_code == 409


def test_no_two_of_our_categories_look_alike_and_each_keeps_its_mark() -> None:
    from catalog.taxonomy import CATEGORIES

    marks = marks_of(CATEGORIES)
    assert len({mark.colour for mark in marks}) == len(CATEGORIES)
    assert marks_of(["shoes", "poncho", "top"]) == [
        marks[CATEGORIES.index("shoes")],
        *marks_of(["poncho"]),
        marks[CATEGORIES.index("top")],
    ]
