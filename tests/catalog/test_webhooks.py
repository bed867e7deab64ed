"""Webhooks and their outbox: what is written when, tried how often, and given up when."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session, sessionmaker

from catalog import deliveries
from catalog.deliveries import (
    ATTEMPTS,
    PAUSES_S,
    Outcome,
    add_test_event,
    claim_due,
    forget_deliveries,
    latest_deliveries,
    note_job_ended,
    record_outcome,
    redeliver,
)
from catalog.errors import ConfigError, ConflictError, InputError, NotFoundError
from catalog.jobs import finish_job, start_job
from catalog.tables import DeliveryState, Job, JobKind, JobState, Webhook, WebhookDelivery
from catalog.webhooks import (
    MAX_WEBHOOKS,
    create_webhook,
    delete_webhook,
    describe_state,
    disable_webhook,
    enable_webhook,
    get_webhook,
    secret_of,
)

KEY = "a secret key"
URL = "https://shop.example/hook"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def make(session: Session, url: str = URL, **options: Any) -> Webhook:
    return create_webhook(session, KEY, url, **options)[0]


def end_job(session: Session, state: JobState = JobState.DONE, **options: Any) -> Job:
    job = start_job(session, JobKind.INGEST, "shop", total=3)
    return finish_job(session, job.id, state, **options)


def events(session: Session) -> list[WebhookDelivery]:
    return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.created_at)))


def make_due(session: Session) -> None:
    session.execute(update(WebhookDelivery).values(next_attempt_at=LONG_AGO))
    session.expire_all()


def try_once(session: Session, outcome: Outcome) -> None:
    make_due(session)
    for outgoing in claim_due(session, 10):
        record_outcome(session, outgoing.id, outcome)


def test_the_secret_is_given_once_and_found_again_only_with_the_key(session: Session) -> None:
    webhook, secret = create_webhook(session, KEY, URL)
    assert secret.startswith("whsec_")
    stored = [str(value) for value in vars(webhook).values()]
    assert not any(secret in value or secret.removeprefix("whsec_") in value for value in stored)
    assert secret_of(webhook.id, webhook.secret_hash, KEY) == secret
    with pytest.raises(ConfigError, match="SECRET_KEY"):
        secret_of(webhook.id, webhook.secret_hash, "another key")


def test_two_webhooks_have_different_secrets(session: Session) -> None:
    assert create_webhook(session, KEY, URL)[1] != create_webhook(session, KEY, URL)[1]


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/hook",
        "ftp://shop.example",
        "https://",
        "shop.example",
        "https://name:word@shop.example",
        "https://shop.example/#part",
        "https://shop.example/a b",
        "https://shop.example/\0",
        "https://shop.example:99999",
        "https://[::1",
        "https://127.0.0.1/hook",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost",
        "https://db.internal/",
        "https://shop.example/" + 2000 * "a",
    ],
)
def test_addresses_that_nothing_may_be_sent_to_are_refused(session: Session, url: str) -> None:
    with pytest.raises(InputError):
        make(session, url)


def test_private_addresses_and_http_are_taken_where_the_setting_allows_them(
    session: Session,
) -> None:
    assert make(session, "http://127.0.0.1:9/hook", allow_private=True).active
    with pytest.raises(InputError):
        make(session, "file:///etc/passwd", allow_private=True)


@pytest.mark.parametrize("words", [{"events": ["job.eaten"]}, {"description": "two\nlines"}])
def test_unknown_events_and_odd_descriptions_are_refused(
    session: Session, words: dict[str, Any]
) -> None:
    with pytest.raises(InputError):
        make(session, **words)


def test_there_is_a_most_of_them(session: Session) -> None:
    for _ in range(MAX_WEBHOOKS):
        make(session)
    with pytest.raises(ConflictError):
        make(session)


@pytest.mark.parametrize("state", [JobState.DONE, JobState.FAILED, JobState.CANCELLED])
def test_the_end_of_a_job_is_told_to_who_asked_for_it(session: Session, state: JobState) -> None:
    wanting = make(session, events=[f"job.{state.value}"])
    make(session, events=["job.done" if state is not JobState.DONE else "job.failed"])
    disabled = make(session)
    disable_webhook(session, disabled.id)
    end_job(session, state)
    assert [(event.webhook_id, event.event) for event in events(session)] == [
        (wanting.id, f"job.{state.value}")
    ]


def test_an_event_has_the_job_and_its_counts_but_nobodys_words(session: Session) -> None:
    make(session)
    result = {"created": 2, "share": 0.5, "note": "call Anna on 555", "on": True, "list": [1]}
    job = end_job(session, result=result, error="Anna's photo")
    (event,) = events(session)
    data = event.payload["data"]
    assert event.payload["type"] == "job.done"
    assert data["job"] == str(job.id)
    assert (data["kind"], data["catalog"], data["total"]) == ("ingest", "shop", 3)
    assert data["counts"] == {"created": 2, "share": 0.5}
    assert datetime.fromisoformat(event.payload["timestamp"]) == job.finished_at
    assert "Anna" not in str(event.payload)


def test_an_event_of_an_audit_has_the_counts_of_its_parts(session: Session) -> None:
    make(session)
    parts = {"coverage": {"few": 3, "none": 1}, "duplicates": {"groups": 2, "cut_off": False}}
    job = start_job(session, JobKind.AUDIT)
    finish_job(session, job.id, JobState.DONE, parts)
    (event,) = events(session)
    assert event.payload["data"]["counts"] == {
        "coverage.few": 3,
        "coverage.none": 1,
        "duplicates.groups": 2,
    }


def test_an_event_is_written_with_the_end_of_its_job_or_not_at_all(
    sessions: "sessionmaker[Session]",
) -> None:
    with sessions() as session:
        make(session)
        session.commit()
        end_job(session)
        session.rollback()
        assert events(session) == []
        end_job(session)
        session.commit()
    with sessions() as session:
        assert len(events(session)) == 1


def test_closing_a_job_twice_tells_once(session: Session) -> None:
    make(session)
    job = end_job(session)
    finish_job(session, job.id, JobState.DONE)
    assert len(events(session)) == 1


def test_what_is_delivered_is_not_sent_again(session: Session) -> None:
    webhook = make(session)
    end_job(session)
    try_once(session, Outcome(status=204))
    (event,) = events(session)
    assert (event.state, event.last_status, event.attempts) == (DeliveryState.DELIVERED, 204, 1)
    assert event.delivered_at is not None
    make_due(session)
    assert claim_due(session, 10) == []
    assert describe_state(webhook) == "active"


def test_two_senders_never_have_the_same_event(sessions: "sessionmaker[Session]") -> None:
    with sessions.begin() as session:
        make(session)
        end_job(session)
    with sessions() as one, sessions() as other:
        assert len(claim_due(one, 10)) == 1
        assert claim_due(other, 10) == []
        one.commit()
        assert claim_due(other, 10) == []


def test_failures_are_tried_again_with_growing_pauses_over_about_a_day(session: Session) -> None:
    webhook = make(session)
    end_job(session)
    pauses = []
    for _ in range(ATTEMPTS):
        before = datetime.now(UTC)
        try_once(session, Outcome(500, "It answered 500."))
        (event,) = events(session)
        if event.next_attempt_at:
            pauses.append(round((event.next_attempt_at - before).total_seconds(), -1))
    assert pauses == [pytest.approx(pause, abs=10) for pause in PAUSES_S]
    assert timedelta(hours=20) < timedelta(seconds=sum(PAUSES_S)) < timedelta(hours=28)
    assert (event.state, event.attempts) == (DeliveryState.FAILED, ATTEMPTS)
    assert event.last_error == "It answered 500."
    assert describe_state(webhook) == "failing"
    assert webhook.active


def test_a_receiver_that_asks_to_wait_longer_is_left_alone_for_so_long(session: Session) -> None:
    make(session)
    end_job(session)
    try_once(session, Outcome(429, "later", retry_after_s=7200))
    (event,) = events(session)
    assert event.next_attempt_at is not None
    assert event.next_attempt_at > datetime.now(UTC) + timedelta(hours=1)


def test_a_success_ends_a_row_of_failures(session: Session) -> None:
    webhook = make(session)
    end_job(session)
    try_once(session, Outcome(error="no answer"))
    assert webhook.failing_since is not None
    try_once(session, Outcome(200))
    assert webhook.failing_since is None


def test_a_webhook_that_fails_for_days_is_disabled_and_can_be_enabled(session: Session) -> None:
    webhook = make(session)
    end_job(session)
    webhook.failing_since = datetime.now(UTC) - deliveries.DISABLED_AFTER - timedelta(hours=1)
    events(session)[0].attempts = ATTEMPTS - 1
    session.flush()
    try_once(session, Outcome(error="no answer"))
    session.refresh(webhook)
    assert not webhook.active
    assert "3 days" in (webhook.disabled_reason or "")
    end_job(session)
    assert len(events(session)) == 1
    enable_webhook(session, webhook.id)
    assert (webhook.active, webhook.failing_since, webhook.disabled_reason) == (True, None, None)


def test_who_says_that_it_is_gone_is_told_no_more(session: Session) -> None:
    webhook = make(session)
    end_job(session)
    end_job(session)
    make_due(session)
    first, second = claim_due(session, 10)
    record_outcome(session, first.id, Outcome(410, "It answered 410 Gone."))
    record_outcome(session, second.id, Outcome(200))
    session.expire_all()
    assert not get_webhook(session, webhook.id).active
    assert {event.state for event in events(session)} == {DeliveryState.FAILED}


def test_an_event_whose_sender_dies_each_time_is_given_up(session: Session) -> None:
    make(session)
    end_job(session)
    for _ in range(ATTEMPTS):
        make_due(session)
        assert len(claim_due(session, 10)) == 1
    make_due(session)
    assert claim_due(session, 10) == []
    assert events(session)[0].state is DeliveryState.FAILED


def test_an_event_can_be_sent_again_under_its_own_id(session: Session) -> None:
    make(session)
    end_job(session)
    with pytest.raises(ConflictError):
        redeliver(session, events(session)[0].id)
    try_once(session, Outcome(200))
    before = events(session)[0].id
    redeliver(session, before)
    assert [outgoing.id for outgoing in claim_due(session, 10)] == [before]
    with pytest.raises(NotFoundError):
        redeliver(session, uuid.uuid4())


def test_a_disabled_webhook_is_neither_tested_nor_told_again(session: Session) -> None:
    webhook = make(session)
    event = add_test_event(session, webhook)
    assert event.payload["data"] == {}
    disable_webhook(session, webhook.id)
    session.expire_all()
    assert events(session)[0].state is DeliveryState.FAILED
    for act in (lambda: add_test_event(session, webhook), lambda: redeliver(session, event.id)):
        with pytest.raises(ConflictError, match="disabled"):
            act()


def test_a_deleted_webhook_takes_its_events_with_it(session: Session) -> None:
    webhook = make(session)
    end_job(session)
    make_due(session)
    (outgoing,) = claim_due(session, 10)
    delete_webhook(session, webhook.id)
    session.expire_all()
    assert events(session) == []
    record_outcome(session, outgoing.id, Outcome(200))


def test_who_deletes_a_webhook_and_who_notes_an_outcome_wait_for_each_other(
    sessions: "sessionmaker[Session]",
) -> None:
    with sessions.begin() as session:
        webhook_id = make(session).id
        end_job(session)
        make_due(session)
        (outgoing,) = claim_due(session, 10)

    def note() -> None:
        with sessions.begin() as session:
            record_outcome(session, outgoing.id, Outcome(500, "It answered 500."))

    waiting = text(
        "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    )
    with ThreadPoolExecutor(1) as thread, sessions.begin() as session:
        session.execute(select(Webhook).where(Webhook.id == webhook_id).with_for_update())
        noting = thread.submit(note)
        while not session.scalar(waiting):
            assert not noting.done()
        delete_webhook(session, webhook_id)
        session.commit()
        noting.result()
    with sessions() as session:
        assert events(session) == []


def test_the_newest_events_of_each_webhook_are_listed_together(session: Session) -> None:
    one, other = make(session, events=["job.done"]), make(session)
    for number in range(4):
        job = end_job(session)
        session.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.job_id == job.id)
            .values(created_at=LONG_AGO + timedelta(days=number))
        )
    latest = latest_deliveries(session, each=3)
    assert {len(latest[one.id]), len(latest[other.id])} == {3}
    days = [event.created_at for event in latest[one.id]]
    assert days == sorted(days, reverse=True)


def test_events_of_long_ago_are_forgotten(session: Session) -> None:
    make(session)
    end_job(session)
    assert forget_deliveries(session) == 0
    session.execute(update(WebhookDelivery).values(created_at=LONG_AGO))
    assert forget_deliveries(session) == 1


def test_without_webhooks_nothing_is_written(session: Session) -> None:
    note_job_ended(session, end_job(session))
    assert events(session) == []
