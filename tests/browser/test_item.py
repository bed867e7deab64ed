"""An item in a browser: its garments light up, a click asks, and every control answers in place."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.shop import Shop


@pytest.fixture
def item_page(page: Page, shop: Shop) -> Page:
    """The page of an item whose sold garment has look-alikes."""
    page.goto(f"/items/{shop.places['item']}?garment={shop.places['garment']}")
    mark(page)
    return page


def mark(page: Page) -> None:
    """A mark that is gone when the page is loaded anew."""
    page.evaluate("window.kept = true")


def is_the_same_page(page: Page) -> bool:
    return bool(page.evaluate("window.kept === true"))


def hits(page: Page) -> Locator:
    return page.locator("#similar .item-card")


def test_a_garment_lights_up_in_photo_and_list_under_pointer_and_focus(item_page: Page) -> None:
    row = item_page.locator(".garment-row").first
    outline = item_page.locator(f"svg [data-garment='{row.get_attribute('data-garment')}']")
    row.hover()
    expect(outline).to_have_class(re.compile("hovered"))
    item_page.mouse.move(0, 0)
    expect(outline).not_to_have_class(re.compile("hovered"))
    outline.focus()
    expect(row).to_have_class(re.compile("hovered"))


def test_a_click_makes_a_garment_the_query_without_loading_the_page(item_page: Page) -> None:
    other = item_page.locator(".garment-row:not(.selected)").first
    garment = other.get_attribute("data-garment")
    row = item_page.locator(f".garment-row[data-garment='{garment}']")
    item_page.locator(f"svg [data-garment='{garment}'] polygon").first.dispatch_event("click")
    expect(row).to_have_attribute("aria-current", "true")
    expect(item_page.locator(f"#similar input[name=garment][value='{garment}']")).to_be_attached()
    item_page.wait_for_url(f"**garment={garment}**")
    assert is_the_same_page(item_page)
    item_page.reload()
    expect(row).to_have_attribute("aria-current", "true")


def test_switches_and_slider_answer_in_place_and_stay_in_the_address(item_page: Page) -> None:
    item_page.get_by_role("checkbox", name="Any garment").check()
    item_page.wait_for_url("**any=1**")
    item_page.get_by_role("slider").fill("60")
    item_page.wait_for_url("**variety=60**")
    assert is_the_same_page(item_page)
    shown = hits(item_page).all_inner_texts()
    item_page.reload()
    assert hits(item_page).all_inner_texts() == shown
    expect(item_page.get_by_role("slider")).to_have_value("60")
    item_page.get_by_label("Highest price").fill("0.01")
    item_page.get_by_label("Highest price").press("Enter")
    expect(item_page.locator("#similar .photo-note")).to_contain_text("Nothing similar")


def test_likes_and_dislikes_steer_what_comes_next(item_page: Page) -> None:
    item_page.get_by_role("checkbox", name="Any garment").check()
    item_page.wait_for_url("**any=1**")
    titles = item_page.locator("#similar .item-title").all_inner_texts()
    cell = item_page.locator("#similar .item-cell").first
    cell.hover()
    cell.get_by_role("button", name="Less like this").click()
    item_page.wait_for_url("**dislike=**")
    expect(item_page.locator(".taste-one.disliked")).to_have_count(1)
    after = item_page.locator("#similar .item-title").all_inner_texts()
    assert after != titles
    cell.hover()
    cell.get_by_role("button", name="More like this").click()
    item_page.wait_for_url("**&like=**")
    expect(item_page.locator(".taste-one")).to_have_count(2)
    assert item_page.locator("#similar .item-title").all_inner_texts() != after
    for left in (1, 0):
        item_page.get_by_role("button", name="Forget this garment").first.click()
        expect(item_page.locator(".taste-one")).to_have_count(left)
    assert item_page.locator("#similar .item-title").all_inner_texts() == titles
    assert is_the_same_page(item_page)


def test_a_similar_item_opens_with_its_garment_chosen(item_page: Page) -> None:
    title = hits(item_page).first.locator(".item-title").inner_text()
    hits(item_page).first.click()
    expect(item_page.get_by_role("heading", level=1)).to_have_text(title)
    expect(item_page.locator(".garment-row.selected")).to_have_count(1)


def test_the_look_is_completed_under_the_similar_items(item_page: Page) -> None:
    item_page.get_by_role("link", name="Complete the look").click()
    expect(item_page.locator(".look h2")).to_be_visible()
    assert is_the_same_page(item_page)


def test_nothing_moves_for_who_wants_no_motion(open_page: OpenPage, shop: Shop) -> None:
    page = open_page(reduced_motion="reduce")
    page.goto(f"/items/{shop.places['item']}")
    expect(hits(page).first).to_be_visible()
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].map((each) => getComputedStyle(each))
            .filter((each) => each.transitionDuration.split(", ").some((d) => d !== "0s")
                && each.transitionProperty !== "none").length"""
    )
    assert moving == 0
