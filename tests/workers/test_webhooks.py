"""Sending events to receivers that speak real HTTP, and to those that must not be reached."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select, update
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from catalog.deliveries import Outgoing, claim_due
from catalog.jobs import finish_job, start_job
from catalog.tables import DeliveryState, JobKind, JobState, WebhookDelivery
from catalog.webhooks import create_webhook
from lookalike_client.webhooks import SignatureError, read_event
from workers.posting import Poster
from workers.resources import Resources
from workers.sweeping import tidy
from workers.webhooks import AT_ONCE, _send_all, send_webhooks

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PUBLIC = "93.184.215.14"


@dataclass
class Receiver:
    """A shop's server: remembers what it was sent, answers as it is told."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    waits: threading.Event | None = None


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append((headers, body))
            if receiver.waits:
                receiver.waits.wait(30)
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    receiver.url = f"http://localhost:{http.server_port}/hook"
    yield receiver
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def signing(resources: Resources) -> Resources:
    """Resources of an installation in which receivers may be on the same machine."""
    settings = resources.settings.model_copy(update={"webhook_private_addresses": True})
    return replace(resources, services=replace(resources.services, settings=settings))


def listen(resources: Resources, url: str) -> str:
    """A webhook at `url`; its secret."""
    key = resources.settings.secret_key.get_secret_value()
    with resources.services.sessions.begin() as session:
        return create_webhook(session, key, url, allow_private=True)[1]


def end_job(resources: Resources, state: JobState = JobState.DONE) -> None:
    with resources.services.sessions.begin() as session:
        job = start_job(session, JobKind.INGEST, "shöp")
        finish_job(session, job.id, state, {"created": 2})


def delivery(resources: Resources) -> WebhookDelivery:
    with resources.services.sessions() as session:
        return session.scalars(select(WebhookDelivery)).one()


def test_an_event_arrives_signed_as_standard_webhooks_says(
    signing: Resources, receiver: Receiver
) -> None:
    secret = listen(signing, receiver.url)
    end_job(signing)
    assert send_webhooks(signing) is False
    ((headers, body),) = receiver.received
    assert Verifier(secret).verify(body, headers)["data"]["catalog"] == "shöp"
    assert headers["host"] == receiver.url.split("/")[2]
    assert headers["content-type"] == "application/json"
    event = read_event(body, headers, secret)
    assert (event.type, event.data.counts) == ("job.done", {"created": 2})
    assert delivery(signing).state is DeliveryState.DELIVERED
    assert event.id == f"msg_{delivery(signing).id.hex}"


def test_a_forged_event_is_not_read(signing: Resources, receiver: Receiver) -> None:
    secret = listen(signing, receiver.url)
    end_job(signing)
    send_webhooks(signing)
    ((headers, body),) = receiver.received
    with pytest.raises(WebhookVerificationError):
        Verifier(secret).verify(body.replace(b"ingest", b"detour"), headers)
    for forged in (
        (body.replace(b"ingest", b"detour"), headers),
        (body, headers | {"webhook-timestamp": "1"}),
        (body, headers | {"webhook-id": "msg_0"}),
        (body, {}),
        (b"\xff", headers),
    ):
        with pytest.raises(SignatureError):
            read_event(*forged, secret)


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (500, {}, "500"),
        (307, {"Location": "http://localhost:1/elsewhere"}, "redirect"),
        (429, {"Retry-After": "7200"}, "429"),
    ],
)
def test_a_receiver_that_refuses_is_tried_again_later(
    signing: Resources, receiver: Receiver, status: int, headers: dict[str, str], words: str
) -> None:
    listen(signing, receiver.url)
    end_job(signing)
    receiver.status, receiver.headers = status, headers
    send_webhooks(signing)
    send_webhooks(signing)
    assert len(receiver.received) == 1
    waiting = delivery(signing)
    assert waiting.state is DeliveryState.PENDING
    assert words in (waiting.last_error or "")
    with signing.services.sessions.begin() as session:
        session.execute(update(WebhookDelivery).values(next_attempt_at=LONG_AGO))
    receiver.status, receiver.headers = 200, {}
    send_webhooks(signing)
    assert delivery(signing).state is DeliveryState.DELIVERED
    ids = {headers["webhook-id"] for headers, _ in receiver.received}
    assert len(ids) == 1


def test_nobody_is_there_and_the_event_waits(signing: Resources) -> None:
    listen(signing, "http://127.0.0.1:1/hook")
    end_job(signing)
    send_webhooks(signing)
    assert "Connect" in (delivery(signing).last_error or "")


