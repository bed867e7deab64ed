"""The pages without a mouse, without script, on a phone, and in the dark."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import PHONE
from tests.browser.shop import Shop
from tests.browser.watching import scrolls_sideways


def press_until(page: Page, key: str, selector: str, most: int = 120) -> None:
    """Press the key until something that matches has the focus, and can be seen to have it."""
    for _ in range(most):
        page.keyboard.press(key)
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            break
    else:
        raise AssertionError(f"{selector} has not come by {key}")
    focused = page.locator(":focus")
    expect(focused).to_be_visible()
    assert focused.evaluate(
        """(each) => [each, each.nextElementSibling, each.querySelector("polygon")]
            .some((one) => one && (getComputedStyle(one).outlineStyle !== "none"
                || parseFloat(getComputedStyle(one).strokeWidth) >= 3))"""
    ), "nobody sees where the focus is"


def test_the_keyboard_alone_leads_from_the_start_to_a_similar_item(page: Page, shop: Shop) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()
    item = next(each for each in shop.items if each["id"] == shop.places["item"])
    page.keyboard.type(item["title"])
    page.keyboard.press("Enter")
    page.wait_for_url("**q=**")
    press_until(page, "Tab", f".item-card[href='/items/{item['id']}']")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/items/{item['id']}")
    press_until(page, "Tab", "svg a.garment")
    page.keyboard.press("Enter")
    page.wait_for_url("**garment=**")
    press_until(page, "Tab", "#similar input[name=any]")
    page.keyboard.press("Space")
    page.wait_for_url("**any=1**")
    expect(page.locator("#similar input[name=any]")).to_be_focused()
    press_until(page, "Tab", "#similar input[type=range]")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**variety=10**")
    expect(page.get_by_role("slider")).to_be_focused()
    press_until(page, "Tab", "#similar .item-card")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: urlsplit(url).path != f"/items/{item['id']}")
    expect(page.locator(".garment-row.selected")).to_have_count(1)


def test_the_keyboard_alone_leads_an_admin_through_a_forecast_to_a_new_token(
    admin_page: Page,
) -> None:
    admin_page.goto("/admin/")
    press_until(admin_page, "Tab", "nav.tabs a[href$='/reindex']")
    admin_page.keyboard.press("Enter")
    admin_page.wait_for_url("**/admin/reindex")
    press_until(admin_page, "Tab", "input[name=kind]")
    admin_page.keyboard.press("ArrowDown")
    expect(admin_page.get_by_role("radio", name="Stored crops")).to_be_checked()
    press_until(admin_page, "Tab", ".wizard-form .btn-primary")
    admin_page.keyboard.press("Enter")
    admin_page.wait_for_url("**kind=crops**")
    press_until(admin_page, "Tab", ".button-row a")
    admin_page.keyboard.press("Enter")
    expect(admin_page.get_by_role("radio", name="Stored crops")).to_be_checked()
    press_until(admin_page, "Tab", "nav.tabs a[href$='/tokens/']")
    admin_page.keyboard.press("Enter")
    admin_page.wait_for_url("**/admin/tokens/")
    press_until(admin_page, "Tab", ".token-form input[type=text]")
    admin_page.keyboard.type("made by keys")
    press_until(admin_page, "Tab", ".token-form button, .token-form .btn")
    admin_page.keyboard.press("Enter")
    expect(admin_page.locator(".secret")).to_be_visible()


@pytest.fixture
def plain(open_page: OpenPage) -> Page:
    """The page of a browser that runs no scripts."""
    return open_page(java_script_enabled=False)


def test_without_script_the_catalog_and_an_item_work(plain: Page, shop: Shop) -> None:
    plain.goto("/")
    plain.get_by_label("Sort by").select_option("dearest")
    plain.get_by_role("button", name="Sort", exact=True).click()
    expect(plain.get_by_label("Sort by")).to_have_value("dearest")
    plain.goto(f"/items/{shop.places['item']}")
    plain.locator("#similar").get_by_role("checkbox", name="Any garment").check()
    cell = plain.locator("#similar .item-cell").first
    cell.hover()
    cell.get_by_role("button", name="Less like this").click()
    expect(plain.locator(".taste-one.disliked")).to_have_count(1)
    expect(plain.get_by_role("checkbox", name="Any garment")).to_be_checked()
    plain.locator(".garment-row").last.click()
    expect(plain.locator(".garment-row").last).to_have_attribute("aria-current", "true")
    plain.get_by_role("link", name="Complete the look").click()
    expect(plain.locator(".look")).to_be_visible()


def test_without_script_a_photo_is_searched_with(plain: Page, shop: Shop) -> None:
    plain.goto("/search/")
    plain.get_by_label("Drop a photo here").set_input_files(shop.photo(3))
    plain.get_by_role("button", name="Find similar items").click()
    again = plain.get_by_role("link", name="Look again")
    expect(again.or_(plain.locator(".picks"))).to_be_visible()
    while again.count():
        again.click()
    expect(plain.locator(".search-results .item-card").first).to_be_visible()


def test_a_phone_folds_the_filters_away_and_finds_everything(
    open_page: OpenPage, shop: Shop
) -> None:
    page = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    page.goto("/")
    facet = page.locator("#facet-brands + ul a").first
    expect(facet).to_be_hidden()
    page.get_by_text("Filters", exact=True).tap()
    facet.tap()
    expect(page.locator(".chips")).to_be_visible()
    page.goto(f"/items/{shop.places['item']}")
    outline = page.locator("svg a.garment").last
    outline.dispatch_event("click")
    page.wait_for_url("**garment=**")
    # A finger does not hover: likes are there to be tapped.
    page.locator("#similar .tastes button").first.tap()
    page.wait_for_url("**like=**")
    assert not scrolls_sideways(page)


def test_the_dark_that_was_chosen_stays(open_page: OpenPage) -> None:
    page = open_page(color_scheme="light")
    page.goto("/")
    root = page.locator("html")
    expect(root).to_have_attribute("data-bs-theme", "light")
    page.get_by_role("button", name="Light or dark").click()
    expect(root).to_have_attribute("data-bs-theme", "dark")
    assert page.locator("body").evaluate("b => getComputedStyle(b).backgroundColor") == (
        "rgb(19, 23, 22)"
    )
    page.goto("/search/")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="Light or dark").click()
    page.reload()
    expect(root).to_have_attribute("data-bs-theme", "light")


def test_dark_is_what_the_system_asks_for(open_page: OpenPage) -> None:
    page = open_page(color_scheme="dark")
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
