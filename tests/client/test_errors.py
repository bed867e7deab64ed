"""How the client fails and retries, against servers that misbehave as told."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
import stamina

from lookalike_client import (
    NO_RETRIES,
    Client,
    ConflictError,
    InputError,
    LookalikeClientError,
    NotAServerError,
    NotFoundError,
    RefusedError,
    Retries,
    ServerFaultError,
    TokenError,
    UnavailableError,
)
from lookalike_client.connection import _retry_after_s

Answers = list[httpx.Response | Exception]
CATALOG = {"name": "shop", "items": 1}


def client_of(answers: Answers, seen: list[httpx.Request], **options: Any) -> Client:
    """A client of a server that gives these answers in turn, then works."""

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = answers.pop(0) if answers else httpx.Response(200, json={"items": [CATALOG]})
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Client("http://shop.test/", "lk", transport=httpx.MockTransport(handle), **options)


def problem(status: int, **members: Any) -> httpx.Response:
    body = {"type": "about:blank", "title": "Title", "status": status, "detail": "Detail."}
    return httpx.Response(status, json=body | members)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((400, InputError), (413, InputError), (422, InputError)),
        *((401, TokenError), (403, TokenError), (404, NotFoundError), (409, ConflictError)),
        *((500, ServerFaultError), (405, RefusedError)),
    ],
)
def test_a_refusal_is_an_error_by_what_can_be_done_about_it(
    status: int, kind: type[RefusedError]
) -> None:
    seen: list[httpx.Request] = []
    refusal = problem(status, errors={"json": {}})
    with client_of([refusal], seen) as client, pytest.raises(kind) as caught:
        client.catalogs()
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.title, error.detail) == (status, "Title", "Detail.")
    assert error.problem["errors"] == {"json": {}}
    assert error.permanent
    assert len(seen) == 1


def test_a_refused_photo_has_its_reason() -> None:
    refusal = problem(422, reason="animated")
    with client_of([refusal], []) as client, pytest.raises(InputError) as caught:
        client.put_photo("ab", b"GIF")
    assert caught.value.reason == "animated"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_that_can_not_answer_now_is_asked_again(status: int) -> None:
    seen: list[httpx.Request] = []
    with client_of([problem(status), httpx.ReadTimeout("slow")], seen) as client:
        assert [one.name for one in client.catalogs()] == ["shop"]
    assert len(seen) == 3


def test_who_stays_away_is_given_up() -> None:
    down: Answers = [problem(503) for _ in range(9)]
    with client_of(down, []) as client, pytest.raises(UnavailableError) as caught:
        client.catalogs()
    assert (caught.value.status, caught.value.permanent) == (503, False)


def test_nothing_is_repeated_when_nothing_shall_be() -> None:
    seen: list[httpx.Request] = []
    stamina.set_testing(False)
    client = client_of([problem(503)], seen, retries=NO_RETRIES)
    with client, pytest.raises(UnavailableError):
        client.catalogs()
    assert len(seen) == 1


WRITES: list[Callable[[Client], Any]] = [
    lambda client: client.roll_back(),
    lambda client: client.activate(),
    lambda client: client.start_reindex("vectors"),
    lambda client: client.cancel_job("1"),
    lambda client: client.create_webhook("https://shop.example"),
    lambda client: client.test_webhook("1"),
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("lost", [httpx.ReadTimeout("slow"), problem(503), problem(504)])
def test_what_must_not_happen_twice_is_not_repeated_after_an_answer_was_lost(
    write: Callable[[Client], Any], lost: httpx.Response | Exception
) -> None:
    seen: list[httpx.Request] = []
    with client_of([lost], seen) as client, pytest.raises(UnavailableError) as caught:
        write(client)
    assert caught.value.maybe_done
    assert len(seen) == 1


@pytest.mark.parametrize("unsent", [httpx.ConnectError("refused"), problem(429)])
def test_it_is_repeated_with_the_same_key_where_nothing_can_have_happened(
    unsent: httpx.Response | Exception,
) -> None:
    seen: list[httpx.Request] = []
    with client_of([unsent, problem(409)], seen) as client, pytest.raises(ConflictError):
        client.roll_back()
    keys = [request.headers["Idempotency-Key"] for request in seen]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_retry_after_is_a_number_or_a_moment_and_has_a_most() -> None:
    stamina.set_testing(False)
    waits = Retries(attempts=3, max_wait_s=0.01)
    busy = [httpx.Response(429, headers={"Retry-After": "3600"}) for _ in range(2)]
    with client_of([*busy], [], retries=waits) as client:
        assert client.catalogs()
    moment = datetime.now(UTC) + timedelta(seconds=60)
    given = {"Retry-After": format_datetime(moment, usegmt=True)}
    waited = _retry_after_s(httpx.Response(503, headers=given))
    assert waited == pytest.approx(60, abs=5)
    for odd in ("soon", "", "-1"):
        assert _retry_after_s(httpx.Response(503, headers={"Retry-After": odd})) is None


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>Welcome"),
        httpx.Response(200, json={"items": [{"sku": 1}]}),
    ],
)
def test_something_else_at_the_address_is_noticed(answer: httpx.Response) -> None:
    with client_of([answer], []) as client, pytest.raises(NotAServerError):
        client.catalogs()


@pytest.mark.parametrize("url", ["shop.example", "ftp://shop.example", "http://[::1"])
def test_an_unusable_address_is_an_error_of_ours(url: str) -> None:
    with pytest.raises(LookalikeClientError):
        Client(url, "lk", retries=NO_RETRIES).catalogs()


def test_an_ingest_that_is_started_again_is_the_same_one() -> None:
    seen: list[httpx.Request] = []
    lost: Answers = [httpx.ReadTimeout("slow"), problem(503), problem(409)]
    with client_of(lost, seen) as client, pytest.raises(ConflictError):
        client.start_ingest("shop")
    assert len({request.headers["Idempotency-Key"] for request in seen}) == 1
    assert len(seen) == 3
