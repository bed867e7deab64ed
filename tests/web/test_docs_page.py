"""The interactive page of the API in a real browser: a token, a call, nothing from elsewhere."""

import threading
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from catalog.accounts import create_token
from tests.web.conftest import Shop

pytestmark = pytest.mark.browser

_CHROMIUM = "/usr/bin/chromium"
_LIST_ITEMS = "#operations-items-list_items"


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_call_is_tried_out_with_a_token(
    address: str, shop: Shop, session: Session, scheme: Literal["light", "dark"]
) -> None:
    from playwright.sync_api import sync_playwright

    shop.add_item("A-100")
    token = create_token(session, "developer", ["read"])
    session.commit()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(color_scheme=scheme)
        complaints: list[str] = []
        asked: set[str] = set()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
        page.goto(f"{address}/api/docs")
        page.click(".btn.authorize")
        page.fill(".auth-container input", token)
        page.click(".auth-btn-wrapper .btn.authorize")
        page.click(".btn-done")
        page.click(f"{_LIST_ITEMS} .opblock-summary-control")
        page.click(f"{_LIST_ITEMS} .try-out__btn")
        page.click(f"{_LIST_ITEMS} .execute")
        answer = page.locator(f"{_LIST_ITEMS} .live-responses-table tbody")
        answer.get_by_text("A-100").first.wait_for()
        assert answer.locator(".response-col_status").first.inner_text().startswith("200")
        is_dark = page.evaluate("document.documentElement.classList.contains('dark-mode')")
        browser.close()
    assert is_dark == (scheme == "dark")
    assert complaints == []
    assert asked <= {urlsplit(address).netloc, ""}
