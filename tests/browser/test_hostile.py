"""Hostile words from a feed in a browser: they are shown as words, and nothing else happens."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from PIL import Image
from playwright.sync_api import Page, StorageState, expect
from sqlalchemy import update

from catalog.tables import Item
from sample.feed import write_sample
from tests.browser.conftest import OpenPage
from tests.browser.pages import DESKTOP, PHONE
from tests.browser.shop import Shop
from tests.browser.watching import scrolls_sideways, widest_elements
from tests.whole.running import wait_for

CATALOG = "hostile"
WORDS = {
    "script": "<script>alert('script')</script>",
    "attribute": "\"'><img src=x onerror=alert('image')>",
    "comment": "--><svg onload=alert('svg')><!--",
    "template": "{{7*7}}{% raise %}${7*7}",
    "bidirectional": "\u202egnp.exe\u202c شال أزرق ‏مع خطوط‎",
    "long": "Donaudampfschifffahrtsgesellschaft" * 20,
    "emoji": "👗👩🏽‍🦰🧣" * 30,
    "marks": "Z̸̡̛͖͎̈́̓a̴̧͇͌l̸̢͎̐g̵̪̾o̶" * 20,
}


@pytest.fixture(scope="module")
def hostile(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Hostile items by name with their ids: sent through the API, looked at by the workers."""
    photo = draw_photo(tmp_path_factory.mktemp("hostile"))
    sha256 = hashlib.sha256(photo).hexdigest()
    assert shop.send("PUT", f"/photos/{sha256}", content=photo).is_success
    rows = [hostile_row(name, words, sha256) for name, words in WORDS.items()]
    answer = shop.send("POST", f"/catalogs/{CATALOG}/items", json={"items": rows})
    assert "failed" not in {row["status"] for row in answer.json()["results"]}
    wait_for("they are indexed", lambda: shop.stack.is_settled(CATALOG))
    listed = shop.stack.get("/items", catalog=CATALOG)["items"]
    yield {item["sku"].split("|")[0]: item["id"] for item in listed}
    for item in listed:
        shop.send("DELETE", f"/catalogs/{CATALOG}/items/{quote(item['sku'], safe='')}")


def draw_photo(folder: Path) -> bytes:
    """A photo that no other catalog has: a drawn one seen in a mirror."""
    out = io.BytesIO()
    feed = write_sample(folder / "drawn", items=1, seed=5)
    with Image.open(next((feed.parent / "photos").iterdir())) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(out, "JPEG")
    return out.getvalue()


def hostile_row(name: str, words: str, sha256: str) -> dict[str, Any]:
    return {
        "sku": f"{name}|{words}"[:200].strip(),
        "title": words,
        "brand": words[:500],
        "description": words,
        "category": words,
        "price": 9.5,
        "currency": "EUR",
        "url": "https://shop.example/\"onmouseover=alert('url')",
        "attributes": {words[:100]: words},
        "photos": [sha256],
    }


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", WORDS)
def test_hostile_words_are_words_and_break_no_page(
    open_page: OpenPage, hostile: dict[str, int], name: str, size: dict[str, int]
) -> None:
    page = open_page(viewport=size)
    words = WORDS[name]
    page.goto(f"/items/{hostile[name]}")
    assert page.get_by_role("heading", level=1).text_content() == words
    link = page.get_by_role("link", name="View in the shop")
    assert str(link.get_attribute("href")).startswith("https://shop.example/")
    assert_harmless(page)
    page.goto(f"/?{urlencode({'q': words[:200], 'brand': words[:500], 'catalog': CATALOG})}")
    expect(page.get_by_role("main")).to_be_visible()
    assert_harmless(page)


def test_hostile_items_stand_beside_each_other_in_the_catalog(
    open_page: OpenPage, hostile: dict[str, int]
) -> None:
    for size in (DESKTOP, PHONE):
        page = open_page(viewport=size)
        page.goto(f"/?catalog={CATALOG}")
        shown = {title.strip() for title in page.locator(".item-title").all_text_contents()}
        assert shown == {words.strip() for words in WORDS.values()}
        assert_harmless(page)


def test_hostile_names_break_no_admin_page(
    open_page: OpenPage, admin_state: StorageState, shop: Shop
) -> None:
    page = open_page(viewport=PHONE, storage_state=admin_state)
    page.goto("/admin/tokens/")
    for words in WORDS.values():
        page.get_by_label("Name").fill(words[:100])
        page.get_by_role("button", name="Create token").click()
        expect(page.locator(".secret")).to_be_visible()
    assert_harmless(page)


def test_an_address_that_is_a_script_is_refused_and_never_a_link(
    open_page: OpenPage, hostile: dict[str, int], shop: Shop
) -> None:
    row = {"sku": "url", "title": "url", "url": "javascript:alert('url')"}
    (refused,) = shop.send("POST", f"/catalogs/{CATALOG}/items", json={"items": [row]}).json()[
        "results"
    ]
    assert refused["status"] == "failed"
    # Nor does one that got into the database in another way.
    services = shop.stack.services
    with services.sessions.begin() as session:
        changed = update(Item).where(Item.id == hostile["emoji"]).values(url=row["url"])
        session.execute(changed)
    services.close()
    page = open_page()
    page.goto(f"/items/{hostile['emoji']}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.locator("[href^='javascript']").count() == 0
    assert_harmless(page)


def assert_harmless(page: Page) -> None:
    """No element and no attribute of theirs, nothing calculated, and the page as wide as it was.

    That no dialog opened and nothing was logged, the watch over each page sees.
    """
    assert page.locator("img[src='x'], img[onerror], svg[onload], [onmouseover], b").count() == 0
    assert page.evaluate("[...document.scripts].every((each) => each.src)")
    assert "49" not in (page.locator("h1").first.text_content() or "")
    assert not scrolls_sideways(page), widest_elements(page)
