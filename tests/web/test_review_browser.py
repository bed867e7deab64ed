"""The review page in a real browser: dragging a box, the keyboard, and what assistive tools see."""

import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from catalog.accounts import create_user, make_login_link
from catalog.summaries import refresh_summaries
from catalog.tables import Correction, Garment, Item
from tests.web.conftest import PASSWORD, Shop

pytestmark = pytest.mark.browser


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def doubtful(shop: Shop, session: Session) -> list[Item]:
    """Two items whose sold garment the model is unsure of."""
    items = [shop.add_item(sku, ("jacket", "shoes"), category="Jackets") for sku in ("a", "b")]
    session.execute(update(Garment).where(Garment.role == "sold").values(score=0.45))
    refresh_summaries(session, [item.id for item in items])
    session.commit()
    return items


@pytest.fixture
def page(address: str, session: Session, doubtful: list[Item]) -> Iterator[Page]:
    """The first photo of the queue, as an admin sees it."""
    user = create_user(session, "admin@example.com", PASSWORD, is_admin=True)
    secret = make_login_link(session, user, 600)
    session.commit()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.goto(f"{address}/login/link/{secret}")
        page.locator("main button").click()
        page.goto(f"{address}/admin/review/")
        yield page
        browser.close()


def drag(page: Page, edge: str, dx: float, dy: float) -> None:
    box: Any = page.locator(f".grip[data-edge={edge}]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up()


def fields(page: Page) -> list[int]:
    card = page.locator(".review-garment.selected")
    return [int(card.locator(f"[name={name}]").input_value()) for name in ("x0", "y0", "x1", "y1")]


def test_a_box_is_dragged_moved_by_arrows_and_saved(page: Page, session: Session) -> None:
    page.keyboard.press("b")
    page.locator(".drawn-box").wait_for()
    assert fields(page) == [10, 10, 40, 50]
    shown: Any = page.locator(".outlined img").bounding_box()
    unit = shown["width"] / 60
    drag(page, "se", 10 * unit, 20 * unit)
    drag(page, "w", -6 * unit, 0)
    assert fields(page) == pytest.approx([4, 10, 50, 70], abs=1)
    before = fields(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    assert fields(page) == [before[0] + 1, before[1], before[2] + 1, before[3] - 1]
    wanted = fields(page)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "being re-cut" in page.locator(".alert").inner_text()
    (correction,) = session.scalars(select(Correction)).all()
    assert correction.new_box == wanted


def test_a_box_that_leaves_the_photo_ends_at_its_edge(page: Page) -> None:
    page.keyboard.press("b")
    drag(page, "se", 900, 900)
    assert fields(page)[2:] == [60, 80]
    page.keyboard.press("Escape")
    assert page.locator(".drawn-box").count() == 0


def test_one_goes_through_the_queue_without_a_mouse(page: Page, session: Session) -> None:
    with page.expect_navigation():
        page.keyboard.press("a")
    assert page.locator(".review-title").inner_text() == "Title of b"
    page.keyboard.press("2")
    assert "Shoes" in page.locator(".review-garment.selected").inner_text()
    page.keyboard.press("c")
    page.keyboard.press("a")
    assert page.locator(".review-title").inner_text() == "Title of b", "a choice, not a shortcut"
    page.keyboard.press("Escape")
    page.locator("body").evaluate("() => document.activeElement.blur()")
    page.keyboard.press("1")
    with page.expect_navigation():
        page.keyboard.press("x")
    assert "another kind of garment" in page.locator(".reasons").inner_text()
    with page.expect_navigation():
        page.keyboard.press("a")
    assert "Nothing to review" in page.locator("main").inner_text()
    said = sorted(correction.excluded for correction in session.scalars(select(Correction)))
    assert said == [False, False, True]


def test_shortcuts_can_be_switched_off(page: Page, session: Session) -> None:
    page.locator("[data-shortcuts-on]").uncheck()
    page.reload()
    page.keyboard.press("a")
    page.locator(".review-garment.selected").wait_for()
    assert session.scalars(select(Correction)).all() == []


def test_assistive_tools_find_nothing_wrong(page: Page) -> None:
    for _ in range(2):
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        page.keyboard.press("b")


@pytest.mark.parametrize("width", [360, 1600])
def test_nothing_is_wider_than_the_screen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.locator("[data-new] summary").click()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
