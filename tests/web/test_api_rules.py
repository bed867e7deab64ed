"""What holds for every call of the API: limits, keys, ETags, compression, origins, problems."""

import gzip
import io
import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from catalog.accounts import create_token, create_user
from catalog.idempotency import forget_answers
from catalog.jobs import start_job
from catalog.services import Services
from catalog.settings import load_settings
from catalog.tables import (
    IdempotentAnswer,
    Item,
    Job,
    JobKind,
    PhotoState,
    Upload,
    UploadState,
)
from ingest.client import ApiClient
from tests.fakes import FakeQueue
from tests.web.conftest import PASSWORD, Api, Shop, draw_photo, sha256_of
from tests.web.test_audit_pages import add_coverage
from tests.web.test_map import make_map
from tests.web.test_openapi import found_jacket
from web.api.paging import make_cursor
from web.app import create_app

ApiMaker = Callable[[str | None], Api]


@pytest.fixture
def make_app(services: Services) -> Callable[..., Flask]:
    """Make the app with other settings."""

    def make(**changed: Any) -> Flask:
        settings = services.settings.model_copy(update=changed)
        return create_app(replace(services, settings=settings))

    return make


@pytest.fixture
def token(session: Session) -> str:
    secret = create_token(session, "a shop", ["admin"])
    session.commit()
    return secret


def bearer(token: str, **headers: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }


# Limits


