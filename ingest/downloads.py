"""Fetches photos that a feed names by URL: within limits, politely, and from public addresses only.

Used by `ingest.photos`, from several threads at once.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import stamina

from catalog.addresses import is_public, resolve
from ingest.errors import PhotoSourceError, PhotoUnreachableError
from ingest.seen_urls import Validators

MAX_REDIRECTS = 5
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_PRIVATE_REMEDY = "Add --allow-private-addresses if you trust every address in the feed"


@dataclass(frozen=True)
class DownloadLimits:
    """How much of anything one photo may cost."""

    max_bytes: int = 20 * 2**20
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 20.0
    total_timeout_s: float = 120.0
    attempts: int = 4
    max_wait_s: float = 20.0
    """The longest that a server's Retry-After makes us wait."""


@dataclass(frozen=True)
class Download:
    """What came back: the bytes, or None when the server says that they are as we know them."""

    data: bytes | None
    validators: Validators


class Downloader:
    """An HTTP client for photos. `close` it; it may be used from several threads."""

    def __init__(
        self,
        limits: DownloadLimits = DownloadLimits(),
        allow_private: bool = False,
        resolve_host: Callable[[str, int], list[str]] = resolve,
        is_allowed: Callable[[str], bool] = is_public,
    ) -> None:
        self.limits = limits
        self._allow_private = allow_private
        self._resolve = resolve_host
        self._is_allowed = is_allowed
        timeout = httpx.Timeout(limits.read_timeout_s, connect=limits.connect_timeout_s)
        # Through a proxy nobody here can see which address is reached in the end, so one is
        # only used when addresses are not checked.
        self._client = httpx.Client(
            timeout=timeout,
            trust_env=allow_private,
            follow_redirects=True,
            max_redirects=MAX_REDIRECTS,
            event_hooks={"request": [self._check_request]},
            headers={"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "Lookalike"},
        )

    def close(self) -> None:
        self._client.close()

    def download(self, url: str, known: Validators | None = None) -> Download:
        """Fetch one photo; with `known`, only if it has changed since.

        Raises PhotoSourceError for what stays wrong, after retrying what may pass.
        """
        attempt = stamina.RetryingCaller(
            attempts=self.limits.attempts, timeout=self.limits.total_timeout_s, wait_initial=0.5
        )
        try:
            return attempt(self._wait_for, self._download_once, url, known)
        except PhotoUnreachableError as error:
            remedy = "Check the address, or run the same command again later"
            raise PhotoSourceError("unreachable", url, str(error), remedy) from error

    def _wait_for(self, error: Exception) -> bool | float:
        """Whether to try again after `error`, or after how many seconds."""
        if not isinstance(error, PhotoUnreachableError):
            return False
        wait_s = error.retry_after_s
        return True if wait_s is None else min(wait_s, self.limits.max_wait_s)

    def _download_once(self, url: str, known: Validators | None) -> Download:
        try:
            with self._client.stream(
                "GET",
                url,
                headers=known.to_headers() if known else {},
                extensions={"trace": self._check_connection},
            ) as response:
                return self._read(url, response, conditional=known is not None)
        except httpx.TooManyRedirects as error:
            reason = f"{url} redirects more than {MAX_REDIRECTS} times"
            raise _refused("unreachable", url, reason, "Name the photo's own address") from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise _refused("not_a_url", url, f"{url}: {error}", "Use http or https") from error
        except httpx.HTTPError as error:
            raise PhotoUnreachableError(f"{url}: {error or type(error).__name__}") from error

    def _read(self, url: str, response: httpx.Response, conditional: bool) -> Download:
        status = response.status_code
        validators = Validators.from_headers(response.headers)
        if status == 304 and conditional:
            return Download(None, validators)
        if status in _TRANSIENT:
            raise PhotoUnreachableError(f"{url} answers {status}", _retry_after_s(response))
        if status != 200:
            remedy = "Correct the address, or allow this machine to read it"
            raise _refused("unreachable", url, f"{url} answers {status}", remedy)
        return Download(self._read_body(url, response), validators)

    def _read_body(self, url: str, response: httpx.Response) -> bytes:
        """The body, given up as soon as it is too large or takes too long."""
        deadline = time.monotonic() + self.limits.total_timeout_s
        stated = response.headers.get("Content-Length", "")
        body = bytearray()
        if stated.isdecimal() and int(stated) > self.limits.max_bytes:
            raise self._too_large(url)
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > self.limits.max_bytes:
                raise self._too_large(url)
            if time.monotonic() > deadline:
                reason = f"{url} takes longer than {self.limits.total_timeout_s:.0f} s"
                raise _refused("unreachable", url, reason, "Use a faster server")
        return bytes(body)

    def _too_large(self, url: str) -> PhotoSourceError:
        reason = f"{url} is larger than {self.limits.max_bytes / 2**20:.0f} MiB"
        return _refused("too_many_bytes", url, reason, "Use a smaller photo")

    def _check_request(self, request: httpx.Request) -> None:
        """Refuse what is not HTTP or resolves to a private address; called for every redirect."""
        url = request.url
        if url.scheme not in ("http", "https") or not url.host:
            raise _refused("not_a_url", str(url), f"{url} is not http or https", "Use https")
        if self._allow_private:
            return
        try:
            addresses = self._resolve(url.host, url.port or 443)
        except OSError as error:
            raise PhotoUnreachableError(f"{url.host} has no address: {error}") from error
        for address in addresses:
            self._check_address(address, str(url))

    def _check_connection(self, event: str, info: Mapping[str, Any]) -> None:
        """Check the address really connected to before a byte is sent: names may change meanwhile.

        httpcore calls this; see https://www.encode.io/httpcore/extensions/#trace.
        """
        if event != "connection.connect_tcp.complete" or self._allow_private:
            return
        stream = info["return_value"]
        address = stream.get_extra_info("server_addr")
        try:
            self._check_address(str(address[0]), str(address[0]))
        except PhotoSourceError:
            stream.close()
            raise

    def _check_address(self, address: str, url: str) -> None:
        if not self._is_allowed(address):
            reason = f"{url} leads to the private address {address}"
            raise _refused("private_address", url, reason, _PRIVATE_REMEDY)


def _refused(reason: str, url: str, message: str, remedy: str) -> PhotoSourceError:
    return PhotoSourceError(reason, url, message, remedy)


def _retry_after_s(response: httpx.Response) -> float | None:
    """The Retry-After header where it is a number of seconds; dates are rare and not worth it."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
