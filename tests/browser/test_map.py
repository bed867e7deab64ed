"""The map in a browser: made by a button, looked at by mouse, by keyboard and by finger."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.shop import Shop


@pytest.fixture
def points(shop: Shop) -> list[dict[str, Any]]:
    """The points of the map that there is."""
    found: list[dict[str, Any]] = shop.stack.get("/map/points", limit=5000)["items"]
    assert len(found) > 8
    return found


def show(page: Page, point: dict[str, Any], zoom: int = 8) -> Locator:
    """The map with this point in its very middle."""
    page.goto(f"/map?x={point['x']:.6f}&y={point['y']:.6f}&zoom={zoom}")
    expect(page.locator("[data-map]")).to_have_attribute("aria-busy", "false")
    return page.locator("[data-map-view]")


def test_an_admin_has_it_made_anew(admin_page: Page) -> None:
    admin_page.goto("/map")
    before = str(admin_page.locator("[data-map]").get_attribute("data-points"))
    admin_page.get_by_role("button", name="Make it anew").click()
    # The page shows by itself how far it is, and then the new map.
    expect(admin_page.locator("[data-map]")).not_to_have_attribute("data-points", before)
    expect(admin_page.locator("[data-map]")).to_have_attribute("aria-busy", "false")


def test_the_mouse_shows_a_garment_and_opens_it(page: Page, points: list[dict[str, Any]]) -> None:
    view = show(page, points[0])
    view.hover()
    card = page.locator("[data-map-card]")
    expect(card).to_have_attribute("href", re.compile(points[0]["garment"]))
    expect(card.locator("img")).to_have_js_property("complete", True)
    expect(card).to_contain_text(points[0]["category"], ignore_case=True)
    view.click()
    page.wait_for_url(f"**/items/*garment={points[0]['garment']}**")


def test_dragging_and_the_wheel_change_the_address(page: Page, points: list[Any]) -> None:
    view = show(page, points[0], zoom=1)
    view.hover()
    page.mouse.wheel(0, -300)
    page.wait_for_url(lambda url: float(re.findall(r"zoom=([\d.]+)", url)[0]) > 1.5)
    before = page.url
    page.mouse.down()
    page.mouse.move(300, 500, steps=4)
    page.mouse.up()
    page.wait_for_url(lambda url: url != before)
    page.get_by_role("button", name="Show the whole map").click()
    page.wait_for_url(re.compile(r"/map$"))


def test_the_keyboard_steps_through_garments_and_opens_one(
    page: Page, points: list[dict[str, Any]]
) -> None:
    left = min(points, key=lambda point: point["x"])
    view = show(page, left)
    view.focus()
    card = page.locator("[data-map-card]")
    page.keyboard.press("Enter")
    expect(card).to_have_attribute("href", re.compile(left["garment"]))
    expect(page.locator("[data-map-say]")).not_to_be_empty()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    page.keyboard.press("Enter")
    expect(card).to_have_attribute("href", re.compile(left["garment"]))
    for arrow in ("ArrowRight", "ArrowDown", "ArrowUp"):
        page.keyboard.press(arrow)
    expect(card).not_to_have_attribute("href", re.compile(left["garment"]))
    expect(card).to_have_attribute("href", re.compile("garment="))
    page.keyboard.press("Enter")
    page.wait_for_url("**/items/*garment=*")


def test_categories_are_switched_off_and_stay_off(page: Page, points: list[Any]) -> None:
    shown = points[0]["category"]
    view = show(page, points[0])
    toggle = page.get_by_role("checkbox", name=shown.capitalize(), exact=True)
    toggle.uncheck()
    page.wait_for_url("**hide=**")
    page.reload()
    expect(toggle).not_to_be_checked()
    view.hover()
    expect(page.locator("[data-map-card]")).not_to_have_attribute(
        "href", re.compile(points[0]["garment"])
    )
    page.get_by_role("button", name="Hide all").click()
    expect(page.get_by_text("No garment here")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_text("No garment here")).to_be_hidden()


def test_a_finger_picks_a_garment_first_and_then_opens_it(
    open_page: OpenPage, points: list[dict[str, Any]]
) -> None:
    page = open_page(viewport={"width": 380, "height": 800}, has_touch=True)
    view = show(page, points[0])
    view.tap()
    card = page.get_by_role("link", name="Open the item")
    expect(card).to_have_attribute("href", re.compile(points[0]["garment"]))
    card.tap()
    page.wait_for_url(f"**/items/*garment={points[0]['garment']}**")


def test_the_list_of_categories_leads_to_the_catalog(page: Page, points: list[Any]) -> None:
    category = points[0]["category"]
    page.goto("/map")
    page.get_by_role("link", name=re.compile(f"items that sell {category}$")).click()
    page.wait_for_url(f"**/?category={category}")


def test_without_scripts_the_list_is_still_there(open_page: OpenPage, points: list[Any]) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/map")
    expect(page.get_by_text("Loading")).to_be_hidden()
    expect(page.locator(".map-legend li a").first).to_be_visible()
    expect(page.locator(".map-legend input").first).to_be_hidden()
