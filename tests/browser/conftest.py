"""A running stack with a drawn catalog, and browsers that fail a test for what goes wrong unseen.

`make test-browser` runs these tests; `make setup-browser` installs the Chromium they drive.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright
from playwright.sync_api import expect as _expect

from stack.processes import free_port
from tests.browser.chromium import launch_chromium
from tests.browser.pages import DESKTOP
from tests.browser.places import find_places
from tests.browser.shop import SETTINGS, Shop, log_in
from tests.browser.watching import Watch
from tests.whole.running import running_stack

_PATIENCE_MS = 60_000
"""Everything is waited for by asking; this is only when to give up on a slow machine."""

OpenPage = Callable[..., Page]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder need a browser, and the first of them starts the stack."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(1500))
    # Playwright can't be started once more while a browser is open: what looks for one goes first.
    items.sort(key=lambda item: "chromium" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The product, as `lookalike up` starts it, with a drawn catalog."""
    folder = tmp_path_factory.mktemp("browser")
    site = f"http://localhost:{free_port()}"
    with running_stack(folder / "home", **SETTINGS, EMBED_ORIGINS=site) as stack:
        shop = Shop(stack, folder / "sample", site)
        shop.fill()
        shop.places.update(find_places(shop))
        yield shop


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, shop: Shop) -> Iterator[OpenPage]:
    """Open a browser of its own, with `options` of Playwright's contexts; a blank page in it.

    Answers with an `expected` status of 400 or more may come. Whatever else goes wrong in any
    of them fails the test in the end.
    """
    opened: list[tuple[BrowserContext, Watch]] = []

    def open_one(*, expected: Sequence[int] = (), **options: Any) -> Page:
        settings = {"base_url": shop.url, "viewport": DESKTOP} | options
        context = chromium.new_context(**settings)
        context.set_default_timeout(_PATIENCE_MS)
        opened.append((context, Watch(context, expected)))
        return context.new_page()

    _expect.set_options(timeout=_PATIENCE_MS)
    yield open_one
    for context, _ in opened:
        context.close()
    wrong = [words for _, watch in opened for words in watch.wrong]
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A visitor's page on a desktop."""
    return open_page()


@pytest.fixture(scope="session")
def admin_state(chromium: Browser, shop: Shop) -> StorageState:
    """The cookies of an admin who has logged in by a one-time link."""
    context = chromium.new_context(base_url=shop.url)
    log_in(context.new_page(), shop)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def admin_page(open_page: OpenPage, admin_state: StorageState) -> Page:
    """An admin's page on a desktop."""
    return open_page(storage_state=admin_state)
