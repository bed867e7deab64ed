"""Every page of the product, in one list: a new page joins by one line.

The accessibility checks, the checks at phone width, the watch over console and network, and the
screenshots go through it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from playwright.sync_api import Page, expect

PHONE = {"width": 360, "height": 780}
DESKTOP = {"width": 1400, "height": 900}


@dataclass(frozen=True)
class ShownPage:
    """A page: where it is, who may see it, and what is there once it is complete.

    The address may hold places such as {item} that `Shop.places` fills in.
    """

    name: str
    address: str
    shows: str
    """A CSS selector."""
    admin: bool = False
    status: int = 200
    pictures: str = "desktop"
    """In what looks the docs show it: some of "desktop", "dark" and "phone"."""
    dark: str = "html[data-bs-theme=dark]"
    """What is there once it has turned dark."""
    state: str = "as it is"
    """What the product has to be at: a name of `tests.browser.states`."""


PAGES = (
    ShownPage("catalog", "/", ".item-grid .item-card", pictures="desktop dark phone"),
    ShownPage("catalog-narrowed", "/?category={category}&sort=cheapest", ".chips a"),
    ShownPage("catalog-nothing", "/?q=xylophon", ".empty", pictures=""),
    ShownPage(*("item", "/items/{item}", "#similar .item-card"), pictures="desktop dark phone"),
    ShownPage(
        *("item-steered", "/items/{item}?any=1&like={other_garment}", ".taste-one"), pictures=""
    ),
    ShownPage(
        *("item-why", "/items/{item}?garment={garment}&why=1#similar", "#similar .why-bars"),
        pictures="desktop dark",
    ),
    ShownPage(*("why", "/items/{item}/why/{garment}/{other_garment}", ".why-bars"), pictures=""),
    ShownPage("look", "/items/{item}/look/{garment}", ".look"),
    ShownPage("search", "/search/", "label.drop", pictures="desktop phone"),
    ShownPage(
        "search-results", "/search/{search}?garment={found}", ".picks", pictures="desktop phone"
    ),
    ShownPage(
        *("search-why", "/search/{search}/why/{found}/{other_garment}", ".why-bars"), pictures=""
    ),
    ShownPage("map", "/map", "[data-map] canvas", pictures="desktop dark phone"),
    ShownPage("api-docs", "/api/docs", ".opblock-summary", dark="html.dark-mode"),
    ShownPage("embed-example", "/embed/example", "[data-lookalike-sku] li", dark="html"),
    ShownPage("missing", "/items/0", ".empty-code", status=404, pictures=""),
    ShownPage("login", "/login", "input[type=password]", pictures=""),
    ShownPage("login-link", "/login/link/whatever", "button.btn-lg", pictures=""),
    ShownPage("admin", "/admin/", ".figures", admin=True, pictures="desktop dark"),
    ShownPage(
        *("review", "/admin/review/", ".review", True),
        pictures="desktop dark phone",
        state="doubting",
    ),
    ShownPage("review-nothing", "/admin/review/?reason=failed", ".empty", True, pictures=""),
    ShownPage("admin-jobs", "/admin/jobs", "table", admin=True),
    ShownPage("admin-job", "/admin/jobs/{job}", ".facts", admin=True),
    ShownPage("admin-failures", "/admin/failures", ".panel", admin=True, pictures=""),
    ShownPage(
        *("reindex-compare", "/admin/reindex", ".compared", True),
        pictures="desktop dark",
        state="comparing",
    ),
    ShownPage("reindex", "/admin/reindex", ".wizard-form", admin=True),
    ShownPage("reindex-forecast", "/admin/reindex?kind=photos", ".forecast-total", admin=True),
    ShownPage(
        *("reindex-watch", "/admin/reindex", "#cancel", True), pictures="", state="reindexing"
    ),
    ShownPage("health", "/admin/health", ".empty", admin=True),
    ShownPage("coverage", "/admin/coverage", ".figures", admin=True),
    ShownPage("duplicates", "/admin/duplicates", ".twins", admin=True),
    ShownPage("dismissed", "/admin/duplicates/dismissed", ".pairs", admin=True, pictures=""),
    ShownPage("admin-tokens", "/admin/tokens/", ".token-form", admin=True),
    ShownPage(*("webhooks", "/admin/webhooks/", ".deliveries", True), state="telling"),
)


def visit(page: Page, shown: ShownPage, places: Mapping[str, object]) -> None:
    """Open the page and wait until it is complete."""
    page.goto("about:blank")  # an address with an anchor is not loaded anew where it is open
    answer = page.goto(shown.address.format_map(places))
    assert answer is not None
    assert answer.status == shown.status, answer.url
    expect(page.locator(shown.shows).first).to_be_visible()
    expect(
        page.locator("[aria-busy='true'], [data-why-wait], .why-note .spinner-border")
    ).to_have_count(0)
    page.wait_for_load_state("networkidle")
