"""What audits find, in a browser: one is run, health and coverage are read, twins dismissed."""

from playwright.sync_api import Page, expect

from tests.browser.shop import Shop
from tests.browser.states import held


def run(page: Page, shop: Shop, button: str) -> None:
    """Press the button; the page tells by itself when the audit is done."""
    with held(shop, "worker-bulk"):
        page.get_by_role("button", name=button).click()
        expect(page.get_by_text("The audit waits for a worker")).to_be_visible()
    page.get_by_role("link", name="Show the new results").click()
    expect(page.get_by_role("link", name="Show the new results")).to_have_count(0)


def test_an_audit_says_that_all_agrees_and_what_the_catalog_lacks(
    admin_page: Page, shop: Shop
) -> None:
    admin_page.goto("/admin/health")
    run(admin_page, shop, "Run all audits")
    expect(admin_page.get_by_role("heading", name="Everything agrees")).to_be_visible()
    admin_page.get_by_role("link", name="Coverage", exact=True).click()
    expect(admin_page.locator(".figures li").first).to_contain_text(str(len(shop.rows)))
    admin_page.locator(".audit-rows a").first.click()
    expect(admin_page.locator(".item-page")).to_be_visible()


def test_garments_that_are_no_duplicates_are_dismissed_and_looked_at_again(
    admin_page: Page, shop: Shop
) -> None:
    admin_page.goto("/admin/duplicates")
    admin_page.get_by_role("spinbutton").fill("0.8")
    run(admin_page, shop, "Look for them")
    groups = admin_page.locator(".twins")
    found = groups.count()
    groups.last.get_by_role("button", name="Not duplicates").click()
    expect(groups).to_have_count(found - 1)
    admin_page.get_by_role("link", name="Dismissed:").click()
    pairs = admin_page.locator(".pairs li")
    dismissed = pairs.count()
    pairs.first.get_by_role("button").click()
    expect(pairs).to_have_count(dismissed - 1)
    expect(admin_page.get_by_text("The next audit looks at these two again")).to_be_visible()
