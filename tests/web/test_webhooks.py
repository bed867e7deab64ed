"""Webhooks on the admin page and in the API: the secret once, tests, again, disable, delete."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.deliveries import Outcome, claim_due, record_outcome
from catalog.queue import INTERACTIVE, SEND_WEBHOOKS
from catalog.services import Services
from catalog.tables import Webhook, WebhookDelivery
from catalog.webhooks import create_webhook, disable_webhook
from tests.fakes import FakeQueue
from tests.statements import counted_statements

PAGE = "/admin/webhooks/"
URL = "https://shop.example/hook"
FORM = {"url": URL, "description": "order system", "events": ["job.done", "job.failed"]}


def hooks(session: Session) -> list[Webhook]:
    session.rollback()
    return list(session.scalars(select(Webhook)))


def sent(session: Session) -> list[WebhookDelivery]:
    session.rollback()
    return list(session.scalars(select(WebhookDelivery)))


def make(services: Services, session: Session, url: str = URL) -> Webhook:
    key = services.settings.secret_key.get_secret_value()
    webhook, _ = create_webhook(session, key, url)
    session.commit()
    return webhook


def secrets_in(text: str) -> list[str]:
    return re.findall(r"whsec_[A-Za-z0-9+/=]+", text)


def test_what_cannot_be_done_any_more_is_said_on_the_page(
    admin: FlaskClient, services: Services, session: Session
) -> None:
    webhook = make(services, session)
    disable_webhook(session, webhook.id)
    session.commit()
    assert "disabled" in admin.post(f"{PAGE}{webhook.id}/test", follow_redirects=True).text
    admin.post(f"{PAGE}{webhook.id}/delete")
    gone = admin.post(f"{PAGE}{webhook.id}/enable", follow_redirects=True)
    assert (gone.status_code, gone.request.path) == (200, PAGE)
    assert "no webhook" in gone.text


def test_an_empty_page_says_what_to_do(admin: FlaskClient) -> None:
    page = admin.get(PAGE).text
    assert "No webhook yet" in page
    assert 'aria-current="page">Webhooks' in page


def test_the_secret_is_shown_once(admin: FlaskClient, session: Session) -> None:
    created = admin.post(PAGE, data=FORM)
    assert created.status_code == 200
    assert len(secrets_in(created.text)) == 1
    assert secrets_in(admin.get(PAGE).text) == []
    (webhook,) = hooks(session)
    assert (webhook.url, webhook.events) == (URL, ["job.done", "job.failed"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": ""}, "Say where"),
        ({"url": "http://shop.example"}, "https://"),
        ({"url": "https://10.0.0.1"}, "private"),
        ({"events": []}, "Choose at least one"),
    ],
)
def test_a_form_that_can_not_be_taken_says_why_and_keeps_what_was_typed(
    admin: FlaskClient, session: Session, change: dict[str, Any], words: str
) -> None:
    answer = admin.post(PAGE, data=FORM | change)
    assert answer.status_code == 422
    assert words in answer.text
    assert "order system" in answer.text
    assert hooks(session) == []


def test_a_test_event_is_written_and_sent_at_once(
    admin: FlaskClient, session: Session, services: Services, queue: FakeQueue
) -> None:
    webhook = make(services, session)
    assert "A test event" in admin.post(f"{PAGE}{webhook.id}/test", follow_redirects=True).text
    (delivery,) = sent(session)
    assert delivery.event == "webhook.test"
    (task,) = queue.named(SEND_WEBHOOKS)
    assert task.queue == INTERACTIVE
    assert "on its way" in admin.get(PAGE).text


def test_with_the_broker_away_a_test_event_waits(
    admin: FlaskClient, session: Session, services: Services, queue: FakeQueue
) -> None:
    webhook = make(services, session)
    queue.down = True
    assert admin.post(f"{PAGE}{webhook.id}/test").status_code == 302
    assert len(sent(session)) == 1


def test_a_failed_event_shows_why_and_is_sent_again(
    admin: FlaskClient, session: Session, services: Services
) -> None:
    webhook = make(services, session)
    admin.post(f"{PAGE}{webhook.id}/test")
    (outgoing,) = claim_due(session, 1)
    record_outcome(session, outgoing.id, Outcome(500, "It answered 500 <b>No</b>."))
    session.commit()
    page = admin.get(PAGE).text
    assert "It answered 500 &lt;b&gt;No&lt;/b&gt;." in page
    assert "Nothing has arrived since" in page
    assert "Attempt 1 of 10" in page
    again = admin.post(f"{PAGE}deliveries/{outgoing.id}/again", follow_redirects=True)
    assert "sent again" in again.text
    assert [event.attempts for event in sent(session)] == [0]


def test_a_webhook_is_disabled_enabled_and_deleted(
    admin: FlaskClient, session: Session, services: Services
) -> None:
    webhook_id = make(services, session).id
    admin.post(f"{PAGE}{webhook_id}/disable")
    assert not hooks(session)[0].active
    page = admin.get(PAGE).text
    assert "Send a test event" not in page
    assert "disabled" in admin.post(f"{PAGE}{webhook_id}/test", follow_redirects=True).text
    assert sent(session) == []
    admin.post(f"{PAGE}{webhook_id}/enable")
    assert hooks(session)[0].active
    admin.post(f"{PAGE}{webhook_id}/delete")
    assert hooks(session) == []
    again = admin.post(f"{PAGE}{webhook_id}/delete", follow_redirects=True)
    assert "no webhook" in again.text


def test_one_that_was_disabled_by_itself_says_why(
    admin: FlaskClient, session: Session, services: Services
) -> None:
    disable_webhook(session, make(services, session).id, "It answered 410 Gone.")
    session.commit()
    assert "It answered 410 Gone. Mend the receiver" in admin.get(PAGE).text


@pytest.mark.parametrize("path", ["", "{}/test", "{}/disable", "{}/enable", "{}/delete"])
def test_nothing_changes_without_an_admin_or_the_forms_token(
    client: FlaskClient, session: Session, services: Services, path: str
) -> None:
    webhook = make(services, session)
    answer = client.post(PAGE + path.format(webhook.id), data=FORM)
    assert answer.status_code in (302, 400)
    assert client.get(PAGE).status_code == 302
    assert [one.active for one in hooks(session)] == [True]


def test_more_webhooks_and_events_take_no_more_statements(
    admin: FlaskClient, session: Session, services: Services
) -> None:
    counts = []
    for number in range(1, 4):
        webhook = make(services, session, f"{URL}/{number}")
        for _ in range(2 * number):
            admin.post(f"{PAGE}{webhook.id}/test")
        with counted_statements(services.engine) as statements:
            assert admin.get(PAGE).status_code == 200
        counts.append(len(statements))
    assert len(set(counts)) == 1


def test_the_api_makes_tries_and_deletes_webhooks(api: Any, queue: FakeQueue) -> None:
    admin = api("admin")
    created = admin("POST", "/webhooks", json={"url": URL, "events": ["job.failed"]})
    assert created.status_code == 201
    assert len(secrets_in(created.json["secret"])) == 1
    webhook_id = created.json["id"]
    listed = admin("GET", "/webhooks").json["items"]
    assert [(one["url"], one["events"]) for one in listed] == [(URL, ["job.failed"])]
    assert "secret" not in listed[0]
    tried = admin("POST", f"/webhooks/{webhook_id}/test")
    assert (tried.status_code, tried.json["state"]) == (202, "pending")
    assert len(queue.named(SEND_WEBHOOKS)) == 1
    told = admin("GET", f"/webhooks/{webhook_id}/deliveries").json["items"]
    assert [one["id"] for one in told] == [tried.json["id"]]
    assert admin("DELETE", f"/webhooks/{webhook_id}").status_code == 204
    assert admin("DELETE", f"/webhooks/{webhook_id}").status_code == 404
    assert admin("GET", f"/webhooks/{webhook_id}/deliveries").status_code == 404


def test_all_events_are_meant_when_none_is_named(api: Any) -> None:
    created = api("admin")("POST", "/webhooks", json={"url": URL})
    assert created.json["events"] == ["job.done", "job.failed", "job.cancelled"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "http://shop.example"},
        {"url": "https://127.0.0.1"},
        {"url": "https://shop.example/\0"},
        {"url": URL, "description": "\0"},
        {"url": URL, "events": ["job.eaten"]},
        {"url": URL, "secret": "mine"},
    ],
)
def test_the_api_refuses_what_can_not_be_used(api: Any, body: dict[str, Any]) -> None:
    answer = api("admin")("POST", "/webhooks", json=body)
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("scope", ["ingest", None])
def test_the_api_is_for_admins(api: Any, scope: str | None) -> None:
    assert api(scope)("GET", "/webhooks").status_code == (403 if scope else 401)


def test_the_end_of_an_ingest_is_told_at_once(
    api: Any, session: Session, services: Services, queue: FakeQueue
) -> None:
    make(services, session)
    ingest = api("ingest")
    job = ingest("POST", "/jobs", json={"catalog": "shop"}).json["id"]
    ingest("POST", f"/jobs/{job}/finish", json={"result": {"created": 2}})
    (delivery,) = sent(session)
    assert (delivery.event, str(delivery.job_id)) == ("job.done", job)
    assert delivery.payload["data"]["counts"] == {"created": 2, "pruned": 0}
    assert len(queue.named(SEND_WEBHOOKS)) == 1
