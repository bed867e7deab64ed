"""The outbox of webhooks: what has happened, how often it was tried to tell, and when to try again.

Written by `catalog.jobs` in the transaction that ends a job, emptied by `workers.webhooks`.
Nothing here commits.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, true, tuple_, update
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload

from catalog.errors import ConflictError, NotFoundError
from catalog.tables import Catalog, DeliveryState, Job, JobKind, Webhook, WebhookDelivery
from catalog.webhooks import disable_webhook, event_of, failing_for_s

TEST_EVENT = "webhook.test"
PAUSES_S = (30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800)
"""After each attempt that failed: about a day in all."""
ATTEMPTS = len(PAUSES_S) + 1
DISABLED_AFTER = timedelta(days=3)
"""A webhook that could be told nothing for so long, with an event given up, is told no more."""
KEPT_FOR = timedelta(days=30)
_LAST_PAUSE_S = 600
_LONGEST_WAIT_S = 86_400
_COUNTED = ("done", "total")


@dataclass(frozen=True)
class Outgoing:
    """One event to send now."""

    id: uuid.UUID
    webhook_id: uuid.UUID
    url: str
    secret_hash: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt: delivered when `error` is None."""

    status: int | None = None
    error: str | None = None
    retry_after_s: float | None = None


def note_job_ended(session: Session, job: Job) -> None:
    """Write an event for each webhook that wants to know how this job ended."""
    event = event_of(job.state)
    # Locked, so that none is deleted before the events are committed.
    listening = session.scalars(
        select(Webhook.id)
        .where(Webhook.active, Webhook.events.contains([event]))
        .with_for_update(read=True, key_share=True)
    ).all()
    if listening:
        payload = _describe(session, job, event)
        session.add_all(_delivery(each, event, payload, job.id) for each in listening)
        session.flush()


def add_test_event(session: Session, webhook: Webhook) -> WebhookDelivery:
    """An event by which a receiver can be tried; raises ConflictError for a disabled webhook."""
    _require_active(webhook)
    payload: dict[str, Any] = {"type": TEST_EVENT, "timestamp": _iso(datetime.now(UTC)), "data": {}}
    delivery = _delivery(webhook.id, TEST_EVENT, payload)
    session.add(delivery)
    session.flush()
    return delivery


def redeliver(session: Session, delivery_id: uuid.UUID) -> WebhookDelivery:
    """Send an event once more, with attempts as if it were new, under the id that it had.

    Raises NotFoundError, ConflictError while it is on its way or its webhook is disabled.
    """
    delivery = session.scalar(
        select(WebhookDelivery)
        .where(WebhookDelivery.id == delivery_id)
        .options(joinedload(WebhookDelivery.webhook))
    )
    if delivery is None:
        raise NotFoundError("delivery", delivery_id)
    _require_active(delivery.webhook)
    if delivery.state is DeliveryState.PENDING and delivery.attempts == 0:
        raise ConflictError("This event is on its way already.")
    delivery.state, delivery.attempts = DeliveryState.PENDING, 0
    session.flush()
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id == delivery_id)
        .values(next_attempt_at=func.now())
    )
    return delivery


