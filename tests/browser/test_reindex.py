"""The re-index wizard in a browser: choose, forecast, watch, compare, switch, roll back, cancel."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.shop import Shop
from tests.browser.states import held


@pytest.fixture
def wizard(admin_page: Page) -> Page:
    admin_page.goto("/admin/")
    admin_page.get_by_role("link", name="Open the re-index wizard").click()
    return admin_page


def start(wizard: Page, kind: str, switch: str) -> None:
    wizard.get_by_role("radio", name=kind).check()
    wizard.get_by_role("button", name="How long would it take?").click()
    expect(wizard.locator(".forecast-total")).to_contain_text("second")
    wizard.get_by_role("radio", name=switch).check()
    wizard.get_by_role("button", name="Start the re-index").click()
    expect(wizard.get_by_text("The re-index has started")).to_be_visible()


def active_index(page: Page) -> str:
    return page.locator(".facts dd").first.inner_text().partition(",")[0]


def test_an_index_is_built_compared_switched_to_and_rolled_back(wizard: Page) -> None:
    before = active_index(wizard)
    start(wizard, "Stored vectors", "Wait for me")
    # The page shows by itself when the new index is ready.
    expect(wizard.get_by_role("heading", name="The gate holds")).to_be_visible()
    expect(wizard.locator(".compared")).not_to_have_count(0)
    expect(wizard.get_by_text("0% of neighbours changed")).to_be_visible()
    wizard.get_by_role("button", name="Switch to the new index").click()
    expect(wizard.get_by_text("The new index is active")).to_be_visible()
    assert active_index(wizard) != before
    wizard.get_by_role("button", name="Roll back").click()
    expect(wizard.get_by_text("The previous index is active again")).to_be_visible()
    assert active_index(wizard) == before


def test_a_reindex_that_runs_is_cancelled_and_nothing_changes(wizard: Page, shop: Shop) -> None:
    before = active_index(wizard)
    with held(shop, "worker-bulk"):
        start(wizard, "Stored crops", "Switch over by itself")
        wizard.get_by_role("button", name="Cancel the re-index").click()
        expect(wizard.get_by_text("stops at its next step")).to_be_visible()
    wizard.get_by_role("link", name="Re-index", exact=True).click()
    expect(wizard.get_by_role("link", name="The last re-index was cancelled")).to_be_visible()
    assert active_index(wizard) == before


def test_a_new_index_that_is_not_wanted_is_discarded(wizard: Page) -> None:
    before = active_index(wizard)
    start(wizard, "Stored vectors", "Wait for me")
    wizard.get_by_label("Neighbours that may change").fill("5")
    wizard.get_by_role("button", name="Set").click()
    expect(wizard.get_by_text("The gate has its new limit")).to_be_visible()
    wizard.get_by_role("button", name="Discard the new index").click()
    expect(wizard.get_by_text("The new index is dropped")).to_be_visible()
    assert active_index(wizard) == before
