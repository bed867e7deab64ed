"""One server, one token: requests out, JSON or an error of this package back.

The base of `Client`; retries happen here.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
import stamina
from pydantic import ValidationError

from lookalike_client.answers import Answer
from lookalike_client.errors import (
    ConflictError,
    InputError,
    NotAServerError,
    NotFoundError,
    RefusedError,
    ServerFaultError,
    TokenError,
    UnavailableError,
)
from lookalike_client.settings import Retries, Timeouts

Kind = TypeVar("Kind", bound=Answer)

_USUAL_TIMEOUTS = Timeouts()
_USUAL_RETRIES = Retries()
_TRANSIENT = frozenset({429, 502, 503, 504})
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_KINDS: Mapping[int, type[RefusedError]] = {
    400: InputError,
    401: TokenError,
    403: TokenError,
    404: NotFoundError,
    409: ConflictError,
    410: NotFoundError,
    412: ConflictError,
    413: InputError,
    422: InputError,
}


class Connection:
    """A connection to one server. `close` it; it may be used from several threads."""

    def __init__(
        self,
        url: str,
        token: str,
        timeouts: Timeouts = _USUAL_TIMEOUTS,
        retries: Retries = _USUAL_RETRIES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.server = url.rstrip("/")
        self._retries = retries
        try:
            self._http = httpx.Client(
                base_url=self.server,
                headers={"Authorization": f"Bearer {token}", "User-Agent": "Lookalike"},
                timeout=httpx.Timeout(timeouts.answer_s, connect=timeouts.connect_s),
                transport=transport,
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise NotAServerError(f"{url} is no usable address: {error}") from error

    def close(self) -> None:
        self._http.close()

    def call(self, method: str, path: str, *, repeatable: bool = True, **content: Any) -> Any:
        """One request below /api/v1 and the JSON it answers with; None where there is no body.

        While the server can't answer now it is asked again; what is not `repeatable` only where
        the first request surely had no effect. Raises the errors of `lookalike_client.errors`.
        """
        attempt = stamina.RetryingCaller(
            attempts=self._retries.attempts,
            timeout=self._retries.timeout_s,
            wait_initial=self._retries.wait_initial_s,
        )

        def wait_for(error: Exception) -> bool | float:
            if not isinstance(error, UnavailableError) or (error.maybe_done and not repeatable):
                return False
            wait_s = error.retry_after_s
            return True if wait_s is None else min(wait_s, self._retries.max_wait_s)

        return attempt(wait_for, self._call_once, method, f"/api/v1{path}", **content)

    def call_once(self, method: str, path: str, **content: Any) -> Any:
        """One write that must not happen twice; a server that knows the key does it once."""
        return self.call(method, path, repeatable=False, headers=new_key(), **content)

    def read(self, kind: type[Kind], answer: Any) -> Kind:
        """An answer with its types; raises NotAServerError for what is none."""
        try:
            return kind.model_validate(answer)
        except ValidationError as error:
            message = f"{self.server} does not answer as a Lookalike server does: {error}"
            raise NotAServerError(message) from error

    def _call_once(self, method: str, path: str, **content: Any) -> Any:
        response = self._send(method, path, **content)
        if not response.is_success:
            raise _to_error(response, self.server)
        return _members(response, self.server)

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **content)
        except httpx.UnsupportedProtocol as error:
            raise NotAServerError(f"{self.server} is no usable address: {error}") from error
        except httpx.TransportError as error:
            message = f"{self.server} does not answer: {error or type(error).__name__}"
            sent = not isinstance(error, _NEVER_SENT)
            raise UnavailableError(message, maybe_done=sent) from error
        except (httpx.InvalidURL, httpx.HTTPError) as error:
            raise NotAServerError(f"{self.server} is no usable address: {error}") from error


def new_key() -> dict[str, str]:
    """The header by which a server tells a request that is sent again from a new one."""
    return {"Idempotency-Key": str(uuid4())}


def segment(text: str) -> str:
    """One segment of a path: a sku may hold any character, "/" too."""
    return quote(text, safe="")


def _members(response: httpx.Response, server: str) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError as error:
        message = f"{server} does not answer in JSON: is it a Lookalike server?"
        raise NotAServerError(message) from error


def _to_error(response: httpx.Response, server: str) -> UnavailableError | RefusedError:
    status, problem = response.status_code, _problem(response)
    title = str(problem.get("title") or response.reason_phrase)
    detail = str(problem.get("detail") or "")
    if status in _TRANSIENT:
        message = f"{server} answers {status}: {detail or title}"
        return UnavailableError(message, status, _retry_after_s(response), status != 429)
    kind = _KINDS.get(status, ServerFaultError if status >= 500 else RefusedError)
    return kind(status, title, detail, problem)


def _problem(response: httpx.Response) -> dict[str, Any]:
    """The members of a problem+json answer; empty for any other body."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _retry_after_s(response: httpx.Response) -> float | None:
    """Retry-After in seconds, which it gives as a number or as the moment itself."""
    value = response.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
