"""Tells webhooks what has happened: signs each event, sends it and notes what became of it.

Called by the `send_webhooks` task, which the beat puts on the queue. It shares a process with
visitors' searches, so a receiver that is slow to answer is not waited for.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from standardwebhooks import Webhook as Signer

from catalog.deliveries import Outcome, Outgoing, claim_due, record_outcome
from catalog.errors import ConfigError
from catalog.settings import Settings
from catalog.webhooks import secret_of
from workers.posting import ANSWER_S, Poster
from workers.resources import Resources

AT_ONCE = 20
_ALL_S = ANSWER_S + 3
_THREADS = AT_ONCE


def send_webhooks(resources: Resources, poster: Poster | None = None) -> bool:
    """Send the events that are due, at most AT_ONCE; true when there may be more."""
    settings, sessions = resources.settings, resources.services.sessions
    with sessions.begin() as session:
        due = claim_due(session, AT_ONCE)
    if due:
        own = poster or Poster(settings.webhook_private_addresses)
        for delivery_id, outcome in _send_all(due, settings, own).items():
            with sessions.begin() as session:
                record_outcome(session, delivery_id, outcome)
    return len(due) == AT_ONCE


def _send_all(
    due: Sequence[Outgoing], settings: Settings, poster: Poster, limit_s: float = _ALL_S
) -> Mapping[UUID, Outcome]:
    """Send them side by side; who has not answered by then has failed."""
    executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="webhooks")
    try:
        sent = {executor.submit(partial(_send, one, settings, poster)): one.id for one in due}
        done, _ = wait(sent, limit_s)
        return {one: _outcome(future, future in done) for future, one in sent.items()}
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        poster.close()


def _outcome(future: "Future[Outcome]", is_done: bool) -> Outcome:
    return future.result() if is_done else Outcome(error=f"no answer within {_ALL_S:.0f} s")


def _send(outgoing: Outgoing, settings: Settings, poster: Poster) -> Outcome:
    try:
        key = settings.secret_key.get_secret_value()
        secret = secret_of(outgoing.webhook_id, outgoing.secret_hash, key)
    except ConfigError as error:
        return Outcome(error=str(error))
    body = json.dumps(outgoing.payload, ensure_ascii=False, separators=(",", ":"))
    return poster.post(outgoing.url, body.encode(), _headers(outgoing, secret, body))


def _headers(outgoing: Outgoing, secret: str, body: str) -> dict[str, str]:
    """Those of Standard Webhooks, https://www.standardwebhooks.com."""
    message_id, now = f"msg_{outgoing.id.hex}", datetime.now(UTC)
    return {
        "Content-Type": "application/json",
        "User-Agent": "Lookalike",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(secret).sign(message_id, now, body),
    }
