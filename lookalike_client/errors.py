"""What can go wrong between a program and a Lookalike server, by what the caller can do about it.

Raised by every call of `Client`. A refusal carries the server's problem (RFC 9457).
"""

from collections.abc import Mapping
from typing import Any


class LookalikeClientError(Exception):
    """Base of all errors of this package; `permanent` ones come back however often one tries."""

    permanent = True


class UnavailableError(LookalikeClientError):
    """The server does not answer, or answers that it can't now: try again later.

    `retry_after_s` is what it asked to wait, `maybe_done` whether the request may have had its
    effect all the same.
    """

    permanent = False

    def __init__(
        self,
        message: str,
        status: int | None = None,
        retry_after_s: float | None = None,
        maybe_done: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
        self.maybe_done = maybe_done


class NotAServerError(LookalikeClientError):
    """The address is unusable, or what answers there is no Lookalike server."""


class RefusedError(LookalikeClientError):
    """The server refused the request: `status`, `title`, `detail` and `problem` say why."""

    def __init__(self, status: int, title: str, detail: str, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {title}: {detail}" if detail else f"{status} {title}")
        self.status = status
        self.title = title
        self.detail = detail
        self.problem = problem
        """All members of the answer; empty where it was no problem+json."""

    @property
    def reason(self) -> str | None:
        """The server's short stable word for what is wrong with a photo."""
        reason = self.problem.get("reason")
        return str(reason) if reason is not None else None


class InputError(RefusedError):
    """400, 413, 422: what was sent can't be used as it is; `errors` lists it by member."""

    @property
    def errors(self) -> Mapping[str, Any]:
        errors = self.problem.get("errors")
        return errors if isinstance(errors, dict) else {}


class TokenError(RefusedError):
    """401, 403: the token is unknown or revoked, or its scopes don't allow that."""


class NotFoundError(RefusedError):
    """404, 410: no such thing."""


class ConflictError(RefusedError):
    """409, 412: contradicts what is going on now: look again, then decide."""


class ServerFaultError(RefusedError):
    """500: a fault of the server; its log has the rest."""


class SearchFailedError(LookalikeClientError):
    """The server could not look at a photo that was searched with; the message says why."""
