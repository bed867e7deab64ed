"""The review of photos in a browser: garments are corrected by mouse and keyboard, and stay so."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import PHONE
from tests.browser.shop import Shop
from tests.browser.states import doubting
from tests.browser.test_every_page import serious_findings
from tests.browser.watching import scrolls_sideways

NAMES = ("x0", "y0", "x1", "y1")


@pytest.fixture
def photo(shop: Shop) -> dict[str, Any]:
    """The photo with the most garments, not of the item that other tests look at; its `item`."""
    others = [item for item in shop.items if item["id"] != shop.places["item"]]
    photos = [each | {"item": item} for item in others for each in item["photos"]]
    return max(photos, key=lambda each: len(each["garments"]))


@pytest.fixture
def review(admin_page: Page, shop: Shop, photo: dict[str, Any]) -> Iterator[Page]:
    """That photo, come to from its item's page; all that was said of it is taken back."""
    item = photo["item"]
    number = [each["sha256"] for each in item["photos"]].index(photo["sha256"])
    admin_page.goto(f"/items/{item['id']}")
    admin_page.get_by_role("link", name="Correct what was seen").nth(number).click()
    expect(garments(admin_page)).to_have_count(len(photo["garments"]))
    yield admin_page
    reviewed = shop.send("GET", "/review", params={"reason": "reviewed"}).json()["items"]
    for garment in (garment for entry in reviewed for garment in entry["garments"]):
        if garment["correction"] != "unreviewed":
            shop.send("DELETE", f"/garments/{garment['id']}/correction")


def garments(page: Page) -> Locator:
    return page.locator(".review-garment[data-garment]")


def ids_of(garments: Locator) -> set[str]:
    ids: list[str] = garments.evaluate_all("all => all.map((each) => each.dataset.garment)")
    return set(ids)


def drag(page: Page, edge: str, dx: float, dy: float) -> None:
    box: Any = page.locator(f".grip[data-edge={edge}]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up()


def box_of(garment: Locator) -> list[int]:
    return [int(garment.locator(f"[name={name}]").input_value()) for name in NAMES]


def test_what_was_corrected_is_what_a_reindex_finds(
    review: Page, shop: Shop, photo: dict[str, Any]
) -> None:
    first, second, third, fourth = (garments(review).nth(number) for number in range(4))
    ids = ids_of(garments(review))
    seen = {garment["category"] for garment in photo["garments"]}
    other = next(name for name in ("coat", "hat", "scarf") if name not in seen)
    first.get_by_role("combobox").select_option(other)
    first.get_by_role("button", name="Change the category").click()
    expect(review.get_by_text(f"Its category is “{other}” now.")).to_be_visible()
    review.keyboard.press("2")
    review.keyboard.press("b")
    before = box_of(second)
    drag(review, "se", -12, -12)
    drawn = box_of(second)
    assert drawn[:2] == before[:2]
    assert drawn[2] < before[2]
    assert drawn[3] < before[3]
    assert serious_findings(review) == []
    review.keyboard.press("Enter")
    expect(review.get_by_text("Its crop is being re-cut")).to_be_visible()
    third.get_by_role("button", name="Exclude").click()
    expect(third).to_contain_text("excluded")
    review.keyboard.press("4")
    review.keyboard.press("a")
    expect(fourth).to_contain_text("accepted")
    # The page follows by itself until the crop is cut anew.
    expect(review.locator(".busy")).to_have_count(0)
    shop.run("/reindex", kind="photos", switch="auto")
    review.reload()
    assert ids_of(garments(review)) == ids
    # Its name, not one of the choices.
    named = review.locator("strong", has_text=other.capitalize())
    expect(garments(review).filter(has=named)).to_have_count(1)
    redrawn = garments(review).filter(has_text="box redrawn")
    assert box_of(redrawn) == pytest.approx(drawn, abs=1)
    expect(garments(review).filter(has_text="excluded")).to_have_count(1)
    expect(garments(review).filter(has_text="accepted")).to_have_count(1)
    review.goto(f"/items/{photo['item']['id']}")
    expect(review.locator(".garment-row").filter(has_text=other.capitalize())).to_have_count(1)


def test_the_queue_is_gone_through_without_a_mouse(admin_page: Page, shop: Shop) -> None:
    with doubting(shop):
        admin_page.goto("/admin/review/")
        expect(admin_page.get_by_text("what was seen is another kind of garment")).to_be_visible()
        admin_page.keyboard.press("a")
        expect(admin_page.get_by_role("heading", name="Nothing to review")).to_be_visible()
        admin_page.get_by_role("link", name="Reviewed").press("Enter")
        expect(garments(admin_page).filter(has_text="accepted")).to_have_count(1)
        admin_page.keyboard.press("u")
        expect(admin_page.get_by_text("Taken back")).to_be_visible()


def test_a_box_stays_in_the_photo_moves_by_arrows_and_goes_by_escape(review: Page) -> None:
    first = garments(review).first
    width, height = (
        int(review.locator("[data-entry]").get_attribute(f"data-{name}") or 0)
        for name in ("width", "height")
    )
    review.keyboard.press("1")
    review.keyboard.press("b")
    drag(review, "se", 900, 900)
    assert box_of(first)[2:] == [width, height]
    drag(review, "nw", 30, 30)
    before = box_of(first)
    review.keyboard.press("ArrowLeft")
    assert box_of(first)[0] < before[0]
    assert box_of(first)[1] == before[1]
    review.keyboard.press("Shift+ArrowUp")
    assert box_of(first)[3] < before[3]
    review.keyboard.press("Escape")
    expect(review.locator(".drawn-box")).to_have_count(0)


def test_keys_are_letters_where_one_writes_and_where_shortcuts_are_off(review: Page) -> None:
    address = review.url
    review.keyboard.press("1")
    review.keyboard.press("c")
    expect(garments(review).first.get_by_role("combobox")).to_be_focused()
    review.keyboard.press("x")
    review.get_by_role("checkbox", name="Keyboard shortcuts").uncheck()
    review.reload()
    review.keyboard.press("x")
    expect(review.get_by_role("checkbox", name="Keyboard shortcuts")).not_to_be_checked()
    assert review.url.partition("#")[0] == address.partition("#")[0]
    expect(garments(review).filter(has_text="excluded")).to_have_count(0)


def test_a_garment_can_be_added_on_a_phone(review: Page) -> None:
    review.set_viewport_size(PHONE)
    review.locator("[data-new] summary").click()
    expect(review.locator(".drawn-box")).to_be_visible()
    assert not scrolls_sideways(review)