def test_who_asks_too_often_is_told_when_to_come_back(
    make_app: Callable[..., Flask], token: str, redis_url: str
) -> None:
    client = make_app(redis_url=redis_url, rate_limit_read="3/hour").test_client()
    answers = [client.get("/api/v1/catalogs", headers=bearer(token)) for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert [each.headers["RateLimit-Remaining"] for each in answers] == ["2", "1", "0", "0"]
    refused = answers[-1]
    assert refused.content_type == "application/problem+json"
    assert "3/hour" in refused.json["detail"]
    assert 360 <= int(refused.headers["Retry-After"]) <= 3601
    assert "Retry-After" not in answers[0].headers


def test_limits_are_counted_for_all_web_processes_together_and_for_each_token_by_itself(
    make_app: Callable[..., Flask], token: str, redis_url: str, session: Session
) -> None:
    apps = [make_app(redis_url=redis_url, rate_limit_read="1/hour") for _ in range(2)]
    other = create_token(session, "another shop", ["read"])
    session.commit()

    def ask(app: Flask, secret: str) -> int:
        return app.test_client().get("/api/v1/items", headers=bearer(secret)).status_code

    assert [ask(apps[0], token), ask(apps[1], token), ask(apps[1], other)] == [200, 429, 200]


def test_reads_writes_and_searches_by_photo_have_limits_of_their_own(
    make_app: Callable[..., Flask], token: str, redis_url: str
) -> None:
    limits = {"rate_limit_read": "1/hour", "rate_limit_write": "2/hour"}
    app = make_app(redis_url=redis_url, rate_limit_photo_search="3/hour", **limits)
    client = app.test_client()

    def limit_of(method: str, path: str) -> str:
        return client.open(path, method=method, headers=bearer(token)).headers["RateLimit-Limit"]

    assert limit_of("GET", "/api/v1/jobs") == "1"
    assert limit_of("POST", "/api/v1/photos/missing") == "2"
    assert limit_of("POST", "/api/v1/similar") == limit_of("POST", "/api/v1/search") == "3"
    assert limit_of("POST", "/api/v1/recommend") == "1"


def test_who_has_no_token_is_counted_by_address(
    make_app: Callable[..., Flask], redis_url: str
) -> None:
    limits = {"rate_limit_read": "2/hour", "rate_limit_photo_search": "1/hour"}
    given = {"embed_origins": ("https://shop.example",), "trusted_proxies": 1}
    app = make_app(redis_url=redis_url, **limits, **given)
    app.config["WTF_CSRF_ENABLED"] = False

    def ask(method: str, path: str, address: str) -> Any:
        headers = {"X-Forwarded-For": f"10.9.9.9, {address}"}
        return app.test_client().open(path, method=method, headers=headers)

    similar = "/embed/shop/A-1/similar"
    asked = [ask("GET", similar, address) for address in ("10.0.0.1",) * 3 + ("10.0.0.2",)]
    assert [each.status_code for each in asked] == [200, 200, 429, 200]
    assert asked[2].content_type == "application/problem+json"
    assert int(asked[2].headers["Retry-After"]) > 0
    searched = [ask("POST", "/search/", "10.0.0.1") for _ in range(2)]
    assert [each.status_code for each in searched] == [422, 429]
    assert "1/hour at most" in searched[1].text


def test_without_the_setting_no_proxy_is_believed(
    make_app: Callable[..., Flask], redis_url: str
) -> None:
    app = make_app(
        redis_url=redis_url, rate_limit_read="1/hour", embed_origins=("https://shop.example",)
    )
    claims = [{"X-Forwarded-For": f"10.0.0.{number}"} for number in range(2)]
    asked = [app.test_client().get("/embed/shop/A-1/similar", headers=each) for each in claims]
    assert [each.status_code for each in asked] == [200, 429]


def test_with_the_broker_away_nobody_is_refused_for_it(
    make_app: Callable[..., Flask], token: str
) -> None:
    client = make_app(redis_url="redis://127.0.0.1:1/0", rate_limit_read="1/hour").test_client()
    first, second = [client.get("/api/v1/catalogs", headers=bearer(token)) for _ in range(2)]
    assert (first.status_code, second.status_code) == (200, 429)  # counted here meanwhile
    unlimited = make_app(redis_url="redis://127.0.0.1:1/0", rate_limit_read="").test_client()
    answer = unlimited.get("/api/v1/catalogs", headers=bearer(token))
    assert (answer.status_code, "RateLimit-Limit" in answer.headers) == (200, False)


def test_an_ingest_that_is_refused_for_its_pace_waits_and_goes_on(
    make_app: Callable[..., Flask], token: str, redis_url: str
) -> None:
    app = make_app(redis_url=redis_url, rate_limit_write="3/second")
    refused = []
    app.after_request(lambda response: refused.append(response.status_code) or response)
    client = ApiClient("http://localhost", token, transport=httpx.WSGITransport(app))
    try:
        for number in range(8):
            client.start_ingest(f"shop {number}")
    finally:
        client.close()
    assert refused.count(201) == 8
    assert set(refused) <= {201, 429}


def test_the_limits_are_written_as_so_many_a_time() -> None:
    from catalog.errors import ConfigError

    assert load_settings({"RATE_LIMIT_READ": "5/second"}).rate_limit_read == "5/second"
    with pytest.raises(ConfigError, match="RATE_LIMIT_READ"):
        load_settings({"RATE_LIMIT_READ": "often"})


def test_failed_logins_count_in_all_web_processes_until_one_succeeds(
    make_app: Callable[..., Flask], redis_url: str, session: Session
) -> None:
    create_user(session, "admin@example.com", PASSWORD, is_admin=True)
    session.commit()
    apps = [make_app(redis_url=redis_url) for _ in range(2)]

    def log_in(app: Flask, password: str) -> int:
        app.config["WTF_CSRF_ENABLED"] = False
        form = {"email": "admin@example.com", "password": password}
        return app.test_client().post("/login", data=form).status_code

    assert [log_in(apps[number % 2], "wrong") for number in range(4)] == [401] * 4
    assert log_in(apps[0], PASSWORD) == 302
    assert [log_in(apps[number % 2], "wrong") for number in range(6)] == [401] * 5 + [429]
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    assert log_in(make_app(redis_url=redis_url), PASSWORD) == 302


# Idempotency keys


def begin(client: FlaskClient, token: str, key: str, catalog: str = "shop") -> Any:
    body = {"kind": "ingest", "catalog": catalog}
    headers = bearer(token, Idempotency_Key=key)
    return client.post("/api/v1/jobs", json=body, headers=headers)


def test_a_write_that_is_sent_again_with_its_key_happens_once(
    client: FlaskClient, token: str, session: Session
) -> None:
    first = begin(client, token, '"begin-1"')
    again = begin(client, token, "begin-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.content_type == first.content_type
    assert session.scalar(select(func.count()).select_from(Job)) == 1
    assert begin(client, token, "begin-2").json["id"] != first.json["id"]


def test_the_secret_of_a_webhook_is_answered_again_but_not_kept(
    client: FlaskClient, session: Session
) -> None:
    headers = bearer(create_token(session, "admin", ["admin"]), Idempotency_Key="hook")
    session.commit()

    def create() -> Any:
        body = {"url": "https://shop.example/hook"}
        return client.post("/api/v1/webhooks", json=body, headers=headers)

    first, again = create(), create()
    assert first.json["secret"].startswith("whsec_")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json == first.json
    (kept,) = session.scalars(select(IdempotentAnswer.body))
    assert first.json["secret"].encode() not in kept
    client.delete(
        f"/api/v1/webhooks/{first.json['id']}", headers={**headers, "Idempotency-Key": "d"}
    )
    assert create().status_code == 404


LISTS = ("/api/v1/review", "/api/v1/findings?kind=coverage", "/api/v1/map/points")


def test_every_list_names_its_next_page_in_a_link(
    client: FlaskClient, session: Session, shop: Shop
) -> None:
    headers = bearer(create_token(session, "admin", ["admin"]))
    items = [shop.add_item(sku, (), state=PhotoState.FAILED) for sku in ("A", "B")]
    items += [shop.add_item(sku) for sku in ("C", "D")]
    add_coverage(session, dict.fromkeys(items, 1))
    make_map(shop)
    for path in LISTS:
        mark = "&" if "?" in path else "?"
        first = client.get(f"{path}{mark}limit=1", headers=headers)
        assert first.json["next"], path
        link = first.headers["Link"].removeprefix("<").partition(">")[0]
        second = client.get(link, headers=headers)
        assert len(second.json["items"]) == 1, path
        assert second.json["items"] != first.json["items"], path
        assert client.get(f"{path}{mark}cursor=%F0", headers=headers).status_code == 422, path


def test_the_deliveries_of_a_webhook_come_in_pages(client: FlaskClient, session: Session) -> None:
    headers = bearer(create_token(session, "admin", ["admin"]))
    session.commit()
    body = {"url": "https://shop.example/hook"}
    hook = client.post("/api/v1/webhooks", json=body, headers=headers).json["id"]
    sent = [
        client.post(f"/api/v1/webhooks/{hook}/test", headers=headers).json["id"] for _ in range(3)
    ]
    path, found = f"/api/v1/webhooks/{hook}/deliveries?limit=2", []
    while path:
        page = client.get(path, headers=headers)
        found += [one["id"] for one in page.json["items"]]
        path = page.headers.get("Link", "").removeprefix("<").partition(">")[0]
    assert found == sent[::-1]


def test_a_key_stands_for_one_request_of_one_token(
    client: FlaskClient, token: str, session: Session
) -> None:
    begin(client, token, "k")
    other = begin(client, token, "k", catalog="another shop")
    assert other.status_code == 422
    assert "another request" in other.json["detail"]
    second = create_token(session, "second", ["ingest"])
    session.commit()
    assert begin(client, second, "k").status_code == 201


def test_a_refusal_is_answered_again_but_not_a_failure_of_ours(
    client: FlaskClient, token: str, queue: FakeQueue, session: Session
) -> None:
    path = "/api/v1/catalogs/shop/items/gone"
    for replayed in (None, "true"):
        answer = client.delete(path, headers=bearer(token, Idempotency_Key="d"))
        assert answer.status_code == 404
        assert answer.headers.get("Idempotency-Replayed") == replayed
    photo = {"data": draw_photo(), "headers": bearer(token, Idempotency_Key="s")}
    queue.down = True
    assert client.post("/api/v1/search", **photo).status_code == 503
    queue.down = False
    assert client.post("/api/v1/search", **photo).status_code == 202
    assert session.scalar(select(func.count()).select_from(Upload)) == 1


def test_the_same_photo_is_the_same_request_however_the_form_is_cut(
    client: FlaskClient, token: str
) -> None:
    def search(seed: int) -> Any:
        form = {"photo": (io.BytesIO(draw_photo(seed)), "a.jpg", "image/jpeg")}
        headers = bearer(token, Idempotency_Key="photo")
        return client.post("/api/v1/search", data=form, headers=headers)

    assert search(1).json == search(1).json
    assert search(2).status_code == 422
    data = draw_photo(3)
    put = [
        client.put(
            f"/api/v1/photos/{sha256_of(data)}",
            data=data,
            headers=bearer(token, Idempotency_Key="put"),
        ).status_code
        for _ in range(2)
    ]
    assert put == [201, 201]


def test_a_key_whose_first_request_is_under_way_has_to_wait_until_that_has_died(
    client: FlaskClient, token: str, session: Session
) -> None:
    first = begin(client, token, "k").json
    session.execute(update(IdempotentAnswer).values(status=None, body=None, headers=None))
    session.commit()
    waiting = begin(client, token, "k")
    assert (waiting.status_code, waiting.headers["Retry-After"]) == (409, "1")
    age(session, timedelta(minutes=3))
    assert begin(client, token, "k").json["id"] != first["id"]
    assert begin(client, token, "k").headers["Idempotency-Replayed"] == "true"


def test_keys_are_forgotten_after_a_day(client: FlaskClient, token: str, session: Session) -> None:
    first = begin(client, token, "k").json
    age(session, timedelta(hours=25))
    assert begin(client, token, "k").json["id"] != first["id"]
    age(session, timedelta(hours=25))
    forget_answers(session)
    assert session.scalar(select(func.count()).select_from(IdempotentAnswer)) == 0


def age(session: Session, by: timedelta) -> None:
    older = IdempotentAnswer.created_at - by
    session.execute(update(IdempotentAnswer).values(created_at=older))
    session.commit()


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "schlüssel"])
def test_a_key_that_is_no_word_is_refused(client: FlaskClient, token: str, key: str) -> None:
    assert begin(client, token, key).status_code == 400


