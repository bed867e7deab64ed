"""Watches everything that pages do beside what a test looks at, and says what was wrong.

A page may not log an error, raise one, open a dialog, fail to load something, or ask another
machine for anything.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request, Response

_HERE = ("127.0.0.1", "localhost")


class Watch:
    """What has gone wrong in one browser context; answers of an `expected` status may come."""

    def __init__(self, context: BrowserContext, expected: Sequence[int] = ()) -> None:
        self.wrong: list[str] = []
        self._expected = expected
        context.on("console", self._console)
        context.on("weberror", lambda error: self._note(f"error: {error.error}"))
        context.on("dialog", self._dialog)
        context.on("request", self._request)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)

    def _note(self, words: str) -> None:
        self.wrong.append(words)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning", "assert"):
            return
        if any(f"status of {status} " in message.text for status in self._expected):
            return
        self._note(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _dialog(self, dialog: Dialog) -> None:
        self._note(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.hostname not in _HERE:
            self._note(f"asked another machine: {request.url}")

    def _failed(self, request: Request) -> None:
        # Aborted: what was still loading when the visitor went on to another page.
        if request.failure != "net::ERR_ABORTED":
            self._note(f"failed: {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._expected:
            self._note(f"{response.status}: {response.request.method} {response.url}")


def scrolls_sideways(page: Page) -> bool:
    """Whether the page is wider than its window."""
    width: int = page.evaluate("document.documentElement.scrollWidth")
    size = page.viewport_size
    assert size is not None
    return width > size["width"]


def widest_elements(page: Page) -> list[str]:
    """The elements that reach beyond the window, to name them when a page scrolls sideways."""
    found: list[str] = page.evaluate(
        """() => [...document.body.querySelectorAll("*")]
            .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
            .slice(0, 8).map((each) => each.outerHTML.slice(0, 120))"""
    )
    return found
