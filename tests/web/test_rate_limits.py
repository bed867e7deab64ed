"""How often callers may ask: by token, by address, over all web processes."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import redis
from flask import Flask
from sqlalchemy.orm import Session

from catalog.accounts import create_token, create_user
from catalog.settings import load_settings
from ingest.client import ApiClient
from tests.web.conftest import PASSWORD, bearer


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
