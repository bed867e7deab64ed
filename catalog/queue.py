"""Enqueues tasks by name, so that nobody has to import the workers to give them work.

Called after a commit, by the web app, by tasks and by the sweep. Only ids travel.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from catalog.errors import QueueUnavailableError
from catalog.tables import Photo, PhotoState

INDEX_PHOTOS = "lookalike.index_photos"
ANALYZE_PHOTO = "lookalike.analyze_photo"
EXPLAIN_MATCH = "lookalike.explain_match"
RECUT_PHOTO = "lookalike.recut_photo"
RUN_REINDEX = "lookalike.run_reindex"
RUN_JOB = "lookalike.run_job"
SYNC_INDEX = "lookalike.sync_index"
SWEEP = "lookalike.sweep"
TIDY = "lookalike.tidy"
SEND_WEBHOOKS = "lookalike.send_webhooks"

BULK = "bulk"
INTERACTIVE = "interactive"

_WORKER_ANSWERS_S = 1.0

_log = logging.getLogger(__name__)


class TaskQueue(Protocol):
    """What a caller needs of a queue; tests give one that only remembers."""

    def enqueue(self, task_name: str, *args: Any, queue: str = BULK) -> str:
        """Hand a task to the workers and return its id; raises QueueUnavailableError."""

    def ping(self) -> None:
        """Raises QueueUnavailableError when the broker does not answer."""

    def find_workers(self) -> list[str]:
        """The names of the workers that answer; raises QueueUnavailableError."""

    def close(self) -> None:
        """Give the connections back."""


class Queue:
    """The broker at `redis_url`; fails within seconds instead of holding up a request."""

    def __init__(self, redis_url: str) -> None:
        self._celery = Celery("lookalike", broker=redis_url, set_as_current=False)
        self._celery.conf.update(
            task_ignore_result=True,
            task_publish_retry=False,
            broker_connection_timeout=3,
            broker_transport_options={"socket_connect_timeout": 3, "socket_timeout": 5},
        )

    def enqueue(self, task_name: str, *args: Any, queue: str = BULK) -> str:
        try:
            sent = self._celery.send_task(task_name, args=args, queue=queue)
        except (OperationalError, RedisError, OSError) as error:
            raise QueueUnavailableError(f"could not enqueue {task_name}: {error}") from error
        return str(sent.id)

    def ping(self) -> None:
        """Raises QueueUnavailableError when the broker does not answer."""
        try:
            with self._celery.connection_for_write() as connection:
                connection.ensure_connection(max_retries=1, timeout=3)
        except (OperationalError, RedisError, OSError) as error:
            raise QueueUnavailableError(f"the broker does not answer: {error}") from error

    def find_workers(self) -> list[str]:
        """The names of the workers that answer within a second, sorted."""
        try:
            replies = self._celery.control.ping(timeout=_WORKER_ANSWERS_S)
        except (OperationalError, RedisError, OSError) as error:
            raise QueueUnavailableError(f"the broker does not answer: {error}") from error
        return sorted(name for reply in replies for name in reply)

    def close(self) -> None:
        self._celery.close()


def make_queue(redis_url: str) -> Queue:
    """The queue at `redis_url`; connects on first use."""
    return Queue(redis_url)


def enqueue_photos(
    queue: TaskQueue, session: Session, photo_ids: Sequence[int], per_task: int
) -> int:
    """Enqueue those of the photos that are pending, note when, commit; returns how many.

    Call it after the commit that made them pending. A photo with attempts behind it may have
    taken its worker down, so it gets a task of its own. With the broker away nothing is raised:
    the photos stay pending and the sweep enqueues them.
    """
    rows = session.execute(
        select(Photo.id, Photo.attempts)
        .where(Photo.id.in_(photo_ids), Photo.state == PhotoState.PENDING)
        .order_by(Photo.id)
    ).all()
    session.rollback()
    fresh = [photo_id for photo_id, attempts in rows if attempts == 0]
    suspects = [[photo_id] for photo_id, attempts in rows if attempts > 0]
    sent: list[int] = []
    try:
        for chunk in [*_chunks(fresh, per_task), *suspects]:
            queue.enqueue(INDEX_PHOTOS, chunk)
            sent += chunk
    except QueueUnavailableError as error:
        _log.warning("%d photos wait for the sweep: %s", len(rows) - len(sent), error)
    _note_enqueued(session, sent)
    return len(sent)


def enqueue_webhooks(queue: TaskQueue) -> None:
    """Have events sent now; with the broker away the beat's next round sends them."""
    try:
        queue.enqueue(SEND_WEBHOOKS, queue=INTERACTIVE)
    except QueueUnavailableError as error:
        _log.warning("events wait for the next round: %s", error)


def _note_enqueued(session: Session, photo_ids: Sequence[int]) -> None:
    """A worker may have claimed some of them by now: those are no longer pending and stay."""
    waiting = (
        select(Photo.id)
        .where(Photo.id.in_(photo_ids), Photo.state == PhotoState.PENDING)
        .order_by(Photo.id)
        .with_for_update(key_share=True)
    )
    session.execute(
        update(Photo).where(Photo.id.in_(waiting)).values(claimed_at=func.now()),
        execution_options={"synchronize_session": False},
    )
    session.commit()


def _chunks(ids: Sequence[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(ids), size):
        yield list(ids[start : start + size])
