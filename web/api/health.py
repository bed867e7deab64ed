"""How the whole product does, for who watches it: its parts, its workers, what waits.

Beside `/healthz` and `/readyz`, which need no token and say less.
"""

from typing import Any

import redis

from catalog.errors import QueueUnavailableError
from catalog.tables import PhotoState
from web import health, queries
from web.api import schemas
from web.api.blueprint import blueprint, requires
from web.present import generation_json
from web.services import services, session


class BacklogOut(schemas.Out):
    """What is still to be done."""

    photos: int
    """Photos of items that are not indexed yet."""
    failed: int
    """Photos that a person has to look at."""
    index: int
    """Entries that the active index has yet to learn."""
    tasks: dict[str, int] | None
    """Tasks by queue; null while the broker does not answer."""


class HealthOut(schemas.Out):
    status: str
    """`ok`, or `degraded` when a part does not answer, no worker does, or models are missing."""
    database: str
    """`ok`, or what is wrong; so are `broker` and `index`."""
    broker: str
    index: str
    workers: list[str]
    """Those that answer within a second: `bulk@...` index, `interactive@...` search by photo."""
    backlog: BacklogOut
    generation: schemas.GenerationOut | None
    """The index that serves; null before the first photo."""
    models_present: bool
    """False while photos wait because no worker has the checkpoints of that index."""


@blueprint.get("/health")
@requires("read")
@blueprint.output(HealthOut)
def read_health() -> dict[str, Any]:
    """Database, broker, index, workers, backlog and the index that serves.

    It asks the workers, which takes a second: for monitoring, not for each page.
    """
    parts = health.check_parts()
    workers = _find_workers() if parts["broker"] == "ok" else []
    present = not queries.lacks_models(session())
    well = all(answer == "ok" for answer in parts.values()) and workers and present
    generation = queries.find_active_generation(session())
    behind = queries.count_behind(session())
    return {
        **parts,
        "status": "ok" if well else "degraded",
        "workers": workers,
        "backlog": _backlog(behind.get(generation.id, 0) if generation else 0),
        "generation": generation_json(generation, behind) if generation else None,
        "models_present": present,
    }


def _find_workers() -> list[str]:
    try:
        return services().queue.find_workers()
    except QueueUnavailableError:
        return []


def _backlog(behind: int) -> dict[str, Any]:
    photos = queries.count_photos(session())
    return {
        "photos": photos[PhotoState.PENDING] + photos[PhotoState.WORKING],
        "failed": photos[PhotoState.FAILED],
        "index": behind,
        "tasks": _count_tasks(),
    }


def _count_tasks() -> dict[str, int] | None:
    try:
        return health.count_tasks()
    except redis.RedisError:
        return None
