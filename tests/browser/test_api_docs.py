"""The interactive page of the API in a browser: a token, a call, the answer."""

from playwright.sync_api import Page, expect

from tests.browser.shop import Shop

_LIST_ITEMS = "#operations-items-list_items"


def test_a_call_is_tried_out_with_a_token(page: Page, shop: Shop) -> None:
    page.goto("/api/docs")
    page.locator(".btn.authorize").click()
    page.locator(".auth-container input").fill(shop.token)
    page.locator(".auth-btn-wrapper .btn.authorize").click()
    page.locator(".btn-done").click()
    page.locator(f"{_LIST_ITEMS} .opblock-summary-control").click()
    page.locator(f"{_LIST_ITEMS} .try-out__btn").click()
    page.locator(f"{_LIST_ITEMS} .execute").click()
    answer = page.locator(f"{_LIST_ITEMS} .live-responses-table tbody")
    expect(answer.locator(".response-col_status").first).to_contain_text("200")
    expect(answer).to_contain_text(shop.rows[0]["sku"])
