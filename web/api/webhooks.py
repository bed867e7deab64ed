"""Webhooks by program: made, listed, tried and deleted; what they were told lately."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from catalog import deliveries, webhooks
from catalog.queue import enqueue_webhooks
from catalog.tables import DeliveryState, Webhook, WebhookDelivery
from web.api.blueprint import blueprint, requires
from web.api.paging import link_next, make_moment_cursor, read_moment_cursor
from web.api.schemas import Cursor, In, Out
from web.services import services, session

Event = Literal["job.done", "job.failed", "job.cancelled"]
Url = Annotated[str, StringConstraints(min_length=1, max_length=webhooks.LONGEST_URL)]
Description = Annotated[str, StringConstraints(max_length=webhooks.LONGEST_DESCRIPTION)]

_WEBHOOK = ("id", "url", "description", "events", "active", "disabled_reason", "created_at")
_DELIVERY = (
    *("id", "event", "state", "attempts", "next_attempt_at"),
    *("last_status", "last_error", "created_at"),
)


class WebhookIn(In):
    url: Url
    events: list[Event] = Field(default=[], max_length=10)
    """All of them when none is named."""
    description: Description = ""


class WebhookOut(Out):
    id: UUID
    url: str
    description: str
    events: list[str]
    active: bool
    disabled_reason: str | None
    created_at: datetime


class WebhookCreated(WebhookOut):
    secret: str
    """Signs every event; never shown again."""


class WebhooksOut(Out):
    items: list[WebhookOut]
    next: str | None = None


class DeliveryOut(Out):
    id: UUID
    event: str
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime


class DeliveriesQuery(In):
    cursor: Cursor | None = None
    """`next` of the page before."""
    limit: int = Field(default=50, ge=1, le=200)
    """How many at most."""


class DeliveriesOut(Out):
    items: list[DeliveryOut]
    next: str | None


@blueprint.get("/webhooks")
@requires("admin")
@blueprint.output(WebhooksOut)
def list_webhooks() -> dict[str, Any]:
    """Who is told when jobs end, without the secrets."""
    return {"items": [_webhook_json(row) for row in webhooks.list_webhooks(session())]}


def _secret_again(created: dict[str, Any]) -> str:
    """The secret of a webhook that was created by an earlier request with the same key."""
    webhook = webhooks.get_webhook(session(), UUID(created["id"]))
    key = services().settings.secret_key.get_secret_value()
    return webhooks.secret_of(webhook.id, webhook.secret_hash, key)


@blueprint.post("/webhooks")
@requires("admin", secret_again=_secret_again)
@blueprint.input(WebhookIn)
@blueprint.output(WebhookCreated, status_code=201)
def create_webhook(json_data: WebhookIn) -> dict[str, Any]:
    """Tell an address when jobs end; the answer holds the secret that signs, once."""
    settings, asked = services().settings, json_data
    webhook, secret = webhooks.create_webhook(
        session(),
        settings.secret_key.get_secret_value(),
        asked.url,
        asked.events or webhooks.EVENTS,
        asked.description,
        settings.webhook_private_addresses,
    )
    session().commit()
    return _webhook_json(webhook) | {"secret": secret}


@blueprint.delete("/webhooks/<uuid:webhook_id>")
@requires("admin")
@blueprint.output({}, status_code=204)
def delete_webhook(webhook_id: UUID) -> str:
    """Forget a webhook and everything on its way to it."""
    webhooks.delete_webhook(session(), webhook_id)
    session().commit()
    return ""


@blueprint.post("/webhooks/<uuid:webhook_id>/test")
@requires("admin")
@blueprint.output(DeliveryOut, status_code=202)
def test_webhook(webhook_id: UUID) -> dict[str, Any]:
    """Send it an event `webhook.test`; 409 while it is disabled."""
    webhook = webhooks.get_webhook(session(), webhook_id)
    delivery = deliveries.add_test_event(session(), webhook)
    session().commit()
    enqueue_webhooks(services().queue)
    return _delivery_json(delivery)


@blueprint.get("/webhooks/<uuid:webhook_id>/deliveries")
@requires("admin")
@blueprint.input(DeliveriesQuery, location="query")
@blueprint.output(DeliveriesOut)
def list_deliveries(webhook_id: UUID, query_data: DeliveriesQuery) -> dict[str, Any]:
    """The events that it was sent, or is to be sent, newest first; `next` is the next `cursor`."""
    webhooks.get_webhook(session(), webhook_id)
    after = read_moment_cursor(query_data.cursor) if query_data.cursor else None
    rows = deliveries.list_deliveries(session(), webhook_id, query_data.limit, after)
    more = None
    if len(rows) == query_data.limit:
        more = make_moment_cursor(rows[-1].created_at, rows[-1].id)
    return {"items": [_delivery_json(row) for row in rows], "next": link_next(more)}


def _webhook_json(webhook: Webhook) -> dict[str, Any]:
    return {name: getattr(webhook, name) for name in _WEBHOOK}


def _delivery_json(delivery: WebhookDelivery) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in _DELIVERY}
