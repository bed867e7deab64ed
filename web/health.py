"""Whether this process lives, and whether the parts that it depends on answer.

Asked by the supervisor, by docker's health checks and by load balancers.
"""

import redis
from flask import Blueprint, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from catalog.errors import LookalikeError
from catalog.queue import BULK, INTERACTIVE
from web.services import services, session

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 when database, index and broker answer; otherwise 503 and which of them does not."""
    parts = check_parts()
    ready = all(answer == "ok" for answer in parts.values())
    return jsonify(status="ok" if ready else "unready", **parts), 200 if ready else 503


def check_parts() -> dict[str, str]:
    """What database, index and broker answer: "ok", or what is wrong."""
    return {"database": _database(), "index": _index(), "broker": _broker()}


def count_tasks() -> dict[str, int]:
    """How many tasks wait in each queue of the broker; raises redis.RedisError."""
    with _redis() as client:
        return {queue: int(client.llen(queue)) for queue in (BULK, INTERACTIVE)}


def _redis() -> redis.Redis:
    return redis.Redis.from_url(
        services().settings.redis_url, socket_connect_timeout=2, socket_timeout=2
    )


def _database() -> str:
    try:
        session().execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        return f"{type(error).__name__}: does not answer"
    return "ok"


def _index() -> str:
    try:
        services().index.collections()
    except LookalikeError as error:
        return str(error)
    return "ok"


def _broker() -> str:
    try:
        with _redis() as client:
            client.ping()
    except redis.RedisError as error:
        return f"{type(error).__name__}: does not answer"
    return "ok"