def test_a_receiver_that_does_not_answer_is_not_waited_for(
    signing: Resources, receiver: Receiver
) -> None:
    outgoing = claim(signing, receiver.url)
    receiver.waits = threading.Event()
    try:
        outcomes = _send_all([outgoing], signing.settings, Poster(True), limit_s=0.2)
    finally:
        receiver.waits.set()
    (outcome,) = outcomes.values()
    assert "no answer" in (outcome.error or "")


def claim(resources: Resources, url: str) -> Outgoing:
    """An event that is ready to be sent to `url`."""
    listen(resources, url)
    end_job(resources)
    with resources.services.sessions.begin() as session:
        return claim_due(session, 1)[0]


def test_after_another_secret_key_nothing_is_signed_and_the_reason_is_told(
    signing: Resources, receiver: Receiver
) -> None:
    listen(signing, receiver.url)
    end_job(signing)
    settings = signing.settings.model_copy(update={"secret_key": SecretStr("another")})
    other = replace(signing, services=replace(signing.services, settings=settings))
    send_webhooks(other)
    assert receiver.received == []
    assert "SECRET_KEY" in (delivery(signing).last_error or "")


def test_many_events_are_sent_in_rounds(signing: Resources, receiver: Receiver) -> None:
    listen(signing, receiver.url)
    for _ in range(AT_ONCE + 1):
        end_job(signing)
    assert send_webhooks(signing) is True
    assert len(receiver.received) == AT_ONCE
    assert send_webhooks(signing) is False
    assert len(receiver.received) == AT_ONCE + 1


def test_private_addresses_are_not_connected_to(resources: Resources, receiver: Receiver) -> None:
    listen(resources, receiver.url.replace("http:", "https:"))
    end_job(resources)
    send_webhooks(resources)
    assert receiver.received == []
    assert "private address" in (delivery(resources).last_error or "")


@pytest.mark.parametrize(
    ("url", "addresses", "why"),
    [
        ("https://shop.example", ["10.0.0.1"], "private"),
        ("https://shop.example", [PUBLIC, "127.0.0.1"], "private"),
        ("https://shop.example", ["169.254.169.254"], "private"),
        ("https://shop.example", ["::ffff:192.168.0.1"], "private"),
        ("https://shop.example", ["fe80::1%eth0"], "private"),
        ("http://shop.example", [PUBLIC], "https"),
        ("https://shop.example", [], "no address"),
    ],
)
def test_a_name_that_leads_inside_is_refused(url: str, addresses: list[str], why: str) -> None:
    def never(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"connected to {request.url}")

    poster = Poster(False, lambda host, port: addresses, httpx.MockTransport(never))
    outcome = poster.post(url, b"{}", {})
    poster.close()
    assert why in (outcome.error or "")


def test_the_connection_goes_to_the_address_that_was_judged() -> None:
    """A name that changes its mind between the look-up and the connection gains nothing."""
    seen: list[httpx.Request] = []
    asked: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    poster = Poster(False, resolve, httpx.MockTransport(answer))
    assert poster.post("https://shop.example:8443/hook?a=1", b"{}", {}).error is None
    poster.close()
    (request,) = seen
    assert asked == [("shop.example", 8443)]
    assert str(request.url) == f"https://{PUBLIC}:8443/hook?a=1"
    assert request.headers["Host"] == "shop.example:8443"
    assert request.extensions["sni_hostname"] == "shop.example"


def test_ipv6_receivers_are_reached_too() -> None:
    seen: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(200)

    address = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
    poster = Poster(False, lambda host, port: [address], httpx.MockTransport(answer))
    assert poster.post("https://shop.example/", b"{}", {}).error is None
    poster.close()
    assert seen[0].host == address


def test_tidying_forgets_events_of_long_ago(signing: Resources, receiver: Receiver) -> None:
    listen(signing, receiver.url)
    end_job(signing)
    with signing.services.sessions.begin() as session:
        session.execute(update(WebhookDelivery).values(created_at=LONG_AGO))
    tidy(signing)
    with signing.services.sessions() as session:
        assert session.scalars(select(WebhookDelivery)).all() == []


def test_the_client_reads_a_test_event() -> None:
    secret, now = "whsec_" + "c2VjcmV0" * 4, datetime.now(UTC)
    body = json.dumps({"type": "webhook.test", "timestamp": now.isoformat(), "data": {}})
    headers = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": Verifier(secret).sign("msg_1", now, body),
    }
    event = read_event(body.encode(), headers, secret)
    assert (event.id, event.type, event.data.job) == ("msg_1", "webhook.test", None)
