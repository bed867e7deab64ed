"""Webhooks in a browser: the secret is shown once, events arrive, what can't is explained."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from standardwebhooks import Webhook

from stack.processes import free_port
from tests.browser.pages import PHONE
from tests.browser.receiver import Receiver, receiving
from tests.browser.watching import scrolls_sideways
from tests.whole.running import wait_for


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def create(page: Page, address: str) -> str:
    """Make a webhook; returns its secret."""
    page.goto("/admin/webhooks/")
    page.get_by_label("Address").fill(address)
    page.get_by_label("Address").press("Enter")
    return page.locator(".secret pre").inner_text()


def delete(page: Page, address: str) -> None:
    webhook = page.locator(".webhook").filter(has_text=address)
    webhook.get_by_text("Delete…").press("Enter")
    webhook.get_by_role("button", name="Delete for good").click()
    expect(webhook).to_have_count(0)


def test_a_test_event_arrives_signed_with_the_secret_that_was_shown_once(
    admin_page: Page, receiver: Receiver
) -> None:
    secret = create(admin_page, receiver.url)
    admin_page.get_by_role("button", name="Send a test event").click()
    expect(admin_page.get_by_text("A test event is on its way.")).to_be_visible()
    assert secret not in admin_page.content()
    wait_for("the event arrives", lambda: bool(receiver.received), 60)
    ((headers, body),) = receiver.received
    assert Webhook(secret).verify(body, headers)["type"] == "webhook.test"
    while not admin_page.get_by_text("It answered 204.").count():
        admin_page.reload()
    delete(admin_page, receiver.url)


def test_what_cannot_be_delivered_is_explained_on_a_phone(admin_page: Page) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/{'long' * 40}"
    admin_page.set_viewport_size(PHONE)
    create(admin_page, nobody)
    admin_page.get_by_role("button", name="Send a test event").click()
    while not admin_page.get_by_text("Attempt 1 of 10").count():
        admin_page.reload()
    assert not scrolls_sideways(admin_page)
    delete(admin_page, nobody)