# ETags and compression


def test_what_has_not_changed_is_not_sent_again(
    client: FlaskClient, token: str, shop: Shop, session: Session
) -> None:
    item = shop.add_item("A1")
    path = f"/api/v1/items/{item.id}"
    first = client.get(path, headers=bearer(token))
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert {"Authorization", "Accept-Encoding"} <= set(first.vary)
    etag = first.headers["ETag"]
    for coding in ("identity", "gzip", "br"):
        asked = bearer(token, If_None_Match=etag, Accept_Encoding=coding)
        again = client.get(path, headers=asked)
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    session.get_one(Item, item.id).title = "Another title"
    session.commit()
    assert client.get(path, headers=bearer(token, If_None_Match=etag)).status_code == 200


def test_json_and_pages_travel_compressed_and_photos_as_they_are(
    client: FlaskClient, token: str, shop: Shop
) -> None:
    item = shop.add_item("A1", description="A long description. " * 40)
    path = f"/api/v1/items/{item.id}"
    asked = bearer(token, Accept_Encoding="gzip")
    answer = client.get(path, headers=asked)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.data) == client.get(path, headers=bearer(token)).data
    accept = {"Accept-Encoding": "gzip"}
    assert client.get("/", headers=accept).headers["Content-Encoding"] == "gzip"
    with client.get("/static/lookalike.css", headers=accept) as css:
        assert css.headers["Content-Encoding"] == "gzip"
        assert b"--accent" in gzip.decompress(css.data)
    known = accept | {"If-None-Match": css.headers["ETag"]}
    with client.get("/static/lookalike.css", headers=known) as again:
        assert again.status_code == 304
    sha256 = item.photo_links[0].photo.sha256
    photo = client.get(f"/photos/{sha256}/thumb.webp", headers=accept)
    assert "Content-Encoding" not in photo.headers


