"""Re-indexing from the admin's page: wait for a switch, switch, roll back; cancel one that runs."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.shop import Shop


@pytest.fixture
def overview(admin_page: Page) -> Page:
    admin_page.goto("/admin/")
    return admin_page


@contextmanager
def held(shop: Shop, name: str) -> Iterator[None]:
    """One process of the stack stands still, so that nothing ends before the test has acted."""
    group = shop.stack.state.pids[name]
    os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(group, signal.SIGCONT)


def start(overview: Page, kind: str, switch: str) -> None:
    overview.get_by_role("radio", name=kind).check()
    overview.get_by_role("radio", name=switch).check()
    overview.get_by_role("button", name="Start re-index").click()
    expect(overview.get_by_text("The re-index has started")).to_be_visible()


def index_named(overview: Page, name: str) -> Locator:
    return overview.get_by_role("row").filter(has=overview.get_by_role("cell", name=name))


def active_index(overview: Page) -> str:
    return index_named(overview, "active").get_by_role("cell").first.inner_text()


def test_an_index_is_built_switched_to_and_rolled_back(overview: Page) -> None:
    before = active_index(overview)
    start(overview, "Stored vectors", "Wait for me")
    # The page shows by itself when the new index is ready.
    overview.get_by_role("button", name="Activate").click()
    expect(overview.get_by_text("The new index is active")).to_be_visible()
    assert active_index(overview) != before
    overview.get_by_role("button", name="Roll back").click()
    expect(overview.get_by_text("The previous index is active again")).to_be_visible()
    assert active_index(overview) == before


def test_a_reindex_that_runs_is_cancelled_and_nothing_changes(overview: Page, shop: Shop) -> None:
    before = active_index(overview)
    with held(shop, "worker-bulk"):
        start(overview, "Stored crops", "Switch over by itself")
        overview.get_by_role("button", name="Cancel").click()
        expect(overview.get_by_text("The re-index stops at its next step")).to_be_visible()
    expect(overview.get_by_role("row", name="Re-index from crops").first).to_contain_text(
        "cancelled"
    )
    assert active_index(overview) == before
    expect(overview.get_by_role("button", name="Activate")).to_have_count(0)
