"""Similar items on a page of another origin, which has a strict policy of its own."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.shop import Shop
from tests.browser.watching import scrolls_sideways
from tests.whole.running import wait_for

CATALOG = "embedded"
PRODUCT = f'<div data-lookalike-sku="{{sku}}" data-lookalike-catalog="{CATALOG}" {{options}}></div>'


@dataclass
class ShopPage:
    """A page of a shop: its policy names the server and nothing inline; `body` is what it shows."""

    url: str
    server: str
    body: str = ""

    @property
    def policy(self) -> str:
        sources = "; ".join(
            f"{name}-src {self.server}" for name in ("script", "connect", "img", "style")
        )
        return f"default-src 'none'; {sources}"

    def html(self) -> bytes:
        script = f'<script async src="{self.server}/embed.js"></script>'
        page = f"<!doctype html><html lang=en><title>Shop</title><h1>Product</h1>{self.body}"
        return (page + script).encode()


@pytest.fixture
def shown(shop: Shop) -> Iterator[ShopPage]:
    """A shop's own page, at the address that the stack was told of."""
    shown = ShopPage(shop.site, shop.url)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", shown.policy)
            self.end_headers()
            self.wfile.write(shown.html() if self.path == "/" else b"<!doctype html>Elsewhere")

        def log_message(self, *_: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", urlsplit(shop.site).port or 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield shown
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture(scope="module", autouse=True)
def products(shop: Shop) -> Iterator[None]:
    """Three items of a catalog of their own that look alike, by photos that are known already."""
    garment, category = shop.places["garment"], str(shop.places["category"])
    hits = shop.stack.get(f"/garments/{garment}/similar", category=category)["items"]
    photos = [shop.photo_of(garment), *(hit["garment"]["photo"] for hit in hits)]
    rows: list[dict[str, Any]] = [
        {"sku": "A/1", "title": "Product"},
        {"sku": "B", "title": "<b>Warm</b>", "price": 79.9, "currency": "EUR", "stock": 5}
        | {"url": f"{shop.site}/b"},
        {"sku": "C", "title": "Sold out", "stock": 0},
    ]
    for row, photo in zip(rows, photos, strict=False):
        row |= {"photos": [photo], "category": category}
    path = f"/catalogs/{CATALOG}/items"
    sent = shop.send("POST", path, json={"items": rows})
    assert "failed" not in {row["status"] for row in sent.json()["results"]}
    wait_for("they are indexed", lambda: shop.stack.is_settled(CATALOG))
    yield
    for row in rows:
        shop.send("DELETE", f"{path}/{quote(row['sku'], safe='')}")


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A visitor's phone."""
    return open_page(viewport={"width": 380, "height": 800})


def open_shop(
    page: Page, shown: ShopPage, options: str = "", before: str = "", sku: str = "A/1"
) -> Locator:
    """The shop's page; what the script has put under the product."""
    shown.body = before + PRODUCT.format(sku=sku, options=options)
    page.add_init_script(
        "window.told = [];"
        "for (const name of ['ready', 'click', 'error'])"
        " document.addEventListener(`lookalike:${name}`, e => {"
        "  told.push([name, e.detail]); document.documentElement.dataset[name] = ''; });"
    )
    page.goto(shown.url)
    return page.locator("[data-lookalike-sku]")


def until(page: Page, event: str) -> None:
    """Until the script has told so. The shop's policy forbids waiting for an expression."""
    page.locator(f"html[data-{event}]").wait_for(state="attached")


def told(page: Page, name: str) -> list[Any]:
    return [detail for one, detail in page.evaluate("told") if one == name]


def test_similar_items_stand_under_a_product_of_another_site(page: Page, shown: ShopPage) -> None:
    host = open_shop(page, shown)
    host.get_by_role("listitem").first.wait_for()
    assert host.get_by_role("heading", level=2).inner_text() == "Similar items"
    assert host.get_by_role("list").get_by_role("listitem").count() == 2
    coat = host.get_by_role("link", name="<b>Warm</b> €79.90")
    assert coat.get_attribute("href") == f"{shown.url}/b"
    pictures = host.locator("img")
    for number in range(2):
        pictures.nth(number).scroll_into_view_if_needed()
    loaded = pictures.evaluate_all(
        "all => Promise.all(all.map(one => one.decode().then(() => one.naturalWidth)))"
    )
    assert all(width > 0 for width in loaded)
    assert pictures.evaluate_all("all => all.every(one => one.hasAttribute('alt'))")
    assert not scrolls_sideways(page)


def test_its_styles_hold_under_a_strict_policy_and_stay_inside(page: Page, shown: ShopPage) -> None:
    host = open_shop(page, shown, before="<ul><li>The shop's own</li></ul>")
    host.get_by_role("listitem").first.wait_for()
    display = "one => getComputedStyle(one).display"
    assert host.get_by_role("list").evaluate(display) == "grid"
    assert page.locator("body > ul").evaluate(display) == "block"


def test_options_are_attributes(page: Page, shown: ShopPage) -> None:
    options = (
        'data-lookalike-title="Passt dazu" data-lookalike-heading="3" data-lookalike-in-stock'
        ' data-lookalike-theme="dark" data-lookalike-picture="crop" data-lookalike-limit="5"'
    )
    host = open_shop(page, shown, options)
    host.get_by_role("listitem").first.wait_for()
    assert host.get_by_role("heading", level=3).inner_text() == "Passt dazu"
    assert host.get_by_role("listitem").count() == 1
    assert "/embed/crops/" in (host.locator("img").get_attribute("src") or "")
    assert host.evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(19, 23, 22)"


def test_the_shop_can_count_clicks_and_take_them_over(page: Page, shown: ShopPage) -> None:
    host = open_shop(page, shown)
    page.evaluate(
        "document.addEventListener('lookalike:click',"
        " e => { if (!window.open_) e.preventDefault(); })"
    )
    link = host.get_by_role("link", name="Warm")
    link.click()
    (click,) = told(page, "click")
    assert (click["sku"], click["similar"]) == ("A/1", "B")
    assert click["url"] == f"{shown.url}/b"
    assert page.url == f"{shown.url}/"
    page.evaluate("window.open_ = true")
    link.press("Enter")
    page.wait_for_url("**/b")


def test_nothing_is_asked_before_the_product_is_near(page: Page, shown: ShopPage) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    long = "<p>" + "<br>" * 400 + "</p>"
    host = open_shop(page, shown, before=long)
    page.locator("[data-lookalike-seen]").wait_for(state="attached")
    assert not [url for url in asked if "/similar" in url]
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    host.get_by_role("listitem").first.wait_for()
    assert [url for url in asked if "/similar" in url]


def test_an_unknown_product_leaves_the_page_as_it_is(page: Page, shown: ShopPage) -> None:
    host = open_shop(page, shown, sku="no such sku")
    until(page, "ready")
    assert told(page, "ready") == [{"items": 0}]
    assert host.evaluate("one => one.offsetHeight") == 0


def test_a_shop_that_is_not_named_gets_nothing_and_no_fault_of_a_script(
    chromium: Browser, shown: ShopPage
) -> None:
    context = chromium.new_context()  # not watched: the browser says what it has refused
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    shown.url = shown.url.replace("localhost", "127.0.0.1")
    host = open_shop(page, shown)
    until(page, "error")
    assert len(told(page, "error")) == 1
    assert host.evaluate("one => one.offsetHeight") == 0
    assert faults == []
    context.close()


def test_a_product_that_the_page_adds_later_is_found(page: Page, shown: ShopPage) -> None:
    open_shop(page, shown)
    until(page, "ready")
    page.evaluate(
        "document.body.prepend(Object.assign(document.createElement('div'), {id: 'late'}));"
        "Object.assign(document.querySelector('#late').dataset,"
        " {lookalikeSku: 'B', lookalikeCatalog: 'embedded'});"
        "document.dispatchEvent(new Event('lookalike:scan'))"
    )
    page.locator("#late").get_by_role("listitem").first.wait_for()
    assert page.locator("#late").get_by_role("listitem").count() == 2


def test_the_example_works_and_counts(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/embed/example?catalog={CATALOG}&sku=A/1")
    link = page.locator("[data-lookalike-sku]").get_by_role("link", name="Warm")
    link.wait_for()
    page.evaluate("document.addEventListener('lookalike:click', e => e.preventDefault())")
    link.click()
    expect(page.get_by_role("status")).to_contain_text("Clicks counted by this page: 1.")
    expect(page.get_by_role("status")).to_contain_text("The last: B")
    assert not scrolls_sideways(page)
