"""What holds for every page: nothing goes wrong, everybody can use it, it fits a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, StorageState, expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import DESKTOP, PAGES, PHONE, ShownPage, visit
from tests.browser.shop import Shop
from tests.browser.states import STATES
from tests.browser.watching import scrolls_sideways, widest_elements

_SERIOUS = ("serious", "critical")


@pytest.mark.parametrize("shown", PAGES, ids=lambda shown: shown.name)
def test_every_page_can_be_used_by_everybody(
    open_page: OpenPage, shop: Shop, admin_state: StorageState, shown: ShownPage
) -> None:
    """Checked by axe in light and dark; without motion, so that no colour is half way."""
    state = admin_state if shown.admin else None
    page = open_page(expected=[shown.status], reduced_motion="reduce", storage_state=state)
    with STATES[shown.state](shop):
        for size in (DESKTOP, PHONE):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme="light")
            visit(page, shown, shop.places)
            assert not scrolls_sideways(page), widest_elements(page)
            assert serious_findings(page) == []
            page.emulate_media(color_scheme="dark")
            expect(page.locator(shown.dark)).to_be_attached()
            assert serious_findings(page) == []


def serious_findings(page: Page) -> list[str]:
    """What axe finds serious or critical, with the elements it means."""
    results = Axe().run(page)
    return [
        f"{each['id']}: {each['help']}: {node['html'][:160]}"
        for each in results.response["violations"]
        if each["impact"] in _SERIOUS
        for node in each["nodes"]
    ]
