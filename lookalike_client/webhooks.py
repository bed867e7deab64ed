"""Reading the events that a server sends to a webhook, after checking who sent them.

Follows Standard Webhooks (https://www.standardwebhooks.com).
"""

from collections.abc import Mapping
from datetime import datetime

from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from lookalike_client.answers import Answer
from lookalike_client.errors import LookalikeClientError


class SignatureError(LookalikeClientError):
    """The event was not signed with this secret, or too long ago: don't act on it."""


class EndedJob(Answer):
    """The job that an event is about; everything is None in a test."""

    job: str | None = None
    kind: str | None = None
    state: str | None = None
    catalog: str | None = None
    done: int | None = None
    total: int | None = None
    counts: Mapping[str, int | float] = {}
    created_at: datetime | None = None
    finished_at: datetime | None = None


class Event(Answer):
    """What happened: `job.done`, `job.failed`, `job.cancelled` or `webhook.test`."""

    id: str
    """The same each time that an event is sent again: act on it once."""
    type: str
    timestamp: datetime
    data: EndedJob


def read_event(body: bytes, headers: Mapping[str, str], secret: str) -> Event:
    """Check the signature of a request and read its event.

    `body` as it came, unparsed. Raises SignatureError: answer 401 and do nothing.
    """
    by_name = {name.lower(): value for name, value in headers.items()}
    try:
        event = Webhook(secret).verify(body, by_name)
        return Event.model_validate(event | {"id": by_name["webhook-id"]})
    except WebhookVerificationError as error:
        raise SignatureError(str(error)) from error
    except (ValueError, TypeError, ValidationError) as error:
        raise SignatureError(f"not an event: {error}") from error
