"""The client of the API as the ingest uses it: errors are the ingest's own and name the remedy.

Used by `ingest.upload` and the CLI; the calls themselves are `lookalike_client`'s.
"""

from typing import Any

from ingest.errors import ApiError, ApiUnavailableError
from lookalike_client import Client, NotAServerError, RefusedError, UnavailableError
from lookalike_client.connection import Kind

_ABOUT_WHAT_WAS_SENT = frozenset({400, 404, 409, 413, 422})
_TOKEN_REMEDY = (
    "Make one on the server with `lookalike token create NAME --scope ingest`, then pass it "
    "with --token or in LOOKALIKE_TOKEN"
)


class ApiClient(Client):
    """A connection to one server. `close` it; it may be used from several threads."""

    def __init__(self, server: str, token: str, **options: Any) -> None:
        try:
            super().__init__(server, token, **options)
        except NotAServerError as error:
            raise ApiError(0, str(error)) from error

    def call(self, method: str, path: str, *, repeatable: bool = True, **content: Any) -> Any:
        """The same as the client's; raises ApiError and ApiUnavailableError."""
        try:
            return super().call(method, path, repeatable=repeatable, **content)
        except UnavailableError as error:
            hint = "" if error.status else ". Is it running (`lookalike up`)?"
            raise ApiUnavailableError(f"{error}{hint}", error.retry_after_s) from error
        except NotAServerError as error:
            raise ApiError(0, str(error)) from error
        except RefusedError as error:
            raise ApiError(error.status, _describe(error, self.server), error.reason) from error

    def read(self, kind: type[Kind], answer: Any) -> Kind:
        try:
            return super().read(kind, answer)
        except NotAServerError as error:
            raise ApiError(0, str(error)) from error


def _describe(error: RefusedError, server: str) -> str:
    why = error.detail or error.title
    if error.status == 401:
        return f"{server} does not know this token. {_TOKEN_REMEDY}."
    if error.status == 403:
        return f"This token may not do that: {why} {_TOKEN_REMEDY}."
    if error.status in _ABOUT_WHAT_WAS_SENT and error.problem:
        # The merchandiser reads it beside the row: where the server stands is of no use there.
        return why
    return f"{server} answers {error.status}: {why}"
