"""How often a token or an address may read, write and search by photo, and a login may fail.

Registered by `web.app`; the API, the login, the search page and the embed spend from here. Counted
in the broker's Redis for all web processes together; while that is away, in each process by itself.
"""

import time
from collections.abc import Callable
from typing import Any, cast

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter
from limits import parse

from catalog.settings import Settings

READ, WRITE, PHOTO = "read", "write", "photo search"

_EXTENSION = "lookalike_limits"
_NO_LIMIT = "1000000000/second"
_PATIENCE_S = 1
_PART_OF_WINDOW = 10
"""A refused caller waits for this part of the window at least: by then there is room for several
requests. Threads that come back for each single one would mostly be refused again."""


class Limits:
    """The limits of one application."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._limiter = Limiter(
            _token,
            app=app,
            storage_uri=_storage_uri(settings.redis_url),
            storage_options={"socket_connect_timeout": _PATIENCE_S, "socket_timeout": _PATIENCE_S},
            strategy="sliding-window-counter",
            key_prefix="lookalike",
            in_memory_fallback_enabled=True,
            swallow_errors=True,
        )
        self._spend = {
            READ: self._shared(READ, settings.rate_limit_read),
            WRITE: self._shared(WRITE, settings.rate_limit_write),
            PHOTO: self._shared(PHOTO, settings.rate_limit_photo_search),
        }

    def spend(self, kind: str) -> None:
        """Count one request of the token at hand, otherwise of its address; raises a 429."""
        self._spend[kind]()

    def ask(self, what: str, rate: str, *who: str) -> Any:
        """`test`, `hit` or `clear` a count that no token stands behind; raises RedisError."""
        return getattr(self._limiter.limiter, what)(parse(rate), "lookalike", *who)

    def add_headers(self, response: Response) -> Response:
        """Tell how much is left, where a limit was looked at."""
        limit = self._limiter.current_limit
        if limit is None or limit.limit.amount == int(_NO_LIMIT.split("/")[0]):
            return response
        wait_s = max(1, round(limit.reset_at - time.time()))
        response.headers["RateLimit-Limit"] = str(limit.limit.amount)
        response.headers["RateLimit-Remaining"] = str(limit.remaining)
        response.headers["RateLimit-Reset"] = str(wait_s)
        if response.status_code == 429:
            pause_s = limit.limit.get_expiry() // _PART_OF_WINDOW
            response.headers["Retry-After"] = str(max(wait_s, pause_s))
        return response

    def _shared(self, kind: str, rate: str) -> Callable[[], None]:
        def spend() -> None:
            """Nothing: being called is what counts."""

        spend.__qualname__ = f"spend {kind}"  # the limiter tells its limits apart by this
        message = f"Too many requests: {rate} at most ({kind}). Please try again a little later."
        decorate: Any = self._limiter.shared_limit(
            rate or _NO_LIMIT, scope=kind, error_message=message
        )
        return cast(Callable[[], None], decorate(spend))


def register_limits(app: Flask, settings: Settings) -> None:
    limits = Limits(app, settings)
    app.extensions[_EXTENSION] = limits
    app.after_request(limits.add_headers)


def limits_of(app: Flask) -> Limits:
    return cast(Limits, app.extensions[_EXTENSION])


def limits() -> Limits:
    return limits_of(current_app)


def _token() -> str:
    return f"token {g.token_id}" if "token_id" in g else f"from {request.remote_addr}"


def _storage_uri(redis_url: str) -> str:
    return redis_url.replace("unix://", "redis+unix://", 1)