# Other sites


def test_scripts_of_named_sites_may_read_and_nothing_else(
    make_app: Callable[..., Flask], token: str
) -> None:
    app = make_app(cors_origins=("https://shop.example",))
    client = app.test_client()

    def ask(origin: str, method: str, path: str = "/api/v1/catalogs") -> Any:
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization",
        }
        return client.options(path, headers=headers).headers

    allowed = ask("https://shop.example", "GET")
    assert allowed["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "Access-Control-Allow-Credentials" not in allowed
    assert "POST" not in allowed["Access-Control-Allow-Methods"]
    posted = ask("https://shop.example", "POST", "/api/v1/recommend")
    assert "POST" in posted["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Origin" not in ask("https://evil.example", "GET")
    assert "Access-Control-Allow-Origin" not in ask("https://shop.example", "GET", "/admin/")
    read = client.get("/api/v1/catalogs", headers=bearer(token, Origin="https://shop.example"))
    assert "RateLimit-Remaining" in read.headers["Access-Control-Expose-Headers"]


def test_without_the_setting_no_site_may_read(client: FlaskClient, token: str) -> None:
    answer = client.get("/api/v1/catalogs", headers=bearer(token, Origin="https://shop.example"))
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_origins_are_separated_by_commas_and_are_no_addresses_of_pages() -> None:
    from catalog.errors import ConfigError

    given = {"CORS_ORIGINS": "https://a.example/, http://localhost:3000"}
    assert load_settings(given).cors_origins == ("https://a.example", "http://localhost:3000")
    for wrong in ("*", "shop.example", "https://a.example/shop"):
        with pytest.raises(ConfigError, match="CORS_ORIGINS"):
            load_settings({"CORS_ORIGINS": wrong})


# Problems


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/nothing", None, 404),
        ("GET", "/api/nothing", None, 404),
        ("GET", "/api", None, 404),
        ("PATCH", "/api/v1/items", None, 405),
        ("GET", "/api/v1/garments/no-uuid", None, 404),
        ("GET", "/api/v1/items/99999999999999999999", None, 404),
        ("GET", "/api/v1/items?cursor=99999999999999999999", None, 422),
        ("GET", "/api/v1/jobs?cursor=%C3%A4", None, 422),
        ("GET", "/api/v1/jobs?cursor=W10", None, 422),
        ("GET", "/api/v1/jobs?cursor=WyJhIiwgImIiXQ", None, 422),
        ("GET", "/api/v1/catalogs?cursor=x", None, 422),
        ("POST", "/api/v1/jobs", b"{no json", 400),
        ("POST", "/api/v1/jobs", b"\xff\xfe", 400),
        ("POST", "/api/v1/jobs", b"[]", 422),
        ("POST", "/api/v1/jobs", b'{"catalog": "a\\u0000"}', 422),
        ("POST", "/api/v1/jobs", b'{"catalog": "\\ud800"}', 422),
        ("POST", "/api/v1/similar", b"no photo", 422),
        ("POST", "/api/v1/similar", b"", 400),
        ("POST", "/api/v1/similar", b"x" * (21 * 2**20), 413),
    ],
)
def test_whatever_goes_wrong_below_the_api_is_a_problem(
    client: FlaskClient, token: str, method: str, path: str, body: bytes | None, status: int
) -> None:
    answer = client.open(path, method=method, data=body, headers=bearer(token))
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= set(answer.json)
    assert answer.json["status"] == status


