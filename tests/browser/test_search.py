"""Search by photo in a browser: picked, pasted, dropped or taken, then several garments at once."""

import base64
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.shop import Shop

_PASTE = """(data) => document.dispatchEvent(
    new ClipboardEvent("paste", { clipboardData: data, bubbles: true }))"""


def arrives(page: Page) -> None:
    """The visitor is shown the garments of their photo and what looks like one of them."""
    expect(page.locator(".picks")).to_be_visible()
    expect(page.locator(".search-photo svg a").first).to_be_attached()
    expect(page.locator(".search-results .item-card").first).to_be_visible()


def transfer(page: Page, photo: Path) -> object:
    """What the browser hands to a page that a file is dropped on or pasted into."""
    return page.evaluate_handle(
        """(encoded) => {
            const bytes = Uint8Array.from(atob(encoded), (each) => each.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], "me.jpg", { type: "image/jpeg" }));
            return data;
        }""",
        base64.b64encode(photo.read_bytes()).decode(),
    )


@pytest.fixture
def start(page: Page) -> Page:
    page.goto("/search/")
    return page


def test_a_photo_that_is_picked_is_searched_with(start: Page, shop: Shop) -> None:
    start.get_by_label("Drop a photo here").set_input_files(shop.photo())
    arrives(start)


def test_a_photo_that_is_pasted_is_searched_with(start: Page, shop: Shop) -> None:
    start.evaluate(_PASTE, transfer(start, shop.photo(1)))
    arrives(start)


def test_a_photo_that_is_dropped_is_searched_with(start: Page, shop: Shop) -> None:
    start.dispatch_event("[data-drop]", "drop", {"dataTransfer": transfer(start, shop.photo(2))})
    arrives(start)


def test_a_phone_may_take_one_with_its_camera(open_page: OpenPage, shop: Shop) -> None:
    page = open_page(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    page.goto("/search/")
    with page.expect_file_chooser() as waited:
        page.get_by_role("button", name="Take a photo").click()
    waited.value.set_files(shop.photo())
    arrives(page)


def test_several_garments_are_searched_for_at_once(page: Page, shop: Shop) -> None:
    page.goto(f"/search/{shop.places['search']}")
    sections = page.locator(".search-results section")
    expect(sections).to_have_count(1)
    page.locator(".pick input:not(:checked)").first.check()
    expect(sections).to_have_count(2)
    expect(page.locator(".search-photo svg a.selected")).to_have_count(2)
    page.reload()
    expect(sections).to_have_count(2)


def test_a_file_that_is_no_photo_is_explained(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(expected=[422])
    page.goto("/search/")
    words = tmp_path / "words.jpg"
    words.write_text("no photo at all")
    page.get_by_label("Drop a photo here").set_input_files(words)
    expect(page.get_by_role("alert")).to_contain_text("no JPEG, PNG or WebP")
