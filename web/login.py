"""Who is logged in to the admin pages, and how often somebody may guess a password.

Registered by `web.app`; the admin's and the login's views use `admin_required` and `Throttle`.
"""

# mypy: disable-error-code="misc"
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, abort, current_app
from flask_login import LoginManager, UserMixin, current_user, login_required
from redis.exceptions import RedisError

from catalog.tables import User
from web.limits import Limits, limits_of
from web.services import session

log = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])

_THROTTLE = "lookalike_throttle"
_FAILURES = "5 per 5 minutes"


class Account(UserMixin):
    """The logged-in user as Flask-Login wants to see one."""

    def __init__(self, user: User) -> None:
        self.id = user.id
        self.email = user.email
        self.is_admin = user.is_admin


class Throttle:
    """Counts this process's failures by key (address, email) in the last `window_s` seconds."""

    def __init__(
        self,
        limit: int = 5,
        window_s: float = 300.0,
        max_keys: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._window_s = window_s
        self._max_keys = max_keys
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def blocks(self, key: str) -> bool:
        """Whether `key` has failed too often lately."""
        failures = self._failures.get(key, deque())
        recent = [at for at in tuple(failures) if at > self._clock() - self._window_s]
        return len(recent) >= self._limit

    def fail(self, key: str) -> None:
        self._failures.setdefault(key, deque(maxlen=self._limit)).append(self._clock())
        self._failures.move_to_end(key)
        while len(self._failures) > self._max_keys:
            self._failures.popitem(last=False)

    def forget(self, key: str) -> None:
        self._failures.pop(key, None)


class SharedThrottle:
    """The same for all web processes together; while Redis is away, each counts by itself."""

    def __init__(self, limits: Limits, own: Throttle) -> None:
        self._limits = limits
        self._own = own

    def blocks(self, key: str) -> bool:
        is_free = self._ask("test", key)
        return self._own.blocks(key) if is_free is None else not is_free

    def fail(self, key: str) -> None:
        self._own.fail(key)
        self._ask("hit", key)

    def forget(self, key: str) -> None:
        self._own.forget(key)
        self._ask("clear", key)

    def _ask(self, what: str, key: str) -> bool | None:
        try:
            return bool(self._limits.ask(what, _FAILURES, "login", key))
        except RedisError as error:
            log.warning("failed logins are counted in each process by itself: %s", error)
            return None


def register_login(app: Flask) -> None:
    """Set Flask-Login up and give the app its own throttle."""
    manager = LoginManager(app)
    manager.login_view = "login.password"
    manager.login_message = None
    manager.user_loader(_load_account)
    app.extensions[_THROTTLE] = SharedThrottle(limits_of(app), Throttle())


def throttle() -> SharedThrottle:
    return cast(SharedThrottle, current_app.extensions[_THROTTLE])


def admin_required(view: View) -> View:
    """Send strangers to the login and refuse users who are no admins."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not current_user.is_admin:
            abort(403, "Your account is not an administrator's.")
        return view(*args, **kwargs)

    return cast(View, login_required(guarded))


def _load_account(user_id: str) -> Account | None:
    user = session().get(User, int(user_id))
    return Account(user) if user else None
