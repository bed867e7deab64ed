"""The catalog in a browser: what the command line sends shows up, is narrowed and sorted."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.shop import CATALOG, Shop


def titles(page: Page) -> list[str]:
    return page.locator(".item-grid .item-title").all_inner_texts()


def test_what_the_command_line_uploads_shows_in_the_catalog(
    page: Page, shop: Shop, tmp_path: Path
) -> None:
    shop.ingest(tmp_path / "drawn", "spring", items=2, seed=99)
    page.goto("/")
    page.locator("#facet-catalog + ul").get_by_role("link", name="spring").click()
    expect(page.locator(".item-card")).to_have_count(2)
    page.locator(".item-card").first.click()
    expect(page.locator(".garment-row").first).to_be_visible()


def test_a_word_with_a_typo_finds_what_comes_close(page: Page, shop: Shop) -> None:
    word = max(re.findall(r"\w+", shop.rows[0]["title"]), key=len)
    page.goto(f"/?catalog={CATALOG}")
    page.get_by_role("searchbox").fill(word[:3] + word[4:])
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_text("these come close")).to_be_visible()
    assert any(word in title for title in titles(page))
    page.get_by_role("link", name=word.lower(), exact=True).click()
    expect(page.get_by_text("these come close")).to_have_count(0)


def test_facets_narrow_and_the_address_holds_it_all(page: Page, shop: Shop) -> None:
    brand = shop.rows[0]["brand"]
    expected = sorted(row["title"] for row in shop.rows if row["brand"] == brand)
    page.goto(f"/?catalog={CATALOG}")
    page.locator("#facet-brands + ul").get_by_role("link", name=brand).click()
    expect(page.locator(".chips")).to_contain_text(brand)
    assert sorted(titles(page)) == expected
    page.get_by_label("Sort by").select_option("cheapest")
    page.wait_for_url("**sort=cheapest**")
    shown = titles(page)
    prices = {row["title"]: float(row["price"]) for row in shop.rows}
    assert [prices[title] for title in shown] == sorted(prices[title] for title in expected)
    page.reload()
    assert titles(page) == shown
    expect(page.get_by_label("Sort by")).to_have_value("cheapest")
    page.get_by_role("link", name=f"Take back: {brand}").click()
    expect(page.locator(".item-card")).to_have_count(len(shop.rows))
    page.go_back()
    expect(page.locator(".item-card")).to_have_count(len(expected))


def test_photos_are_small_lazy_webp_that_the_browser_may_keep(page: Page) -> None:
    with page.expect_response(re.compile(r"/photos/.*thumb\.webp")) as waited:
        page.goto("/")
    answer = waited.value
    assert answer.headers["content-type"] == "image/webp"
    assert "immutable" in answer.headers["cache-control"]
    assert len(answer.body()) < 40_000
    photos = page.locator(".item-photo img")
    sources = photos.evaluate_all("all => all.map((each) => [each.src, each.loading])")
    assert sources
    assert all("thumb.webp" in source and loading == "lazy" for source, loading in sources)


def test_a_search_without_hits_says_what_to_do(page: Page) -> None:
    page.goto("/?q=xylophon")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    page.locator(".empty").get_by_role("link", name="Show everything").click()
    expect(page.locator(".item-card").first).to_be_visible()
