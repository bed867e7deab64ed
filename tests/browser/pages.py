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


PAGES = (
    ShownPage("catalog", "/", ".item-grid .item-card", pictures="desktop dark phone"),
    ShownPage("catalog-narrowed", "/?category={category}&sort=cheapest", ".chips a"),
    ShownPage("catalog-nothing", "/?q=xylophon", ".empty", pictures=""),
    ShownPage(*("item", "/items/{item}", "#similar .item-card"), pictures="desktop dark phone"),
    ShownPage(
        *("item-steered", "/items/{item}?any=1&like={other_garment}", ".taste-one"), pictures=""
    ),
    ShownPage("look", "/items/{item}/look/{garment}", ".look"),
    ShownPage("search", "/search/", "label.drop", pictures="desktop phone"),
    ShownPage("search-results", "/search/{search}", ".picks", pictures="desktop phone"),
    ShownPage("missing", "/items/0", ".empty-code", status=404, pictures=""),
    ShownPage("login", "/login", "input[type=password]", pictures=""),
    ShownPage("login-link", "/login/link/whatever", "button.btn-lg", pictures=""),
    ShownPage("admin", "/admin/", ".figures", admin=True, pictures="desktop dark"),
    ShownPage("admin-job", "/admin/jobs/{job}", ".facts", admin=True),
    ShownPage("admin-failures", "/admin/failures", ".panel", admin=True, pictures=""),
    ShownPage("admin-tokens", "/admin/tokens/", ".token-form", admin=True),
)


def visit(page: Page, shown: ShownPage, places: Mapping[str, object]) -> None:
    """Open the page and wait until it is complete."""
    answer = page.goto(shown.address.format_map(places))
    assert answer is not None
    assert answer.status == shown.status, answer.url
    expect(page.locator(shown.shows).first).to_be_visible()
    page.wait_for_load_state("networkidle")
