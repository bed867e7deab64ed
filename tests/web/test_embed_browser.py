"""The script in a real browser, on a page of another origin with a strict policy of its own."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.serving import make_server

from catalog.services import Services
from tests.web.conftest import Shop
from web.app import create_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
PRODUCT = '<div data-lookalike-sku="A/1" data-lookalike-catalog="shop" {options}></div>'


@dataclass
class ShopPage:
    """A page of a shop: its policy names the server and nothing inline; `body` is what it shows."""

    url: str = ""
    server: str = ""
    body: str = ""
    requests: list[str] = field(default_factory=list)

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
def page_of_a_shop() -> Iterator[ShopPage]:
    shown = ShopPage()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.requests.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", shown.policy)
            self.end_headers()
            self.wfile.write(shown.html() if self.path == "/" else b"<!doctype html>Elsewhere")

        def log_message(self, *_: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    shown.url = f"http://localhost:{http.server_port}"
    yield shown
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def server(services: Services, page_of_a_shop: ShopPage) -> Iterator[str]:
    """The real app on a port of its own, open to that shop."""
    http = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    url = f"http://127.0.0.1:{http.server_port}"
    update = {"embed_origins": (page_of_a_shop.url,), "public_url": url}
    settings = services.settings.model_copy(update=update)
    http.app = create_app(replace(services, settings=settings))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    page_of_a_shop.server = url
    yield url
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    path = CHROMIUM if Path(CHROMIUM).exists() else None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def said() -> list[str]:
    """What the browser's console said, errors of scripts too."""
    return []


@pytest.fixture
def page(browser: "Browser", said: list[str]) -> "Iterator[Page]":
    context = browser.new_context(viewport={"width": 380, "height": 800})
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()


@pytest.fixture
def items(shop: Shop, page_of_a_shop: ShopPage) -> Shop:
    shop.add_item("A/1")
    elsewhere = f"{page_of_a_shop.url}/b"
    shop.add_item("B", title="<b>Coat</b>", price=Decimal("79.90"), currency="EUR", url=elsewhere)
    shop.add_item("C", stock=0)
    return shop


def open_shop(page: "Page", shown: ShopPage, options: str = "", before: str = "") -> Any:
    """The shop's page; what the script has put under the product."""
    shown.body = before + PRODUCT.format(options=options)
    page.add_init_script(
        "window.told = [];"
        "for (const name of ['ready', 'click', 'error'])"
        " document.addEventListener(`lookalike:${name}`, e => {"
        "  told.push([name, e.detail]); document.documentElement.dataset[name] = ''; });"
    )
    page.goto(shown.url)
    return page.locator("[data-lookalike-sku]")


def wait_for(page: "Page", event: str) -> None:
    """Until the script has told so. The shop's policy forbids waiting for an expression."""
    page.locator(f"html[data-{event}]").wait_for(state="attached")


def told(page: "Page", name: str) -> list[Any]:
    return [detail for one, detail in page.evaluate("told") if one == name]


def test_similar_items_stand_under_a_product_of_another_site(
    page: "Page", page_of_a_shop: ShopPage, server: str, items: Shop, said: list[str]
) -> None:
    host = open_shop(page, page_of_a_shop)
    host.get_by_role("listitem").first.wait_for()
    assert host.get_by_role("heading", level=2).inner_text() == "Similar items"
    assert host.get_by_role("list").get_by_role("listitem").count() == 2
    coat = host.get_by_role("link", name="<b>Coat</b> €79.90")
    assert coat.get_attribute("href") == f"{page_of_a_shop.url}/b"
    pictures = host.locator("img")
    for number in range(2):
        pictures.nth(number).scroll_into_view_if_needed()
    loaded = pictures.evaluate_all(
        "all => Promise.all(all.map(one => one.decode().then(() => one.naturalWidth)))"
    )
    assert loaded == [60, 60]
    assert pictures.evaluate_all("all => all.every(one => one.hasAttribute('alt'))")
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    assert said == []


def test_its_styles_hold_under_a_strict_policy_and_stay_inside(
    page: "Page", page_of_a_shop: ShopPage, server: str, items: Shop, said: list[str]
) -> None:
    host = open_shop(page, page_of_a_shop, before="<ul><li>The shop's own</li></ul>")
    host.get_by_role("listitem").first.wait_for()
    display = "one => getComputedStyle(one).display"
    assert host.get_by_role("list").evaluate(display) == "grid"
    assert page.locator("body > ul").evaluate(display) == "block"
    assert said == []


