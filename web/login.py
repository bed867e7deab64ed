"""Who is logged in to the admin pages, and how often somebody may guess a password.

Registered by `web.app`; the admin's and the login's views use `admin_required` and `Throttle`.
"""

# mypy: disable-error-code="misc"
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, abort, current_app
from flask_login import LoginManager, UserMixin, current_user, login_required

from catalog.tables import User
from web.services import session

View = TypeVar("View", bound=Callable[..., Any])

_THROTTLE = "lookalike_throttle"


class Account(UserMixin):
    """The logged-in user as Flask-Login wants to see one."""

    def __init__(self, user: User) -> None:
        self.id = user.id
        self.email = user.email
        self.is_admin = user.is_admin


class Throttle:
    """Counts failures by key (an address, an email) in the last `window_s` seconds.

    Kept in this process: with several web processes each allows `limit` of its own.
    """

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


def register_login(app: Flask) -> None:
    """Set Flask-Login up and give the app its own throttle."""
    manager = LoginManager(app)
    manager.login_view = "login.password"
    manager.login_message = None
    manager.user_loader(_load_account)
    app.extensions[_THROTTLE] = Throttle()


def throttle() -> Throttle:
    return cast(Throttle, current_app.extensions[_THROTTLE])


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
