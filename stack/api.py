"""What the demo asks of the running product, through its own HTTP interface.

Called by the demo, its report and its final check.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx

from catalog.errors import LookalikeError
from stack.local import LocalStack

_TIMEOUT_S = 60.0


class AnswerError(LookalikeError):
    """The product answers, but not as it should; `url` is what was asked."""

    def __init__(self, url: str, message: str) -> None:
        super().__init__(f"{url}: {message}")
        self.url = url


class AwayError(AnswerError):
    """No answer, or one that says that something behind it is away: it may come back."""


class Product:
    """The API and the pages of a running stack."""

    def __init__(self, stack: LocalStack) -> None:
        self._client = httpx.Client(
            base_url=stack.url,
            headers={"Authorization": f"Bearer {stack.ingest_token}"},
            timeout=_TIMEOUT_S,
            follow_redirects=True,
            trust_env=False,
        )

    def close(self) -> None:
        self._client.close()

    def get_status(self, catalog: str) -> dict[str, Any]:
        """Counts of items, photos by state and garments by category, and the failures."""
        return self._json(f"/api/v1/catalogs/{quote(catalog, safe='')}/status")

    def items(self, catalog: str) -> Iterator[dict[str, Any]]:
        """The catalog's items, page by page, without their photos."""
        cursor = None
        while True:
            query = {"catalog": catalog, "limit": "50"} | ({"cursor": cursor} if cursor else {})
            page = self._json("/api/v1/items", query)
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def get_item(self, item_id: int) -> dict[str, Any]:
        """One item with its photos and their garments."""
        return self._json(f"/api/v1/items/{item_id}")

    def get_similar(self, garment_id: str, limit: int = 3) -> list[dict[str, Any]]:
        """The nearest items to one garment, nearest first, each with its score."""
        path = f"/api/v1/garments/{garment_id}/similar"
        answer = self._json(path, {"limit": str(limit)})
        found: list[dict[str, Any]] = answer["items"]
        return found

    def get_page(self, path: str) -> str:
        """The HTML behind `path`."""
        return self._get(path, {}).text

    def get_bytes(self, path: str) -> httpx.Response:
        """Whatever is behind `path`, for instance a picture."""
        return self._get(path, {})

    def _json(self, path: str, query: dict[str, str] | None = None) -> dict[str, Any]:
        answer = self._get(path, query or {})
        document: dict[str, Any] = answer.json()
        return document

    def _get(self, path: str, query: dict[str, str]) -> httpx.Response:
        try:
            answer = self._client.get(path, params=query)
        except httpx.TransportError as error:
            raise AwayError(path, f"{type(error).__name__}: {error}") from error
        if not answer.is_success:
            kind = AwayError if answer.is_server_error else AnswerError
            raise kind(path, f"{answer.status_code} {answer.text[:300]}")
        return answer
