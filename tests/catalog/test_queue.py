"""The queue against a real Valkey, and without one."""

import json
import time
from base64 import b64decode

import pytest
import redis

from catalog.errors import QueueUnavailableError
from catalog.queue import ANALYZE_PHOTO, INDEX_PHOTOS, INTERACTIVE, make_queue


def test_tasks_wait_in_their_queue_with_their_arguments(redis_url: str) -> None:
    queue = make_queue(redis_url)
    queue.ping()
    task_id = queue.enqueue(INDEX_PHOTOS, [1, 2])
    queue.enqueue(ANALYZE_PHOTO, "upload", queue=INTERACTIVE)
    with redis.Redis.from_url(redis_url) as client:
        (bulk,) = client.lrange("bulk", 0, -1)
        (interactive,) = client.lrange("interactive", 0, -1)
    queue.close()
    message = json.loads(bulk)
    assert (message["headers"]["task"], message["headers"]["id"]) == (INDEX_PHOTOS, task_id)
    assert json.loads(b64decode(message["body"]))[0] == [[1, 2]]
    assert json.loads(interactive)["headers"]["task"] == ANALYZE_PHOTO


def test_an_absent_broker_is_reported_within_seconds() -> None:
    queue = make_queue("redis://127.0.0.1:9/0")
    started = time.monotonic()
    with pytest.raises(QueueUnavailableError):
        queue.enqueue(INDEX_PHOTOS, [1])
    with pytest.raises(QueueUnavailableError):
        queue.ping()
    assert time.monotonic() - started < 15
    queue.close()
