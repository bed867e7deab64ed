"""The health of the product, similar items of a posted photo, the interactive page."""

import io
import re
import uuid
from collections.abc import Callable

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from catalog.tables import (
    PhotoState,
    Upload,
    UploadState,
)
from tests.fakes import FakeQueue
from tests.web.conftest import Api, Shop, bearer, draw_photo
from tests.web.test_openapi import found_jacket
from web.api.paging import make_cursor

ApiMaker = Callable[[str | None], Api]


@pytest.mark.parametrize(
    "moment", ["", "soon", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"]
)
def test_a_cursor_of_a_moment_that_never_was_is_refused(api: ApiMaker, moment: str) -> None:
    call = api("admin")
    cursor = make_cursor(moment, str(uuid.uuid4()))
    for path in ("/jobs", f"/webhooks/{uuid.uuid4()}/deliveries"):
        assert call("GET", f"{path}?cursor={cursor}").status_code in (404, 422), path


def test_a_body_that_is_no_json_is_told_so(api: ApiMaker) -> None:
    answer = api("admin")("POST", "/audit", data="{bad", content_type="application/json")
    assert (answer.status_code, "JSON" in answer.json["detail"]) == (400, True)


def test_health_tells_of_parts_workers_backlog_and_the_index(
    make_app: Callable[..., Flask],
    token: str,
    shop: Shop,
    queue: FakeQueue,
    redis_url: str,
) -> None:
    shop.add_item("A1")
    queue.workers = ["bulk@here", "interactive@here"]
    with redis.Redis.from_url(redis_url) as client:
        client.lpush("bulk", "a task", "another")
    app = make_app(redis_url=redis_url)
    found = app.test_client().get("/api/v1/health", headers=bearer(token)).json
    assert (found["status"], found["database"], found["broker"], found["index"]) == ("ok",) * 4
    assert found["workers"] == queue.workers
    assert found["backlog"] == {
        "photos": 0,
        "failed": 0,
        "index": 0,
        "tasks": {"bulk": 2, "interactive": 0},
    }
    assert found["generation"]["collection"] == "garments_1"
    assert found["models_present"] is True


def test_health_is_degraded_without_workers_or_models_or_broker(
    make_app: Callable[..., Flask], token: str, shop: Shop, session: Session, redis_url: str
) -> None:
    from catalog.claims import WAITS_FOR_MODELS
    from catalog.tables import Photo

    shop.add_item("A1")
    session.execute(
        update(Photo).values(state=PhotoState.PENDING, reason=f"{WAITS_FOR_MODELS}: gone")
    )
    session.commit()
    client = make_app(redis_url=redis_url).test_client()
    found = client.get("/api/v1/health", headers=bearer(token)).json
    assert (found["status"], found["workers"], found["models_present"]) == ("degraded", [], False)
    assert found["backlog"]["photos"] == 1
    away = make_app(redis_url="redis://127.0.0.1:1/0").test_client()
    found = away.get("/api/v1/health", headers=bearer(token)).json
    assert (found["status"], found["backlog"]["tasks"]) == ("degraded", None)


def test_a_posted_photo_that_takes_long_is_asked_for_again(
    client: FlaskClient, token: str, shop: Shop, session: Session
) -> None:
    shop.add_item("A1"), shop.add_item("A2", ("jacket",), price=500)
    posted = client.post(
        "/api/v1/similar?wait_s=0&price_min=100",
        data=draw_photo(),
        headers=bearer(token),
        content_type="image/jpeg",
    )
    assert (posted.status_code, posted.headers["Retry-After"]) == (202, "1")
    assert posted.headers["Location"] == posted.json["url"]
    upload = session.get_one(Upload, uuid.UUID(posted.json["id"]))
    upload.state, upload.garments = UploadState.DONE, [found_jacket()]
    session.commit()
    found = client.get(posted.json["url"], headers=bearer(token))
    assert found.status_code == 200
    (garment,) = found.json["garments"]
    assert garment["category"] == "jacket"
    assert [hit["item"]["sku"] for hit in garment["similar"]] == ["A2"]
    assert client.get(f"/api/v1/similar/{uuid.uuid4()}", headers=bearer(token)).status_code == 404


def test_a_photo_that_cannot_be_seen_says_so(
    client: FlaskClient, token: str, session: Session
) -> None:
    form = {"photo": (io.BytesIO(draw_photo()), "a.jpg")}
    posted = client.post("/api/v1/similar?wait_s=0", data=form, headers=bearer(token))
    upload = session.get_one(Upload, uuid.UUID(posted.json["id"]))
    upload.state, upload.reason = UploadState.FAILED, "the garments could not be looked for"
    session.commit()
    found = client.get(posted.json["url"], headers=bearer(token)).json
    assert (found["state"], found["garments"]) == ("failed", [])
    assert found["reason"] == "the garments could not be looked for"


def test_the_interactive_page_has_all_it_needs_from_here(client: FlaskClient) -> None:
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert client.get("/api/docs", follow_redirects=True).data == page.data
    assert "<script>" not in page.text
    assert "'unsafe" not in page.headers["Content-Security-Policy"]
    for address in re.findall(r'(?:src|href)="(/(?:api/docs|static)[^"]+)"', page.text):
        with client.get(address) as part:
            assert part.status_code == 200, address
    assert "/api/openapi.json" in page.text
