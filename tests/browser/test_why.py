"""Why an item is similar, in a browser: one card, all of them, and a page of its own."""

from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.shop import Shop


def shows_why(place: Locator) -> None:
    """What each descriptor says, and heat on both garments, once a worker has found it out."""
    expect(place.locator(".why-bars li")).not_to_have_count(0)
    expect(place.get_by_role("img", name="Heat map")).to_have_count(2)
    loaded = """all => Promise.all(all.map((each) => {
        const picture = new Image();
        picture.src = each.href.baseVal;
        return picture.decode().then(() => picture.naturalWidth > 0);
    }))"""
    assert place.locator("svg image").evaluate_all(loaded) == [True, True]


def test_a_result_says_why_in_its_card(page: Page, shop: Shop) -> None:
    page.goto(f"/items/{shop.places['item']}?garment={shop.places['garment']}")
    card = page.locator("#similar .item-cell").last
    card.hover()
    card.get_by_role("link", name="Why?").click()
    shows_why(card)
    card.get_by_role("link", name="Close").click()
    expect(card.locator(".why-place")).to_have_count(0)


def test_the_switch_says_it_of_all_and_stays_in_the_address(page: Page, shop: Shop) -> None:
    page.goto(f"/items/{shop.places['item']}?garment={shop.places['garment']}")
    page.get_by_role("checkbox", name="Show why").check()
    page.wait_for_url("**why=1**")
    for number in range(2):
        card = page.locator("#similar .item-cell").nth(number)
        card.scroll_into_view_if_needed()
        shows_why(card)
    page.reload()
    expect(page.get_by_role("checkbox", name="Show why")).to_be_checked()


def test_without_script_it_is_a_page_that_looks_again(open_page: OpenPage, shop: Shop) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(f"/items/{shop.places['item']}?garment={shop.places['garment']}")
    page.locator("#similar").get_by_role("link", name="Why?").first.click()
    expect(page.locator(".why-bars li")).not_to_have_count(0)
    page.get_by_role("link", name="Similar items").click()
    assert urlsplit(page.url).path == f"/items/{shop.places['item']}"