def claim_due(session: Session, limit: int) -> list[Outgoing]:
    """Events to send now; each is due again after a pause, should the sender die on it."""
    rows = session.scalars(
        select(WebhookDelivery)
        .join(WebhookDelivery.webhook)
        .where(
            WebhookDelivery.state == DeliveryState.PENDING,
            WebhookDelivery.next_attempt_at <= func.now(),
        )
        .order_by(WebhookDelivery.next_attempt_at)
        .limit(limit)
        .options(contains_eager(WebhookDelivery.webhook))
        .with_for_update(of=WebhookDelivery, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    return [_claim(row) for row in rows if not _is_used_up(row)]


def record_outcome(session: Session, delivery_id: uuid.UUID, outcome: Outcome) -> None:
    """Note what became of an attempt, and when the next one is due, if any."""
    # First the webhook, as who deletes or disables it does: the two can't deadlock.
    theirs = select(WebhookDelivery.webhook_id).where(WebhookDelivery.id == delivery_id)
    held = select(Webhook.id).where(Webhook.id == theirs.scalar_subquery())
    session.execute(held.with_for_update(key_share=True))
    delivery = session.get(WebhookDelivery, delivery_id, with_for_update={"of": WebhookDelivery})
    if delivery is None or delivery.state is not DeliveryState.PENDING:
        return  # its webhook is gone or disabled by now
    delivery.last_status, delivery.last_error = outcome.status, outcome.error
    now = datetime.now(UTC)
    if outcome.error is None:
        _end(delivery, DeliveryState.DELIVERED)
        delivery.delivered_at = now
        delivery.webhook.failing_since = None
    else:
        delivery.webhook.failing_since = delivery.webhook.failing_since or now
        _put_off(session, delivery, outcome, now)
    session.flush()


def list_deliveries(
    session: Session,
    webhook_id: uuid.UUID,
    limit: int = 50,
    after: tuple[datetime, uuid.UUID] | None = None,
) -> Sequence[WebhookDelivery]:
    """The newest events of one webhook first, those behind the one made then with this id."""
    place = WebhookDelivery.created_at, WebhookDelivery.id
    query = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    if after is not None:
        query = query.where(tuple_(*place) < after)
    return session.scalars(query.order_by(*(each.desc() for each in place)).limit(limit)).all()


def latest_deliveries(session: Session, each: int = 5) -> dict[uuid.UUID, list[WebhookDelivery]]:
    """The newest events of every webhook, by webhook, the newest first.

    Few rows of each are read by index, however many a month has left.
    """
    newest = (
        select(WebhookDelivery)
        .where(WebhookDelivery.webhook_id == Webhook.id)
        .order_by(WebhookDelivery.created_at.desc(), WebhookDelivery.id)
        .limit(each)
        .lateral()
    )
    delivery = aliased(WebhookDelivery, newest)
    rows = session.scalars(
        select(delivery)
        .select_from(Webhook)
        .join(newest, true())
        .order_by(delivery.created_at.desc(), delivery.id)
    )
    latest: dict[uuid.UUID, list[WebhookDelivery]] = {}
    for row in rows:
        latest.setdefault(row.webhook_id, []).append(row)
    return latest


def forget_deliveries(session: Session) -> int:
    """Remove events of long ago; returns how many."""
    old = WebhookDelivery.created_at < func.now() - KEPT_FOR
    gone = session.scalars(delete(WebhookDelivery).where(old).returning(WebhookDelivery.id)).all()
    return len(gone)


def _describe(session: Session, job: Job, event: str) -> dict[str, Any]:
    """The event's body. Of the result only numbers: words may be anybody's."""
    session.refresh(job, ["created_at", "finished_at"])
    name = select(Catalog.name).where(Catalog.id == job.catalog_id)
    data = {
        "job": str(job.id),
        "kind": job.kind.value,
        "state": job.state.value,
        "catalog": session.scalar(name) if job.catalog_id else None,
        **{name: getattr(job, name) for name in _COUNTED},
        "counts": dict(_counts_of(job)),
        "created_at": _iso(job.created_at),
        "finished_at": _iso(job.finished_at),
    }
    return {"type": event, "timestamp": data["finished_at"], "data": data}


def _delivery(
    webhook_id: uuid.UUID, event: str, payload: dict[str, Any], job_id: uuid.UUID | None = None
) -> WebhookDelivery:
    return WebhookDelivery(webhook_id=webhook_id, event=event, payload=payload, job_id=job_id)


def _require_active(webhook: Webhook) -> None:
    if not webhook.active:
        raise ConflictError("This webhook is disabled: enable it first.")


def _is_used_up(delivery: WebhookDelivery) -> bool:
    """Give up what has taken its sender down at each attempt."""
    if delivery.attempts < ATTEMPTS:
        return False
    delivery.last_error = delivery.last_error or "The sender was stopped each time."
    _end(delivery, DeliveryState.FAILED)
    return True


def _claim(delivery: WebhookDelivery) -> Outgoing:
    delivery.attempts += 1
    delivery.next_attempt_at = datetime.now(UTC) + _pause_after(delivery.attempts)
    webhook = delivery.webhook
    return Outgoing(delivery.id, webhook.id, webhook.url, webhook.secret_hash, delivery.payload)


def _pause_after(attempts: int) -> timedelta:
    pauses = (*PAUSES_S, _LAST_PAUSE_S)
    return timedelta(seconds=pauses[attempts - 1])


def _put_off(session: Session, delivery: WebhookDelivery, outcome: Outcome, now: datetime) -> None:
    if outcome.status == 410:
        _end(delivery, DeliveryState.FAILED)
        disable_webhook(session, delivery.webhook_id, "It answered 410 Gone.")
    elif delivery.attempts >= ATTEMPTS:
        _end(delivery, DeliveryState.FAILED)
        if failing_for_s(delivery.webhook, now) > DISABLED_AFTER.total_seconds():
            reason = f"Nothing could be delivered for {DISABLED_AFTER.days} days."
            disable_webhook(session, delivery.webhook_id, reason)
    else:
        wait_s = min(outcome.retry_after_s or 0, _LONGEST_WAIT_S)
        pause = max(_pause_after(delivery.attempts), timedelta(seconds=wait_s))
        delivery.next_attempt_at = now + pause


def _end(delivery: WebhookDelivery, state: DeliveryState) -> None:
    delivery.state, delivery.next_attempt_at = state, None


def _counts_of(job: Job) -> Iterator[tuple[str, int | float]]:
    """Numbers of the result, and of an audit those of each part as `part.name`."""
    for name, value in job.result.items():
        if _is_number(value):
            yield name, value
        elif job.kind is JobKind.AUDIT and isinstance(value, dict):
            yield from ((f"{name}.{key}", part) for key, part in value.items() if _is_number(part))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None
