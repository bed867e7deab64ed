"""The admin's pages in a browser: log in and out, tokens, failures."""

import httpx
from playwright.sync_api import Page, expect
from sqlalchemy import update

from catalog.tables import Photo, PhotoState
from tests.browser.conftest import OpenPage
from tests.browser.shop import ADMIN, PASSWORD, Shop


def test_a_link_logs_in_once(open_page: OpenPage, shop: Shop) -> None:
    link = shop.login_link()
    page = open_page()
    page.goto(link)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    other = open_page(expected=[410])
    other.goto(link)
    other.get_by_role("button", name="Log in").click()
    expect(other.get_by_text("has been used or has expired")).to_be_visible()


def test_the_password_lets_in_where_one_wanted_to_go_and_logging_out_shuts(
    open_page: OpenPage,
) -> None:
    page = open_page(expected=[401])
    page.goto("/admin/failures")
    page.get_by_label("Email").fill(ADMIN)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Email or password is wrong")).to_be_visible()
    page.goto("/login?next=/admin/failures")
    page.get_by_label("Email").fill(ADMIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Photos that could not be indexed")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("searchbox")).to_be_visible()
    page.goto("/admin/")
    expect(page.get_by_label("Password")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name="Log out")).to_have_count(0)


def test_a_token_is_shown_once_works_and_is_revoked(admin_page: Page, shop: Shop) -> None:
    admin_page.goto("/admin/tokens/")
    admin_page.get_by_label("Name").fill("product pages")
    admin_page.get_by_role("button", name="Create token").click()
    secret = admin_page.locator(".secret pre").inner_text()
    asks = {"headers": {"Authorization": f"Bearer {secret}"}, "trust_env": False, "timeout": 60}
    assert httpx.get(f"{shop.url}/api/v1/items", **asks).status_code == 200
    assert httpx.get(f"{shop.url}/api/v1/jobs", **asks).status_code == 403
    admin_page.get_by_role("link", name="API tokens").click()
    row = admin_page.get_by_role("row").filter(has_text="product pages")
    expect(row).to_contain_text("just now")
    assert secret not in admin_page.content()
    row.get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("revoked")
    assert httpx.get(f"{shop.url}/api/v1/items", **asks).status_code == 401


def test_a_photo_that_failed_is_retried_from_its_page(admin_page: Page, shop: Shop) -> None:
    """What is found in it again is the same as before, for whoever has noted the garments' ids."""
    sha256 = shop.photo_of(shop.places["garment"])
    before = garments_of(shop, sha256)
    services = shop.stack.services
    with services.sessions.begin() as session:
        failed = {"state": PhotoState.FAILED, "reason": "its worker died 3 times on this photo"}
        session.execute(update(Photo).where(Photo.sha256 == sha256).values(failed))
    services.close()
    admin_page.goto("/admin/")
    admin_page.locator(".figures .failed a").click()
    expect(admin_page.get_by_text("its worker died 3 times")).to_be_visible()
    admin_page.get_by_role("button", name="Retry the photo of").click()
    expect(admin_page.get_by_text("No failures")).to_be_visible()
    admin_page.get_by_role("link", name="Overview").click()
    # The page follows by itself until the worker is done.
    expect(admin_page.locator(".figures .failed strong")).to_have_text("0")
    expect(admin_page.locator(".figures .working strong")).to_have_text("0")
    expect(admin_page.locator(".figures .pending strong")).to_have_text("0")
    assert garments_of(shop, sha256) == before


def garments_of(shop: Shop, sha256: str) -> set[str]:
    photo = shop.stack.get(f"/photos/{sha256}")
    assert photo["state"] == "indexed"
    return {garment["id"] for garment in photo["garments"]}
