"""The page of webhooks as an admin uses it: on a phone, by keyboard, with what failed on it."""

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.orm import Session

from catalog.accounts import create_user
from catalog.deliveries import Outcome, claim_due, record_outcome
from tests.web.conftest import PASSWORD
from tests.web.test_embed_browser import browser, page, page_of_a_shop, said, server

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["browser", "page", "page_of_a_shop", "said", "server"]

pytestmark = pytest.mark.browser


def test_a_webhook_is_made_tried_and_deleted(
    page: "Page", server: str, session: Session, said: list[str]
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    create_user(session, "admin@example.com", PASSWORD, is_admin=True)
    session.commit()
    page.goto(f"{server}/login?next=/admin/webhooks/")
    page.get_by_label("Email").fill("admin@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    page.get_by_role("heading", name="New webhook").wait_for()
    said.clear()  # what the login page has to say is not looked at here
    page.get_by_label("Address").fill("https://shop.example/hook")
    page.get_by_label("Address").press("Enter")
    secret = page.locator(".secret pre").inner_text()
    assert secret.startswith("whsec_")
    page.get_by_role("button", name="Send a test event").click()
    page.get_by_text("A test event is on its way.").wait_for()
    assert secret not in page.content()

    (outgoing,) = claim_due(session, 1)
    record_outcome(session, outgoing.id, Outcome(500, "It answered 500 " + "x" * 280))
    session.commit()
    page.reload()
    page.get_by_text("Attempt 1 of 10").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    findings = Axe().run(page).response["violations"]
    assert [one["id"] for one in findings if one["impact"] in ("serious", "critical")] == []

    page.get_by_text("Delete…").press("Enter")
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_text("No webhook yet").wait_for()
    assert said == []
