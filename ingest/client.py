"""The web API as typed calls: what `ingest.upload` and the CLI say to the server.

Transient failures are retried here; problem+json becomes an ApiError.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import stamina

from ingest.errors import ApiError, ApiUnavailableError

MAX_HASHES = 1_000
MAX_ITEMS = 500
MAX_SKUS = 1_000
_TRANSIENT = frozenset({429, 502, 503, 504})
_ABOUT_WHAT_WAS_SENT = frozenset({400, 404, 409, 413, 422})
_TOKEN_REMEDY = (
    "Make one on the server with `lookalike token create NAME --scope ingest`, then pass it "
    "with --token or in LOOKALIKE_TOKEN"
)


@dataclass(frozen=True)
class ItemResult:
    """What the server did with one row: created, updated, unchanged or failed."""

    sku: str
    status: str
    reason: str | None = None
    remedy: str | None = None


@dataclass(frozen=True)
class CatalogStatus:
    """How far a catalog is indexed."""

    items: int
    photos: Mapping[str, int]
    garments: Mapping[str, int]
    behind: int
    failures: Sequence[Mapping[str, Any]] = field(default_factory=list)

    @property
    def unfinished(self) -> int:
        """Photos that are neither indexed nor failed yet."""
        return self.photos.get("pending", 0) + self.photos.get("working", 0)


@dataclass(frozen=True)
class RetryPolicy:
    """How long a server that does not answer is waited for."""

    attempts: int = 8
    timeout_s: float = 90.0
    wait_initial_s: float = 0.5
    max_wait_s: float = 15.0


class ApiClient:
    """A connection to one server. `close` it; it may be used from several threads."""

    def __init__(
        self,
        server: str,
        token: str,
        transport: httpx.BaseTransport | None = None,
        retries: RetryPolicy = RetryPolicy(),
    ) -> None:
        self.server = server.rstrip("/")
        self._retries = retries
        self._http = httpx.Client(
            base_url=f"{self.server}/api/v1",
            headers={"Authorization": f"Bearer {token}", "User-Agent": "Lookalike"},
            timeout=httpx.Timeout(60.0, connect=5.0),
            transport=transport,
        )

    def close(self) -> None:
        self._http.close()

    def find_missing(self, hashes: Iterable[str]) -> set[str]:
        """Which of these photos the server does not have."""
        wanted = list(hashes)
        missing: set[str] = set()
        for start in range(0, len(wanted), MAX_HASHES):
            part = wanted[start : start + MAX_HASHES]
            missing.update(self._call("POST", "/photos/missing", json={"sha256": part})["missing"])
        return missing

    def put_photo(self, sha256: str, data: bytes) -> None:
        """Send one photo. Raises ApiError (422) when the server can't use it."""
        headers = {"Content-Type": "application/octet-stream"}
        self._call("PUT", f"/photos/{sha256}", content=data, headers=headers)

    def start_job(self, catalog: str, parameters: Mapping[str, Any]) -> str:
        """Tell the server that an ingest begins; its id goes with every batch."""
        body = {"kind": "ingest", "catalog": catalog, "parameters": dict(parameters)}
        return str(self._call("POST", "/jobs", json=body)["id"])

    def post_items(
        self, catalog: str, job: str, items: Sequence[Mapping[str, Any]]
    ) -> list[ItemResult]:
        """Send at most MAX_ITEMS rows; one result each, in their order."""
        body = {"job": job, "items": list(items)}
        answer = self._call("POST", f"/catalogs/{_segment(catalog)}/items", json=body)
        return [
            ItemResult(one["sku"], one["status"], one.get("reason"), one.get("remedy"))
            for one in answer["results"]
        ]

    def mark_seen(self, catalog: str, job: str, skus: Sequence[str]) -> None:
        """Keep these skus from being pruned although their rows were rejected here."""
        for start in range(0, len(skus), MAX_SKUS):
            body = {"job": job, "skus": list(skus[start : start + MAX_SKUS])}
            self._call("POST", f"/catalogs/{_segment(catalog)}/seen", json=body)

    def finish_job(self, job: str, state: str, prune: bool, result: Mapping[str, Any]) -> int:
        """End the ingest; how many items were pruned."""
        body = {"state": state, "prune": prune, "result": dict(result)}
        return int(self._call("POST", f"/jobs/{job}/finish", json=body)["pruned"])

    def delete_item(self, catalog: str, sku: str) -> None:
        """Remove an item and everything of it. Raises ApiError (404) when there is none."""
        self._call("DELETE", f"/catalogs/{_segment(catalog)}/items/{_segment(sku)}")

    def get_status(self, catalog: str) -> CatalogStatus:
        """How far a catalog is indexed. Raises ApiError (404) when there is none."""
        answer = self._call("GET", f"/catalogs/{_segment(catalog)}/status")
        return CatalogStatus(
            answer["items"],
            answer["photos"],
            answer["garments"],
            answer["behind"],
            answer["failures"],
        )

    def _call(self, method: str, path: str, **content: Any) -> Any:
        """One request, repeated while the server can't answer now; every call here may repeat."""
        policy = self._retries
        attempt = stamina.RetryingCaller(
            attempts=policy.attempts,
            timeout=policy.timeout_s,
            wait_initial=policy.wait_initial_s,
        )
        return attempt(self._wait_for, self._call_once, method, path, **content)

    def _wait_for(self, error: Exception) -> bool | float:
        if not isinstance(error, ApiUnavailableError):
            return False
        wait_s = error.retry_after_s
        return True if wait_s is None else min(wait_s, self._retries.max_wait_s)

    def _call_once(self, method: str, path: str, **content: Any) -> Any:
        try:
            response = self._http.request(method, path, **content)
        except httpx.TransportError as error:
            reason = f"{self.server} does not answer: {error or type(error).__name__}"
            raise ApiUnavailableError(f"{reason}. Is it running (`lookalike up`)?") from error
        except (httpx.InvalidURL, httpx.HTTPError) as error:
            raise ApiError(0, f"{self.server} is no usable address: {error}") from error
        if response.is_success:
            return _members(response, self.server)
        raise _to_error(response, self.server)


def _members(response: httpx.Response, server: str) -> Any:
    if not response.content:
        return {}
    try:
        return response.json()
    except ValueError as error:
        message = f"{server} does not answer in JSON: is it a Lookalike server?"
        raise ApiError(response.status_code, message) from error


def _to_error(response: httpx.Response, server: str) -> ApiError | ApiUnavailableError:
    status = response.status_code
    problem = _problem(response)
    detail = problem.get("detail") or problem.get("title") or response.reason_phrase
    if status in _TRANSIENT:
        wait = response.headers.get("Retry-After", "")
        wait_s = float(wait) if wait.isdecimal() else None
        return ApiUnavailableError(f"{server} answers {status}: {detail}", wait_s)
    if status == 401:
        message = f"{server} does not know this token. {_TOKEN_REMEDY}."
        return ApiError(status, message)
    if status == 403:
        message = f"This token may not do that: {detail} {_TOKEN_REMEDY}."
        return ApiError(status, message)
    if status in _ABOUT_WHAT_WAS_SENT and problem:
        # The merchandiser reads it beside the row: where the server stands is of no use there.
        return ApiError(status, str(detail), problem.get("reason"))
    return ApiError(status, f"{server} answers {status}: {detail}", problem.get("reason"))


def _problem(response: httpx.Response) -> dict[str, Any]:
    """The members of a problem+json answer; empty for any other body."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _segment(text: str) -> str:
    """One segment of a path: a sku may hold any character, "/" too."""
    return quote(text, safe="")
