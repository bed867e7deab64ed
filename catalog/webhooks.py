"""Webhooks: who is told when a job ends. Made, listed, switched off, deleted by admins.

Called by the admin page and the API; what is sent to them is in `catalog.deliveries`. Nothing
here commits.
"""

import base64
import hashlib
import hmac
import ipaddress
import uuid
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from catalog.addresses import is_public
from catalog.errors import ConfigError, ConflictError, InputError, NotFoundError
from catalog.tables import DeliveryState, JobState, Webhook, WebhookDelivery

EVENTS = ("job.done", "job.failed", "job.cancelled")
MAX_WEBHOOKS = 20
LONGEST_URL = 2000
LONGEST_DESCRIPTION = 200
_DISABLED = "The webhook was disabled before this could be delivered."


def event_of(state: JobState) -> str:
    """The event that tells of a job which has ended in `state`."""
    return f"job.{state.value}"


def create_webhook(
    session: Session,
    key: str,
    url: str,
    events: Sequence[str] = EVENTS,
    description: str = "",
    allow_private: bool = False,
) -> tuple[Webhook, str]:
    """Add a webhook; gives back its secret too, which nobody can read again.

    `key` is the installation's SECRET_KEY. Raises InputError, ConflictError when there are
    MAX_WEBHOOKS already.
    """
    url, description = check_url(url, allow_private), description.strip()
    if unknown := set(events) - set(EVENTS):
        raise InputError(f"Events are some of {', '.join(EVENTS)}; got {sorted(unknown)}.")
    if len(description) > LONGEST_DESCRIPTION or not description.isprintable():
        raise InputError(f"A description is one line of {LONGEST_DESCRIPTION} characters at most.")
    if (session.scalar(select(func.count()).select_from(Webhook)) or 0) >= MAX_WEBHOOKS:
        raise ConflictError(f"There are {MAX_WEBHOOKS} webhooks already: delete one first.")
    webhook_id = uuid.uuid4()
    secret = _derive(key, webhook_id)
    webhook = Webhook(
        id=webhook_id,
        url=url,
        description=description,
        events=[event for event in EVENTS if event in events] or list(EVENTS),
        secret_hash=_hash(secret),
    )
    session.add(webhook)
    session.flush()
    return webhook, secret


def secret_of(webhook_id: uuid.UUID, secret_hash: str, key: str) -> str:
    """What signs a webhook's events; raises ConfigError when SECRET_KEY is not what it was."""
    secret = _derive(key, webhook_id)
    if not hmac.compare_digest(_hash(secret), secret_hash):
        raise ConfigError(
            "SECRET_KEY", "is not the one that this webhook was made with: make the webhook anew"
        )
    return secret


def check_url(url: str, allow_private: bool) -> str:
    """An address that events may be sent to, as far as it can be judged without asking for it.

    Raises InputError. The addresses behind a name are judged each time that something is sent.
    """
    url = url.strip()
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        raise InputError(f"An address has {LONGEST_URL} characters at most and no spaces.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"This is no address: {error}.") from error
    schemes = ("https", "http") if allow_private else ("https",)
    if parts.scheme not in schemes or not host or port == 0:
        raise InputError(f"An address begins with {' or '.join(f'{one}://' for one in schemes)}.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InputError("An address holds neither a name, a password nor a fragment.")
    if not allow_private and _is_plainly_private(host):
        raise InputError(
            f"{host} is a private address; WEBHOOK_PRIVATE_ADDRESSES=true allows those."
        )
    return url


def list_webhooks(session: Session) -> Sequence[Webhook]:
    """All webhooks, oldest first."""
    return session.scalars(select(Webhook).order_by(Webhook.created_at, Webhook.id)).all()


def get_webhook(session: Session, webhook_id: uuid.UUID) -> Webhook:
    """Raises NotFoundError."""
    webhook = session.get(Webhook, webhook_id)
    if webhook is None:
        raise NotFoundError("webhook", webhook_id)
    return webhook


def delete_webhook(session: Session, webhook_id: uuid.UUID) -> None:
    """Forget a webhook and everything on its way to it; raises NotFoundError."""
    session.delete(get_webhook(session, webhook_id))
    session.flush()


def enable_webhook(session: Session, webhook_id: uuid.UUID) -> None:
    """Tell it again what happens from now on; raises NotFoundError."""
    webhook = get_webhook(session, webhook_id)
    webhook.active, webhook.disabled_reason, webhook.failing_since = True, None, None
    session.flush()


def disable_webhook(session: Session, webhook_id: uuid.UUID, reason: str | None = None) -> None:
    """Tell it nothing more and give up what is on its way; raises NotFoundError."""
    webhook = get_webhook(session, webhook_id)
    webhook.active, webhook.disabled_reason = False, reason
    session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.webhook_id == webhook_id,
            WebhookDelivery.state == DeliveryState.PENDING,
        )
        .values(
            state=DeliveryState.FAILED,
            next_attempt_at=None,
            last_error=func.coalesce(WebhookDelivery.last_error, _DISABLED),
        )
    )
    session.flush()


def describe_state(webhook: Webhook) -> str:
    """Whether it is told anything, in a word or two."""
    if not webhook.active:
        return "disabled"
    return "failing" if webhook.failing_since else "active"


def failing_for_s(webhook: Webhook, now: datetime) -> float:
    """For how long nothing could be delivered; 0 while something can."""
    since = webhook.failing_since
    return (now - since).total_seconds() if since else 0.0


def _is_plainly_private(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
    return not is_public(host)


def _derive(key: str, webhook_id: uuid.UUID) -> str:
    """Derived instead of stored: who reads the database can sign nothing."""
    mac = hmac.new(key.encode(), b"webhook:" + webhook_id.bytes, hashlib.sha256)
    return "whsec_" + base64.b64encode(mac.digest()).decode()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