def test_rows_with_half_of_a_surrogate_pair_fail_alone(client: FlaskClient, token: str) -> None:
    body = rb"""{"items": [{"sku": "\ud800", "title": "a"}, {"sku": "b", "title": "\udc00"},
                {"sku": "c", "attributes": {"d": "\ud800"}}, {"sku": "good"}]}"""
    answer = client.post("/api/v1/catalogs/shop/items", data=body, headers=bearer(token))
    statuses = [row["status"] for row in answer.json["results"]]
    assert statuses == ["failed", "failed", "failed", "created"]


def test_every_route_answers_a_wrong_method_and_wrong_ids_with_problems(
    app: Flask, token: str
) -> None:
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/v1/"):
            continue
        path = re.sub(r"<(?:path:)?\w+>", "x", re.sub(r"<uuid:\w+>", str(uuid.uuid4()), rule.rule))
        path = re.sub(r"<int:\w+>", "9" * 30, path)
        for method in ("PATCH", *(rule.methods or set()) - {"HEAD", "OPTIONS"}):
            answer = client.open(path, method=method, headers=bearer(token))
            if answer.status_code >= 400:
                assert answer.content_type == "application/problem+json", (method, path)
            assert answer.status_code < 500, (method, path)
            assert (answer.status_code == 405) == (method == "PATCH"), (method, path)


# Pages of lists


def test_jobs_come_in_pages_that_neither_skip_nor_repeat(
    client: FlaskClient, token: str, session: Session
) -> None:
    for number in range(5):
        start_job(session, JobKind.INGEST, f"shop {number}")  # all at the same moment
    session.commit()
    seen, path = [], "/api/v1/jobs?limit=2"
    while path:
        page = client.get(path, headers=bearer(token))
        seen += [job["id"] for job in page.json["items"]]
        link = page.headers.get("Link", "")
        assert bool(link) == bool(page.json["next"])
        path = link.removeprefix("<").partition(">")[0]
    assert len(seen) == len(set(seen)) == 5
    names, path = [], "/api/v1/catalogs?limit=2"
    while path:
        page = client.get(path, headers=bearer(token))
        names += [each["name"] for each in page.json["items"]]
        path = page.headers.get("Link", "").removeprefix("<").partition(">")[0]
    assert names == [f"shop {number}" for number in range(5)]


# Health


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
    from catalog.tables import Photo, PhotoState

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


# Similar items of a posted photo


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


# The interactive page


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