def test_options_are_attributes(
    page: "Page", page_of_a_shop: ShopPage, server: str, items: Shop
) -> None:
    options = (
        'data-lookalike-title="Passt dazu" data-lookalike-heading="3" data-lookalike-in-stock'
        ' data-lookalike-theme="dark" data-lookalike-picture="crop" data-lookalike-limit="5"'
    )
    host = open_shop(page, page_of_a_shop, options)
    host.get_by_role("listitem").first.wait_for()
    assert host.get_by_role("heading", level=3).inner_text() == "Passt dazu"
    assert host.get_by_role("listitem").count() == 1
    assert "/embed/crops/" in (host.locator("img").get_attribute("src") or "")
    assert host.evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(19, 23, 22)"


def test_the_shop_can_count_clicks_and_take_them_over(
    page: "Page", page_of_a_shop: ShopPage, server: str, items: Shop
) -> None:
    host = open_shop(page, page_of_a_shop)
    page.evaluate(
        "document.addEventListener('lookalike:click',"
        " e => { if (!window.open_) e.preventDefault(); })"
    )
    link = host.get_by_role("link", name="Coat")
    link.click()
    (click,) = told(page, "click")
    assert (click["sku"], click["similar"]) == ("A/1", "B")
    assert click["url"] == f"{page_of_a_shop.url}/b"
    assert page.url == f"{page_of_a_shop.url}/"
    page.evaluate("window.open_ = true")
    link.press("Enter")
    page.wait_for_url("**/b")


def test_nothing_is_asked_before_the_product_is_near(
    page: "Page", page_of_a_shop: ShopPage, server: str, items: Shop
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    long = "<p>" + "<br>" * 400 + "</p>"
    host = open_shop(page, page_of_a_shop, before=long)
    page.locator("[data-lookalike-seen]").wait_for(state="attached")
    assert not [url for url in asked if "/similar" in url]
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    host.get_by_role("listitem").first.wait_for()
    assert [url for url in asked if "/similar" in url]


def test_an_unknown_product_leaves_the_page_as_it_is(
    page: "Page", page_of_a_shop: ShopPage, server: str, shop: Shop, said: list[str]
) -> None:
    host = open_shop(page, page_of_a_shop)
    wait_for(page, "ready")
    assert told(page, "ready") == [{"items": 0}]
    assert host.evaluate("one => one.offsetHeight") == 0
    assert said == []


def test_a_shop_that_is_not_named_gets_nothing_and_no_fault_of_a_script(
    page: "Page", page_of_a_shop: ShopPage, server: str, items: Shop
) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page_of_a_shop.url = page_of_a_shop.url.replace("localhost", "127.0.0.1")
    host = open_shop(page, page_of_a_shop)
    wait_for(page, "error")
    assert len(told(page, "error")) == 1
    assert host.evaluate("one => one.offsetHeight") == 0
    assert faults == []


def test_a_product_that_the_page_adds_later_is_found(
    page: "Page", page_of_a_shop: ShopPage, server: str, items: Shop
) -> None:
    open_shop(page, page_of_a_shop)
    wait_for(page, "ready")
    page.evaluate(
        "document.body.prepend(Object.assign(document.createElement('div'), {id: 'late'}));"
        "Object.assign(document.querySelector('#late').dataset,"
        " {lookalikeSku: 'B', lookalikeCatalog: 'shop'});"
        "document.dispatchEvent(new Event('lookalike:scan'))"
    )
    page.locator("#late").get_by_role("listitem").first.wait_for()
    assert page.locator("#late").get_by_role("listitem").count() == 2


def test_the_example_works_and_counts(
    page: "Page", server: str, items: Shop, said: list[str]
) -> None:
    page.goto(f"{server}/embed/example?catalog=shop&sku=A/1")
    link = page.locator("[data-lookalike-sku]").get_by_role("link", name="Coat")
    link.wait_for()
    page.evaluate("document.addEventListener('lookalike:click', e => e.preventDefault())")
    link.click()
    assert "Clicks counted by this page: 1. The last: B" in page.get_by_role("status").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    assert said == []


def test_nobody_is_shut_out_of_the_example(page: "Page", server: str, items: Shop) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page.goto(f"{server}/embed/example?catalog=shop&sku=A/1")
    page.locator("[data-lookalike-sku]").get_by_role("listitem").first.wait_for()
    findings = Axe().run(page).response["violations"]
    serious = [one["id"] for one in findings if one["impact"] in ("serious", "critical")]
    assert serious == []
