"""`make screenshots`: the pictures of all pages in docs/images, from a real run.

Starts the stack in a temporary home with the drawn catalog of `make demo`, visits every page of
`tests.browser.pages` and keeps small WebP files.
"""

import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from stack.processes import free_port
from tests.browser.chromium import launch_chromium
from tests.browser.pages import DESKTOP, PAGES, ShownPage, visit
from tests.browser.places import find_places
from tests.browser.shop import SETTINGS, Shop, log_in
from tests.browser.states import STATES
from tests.whole.running import running_stack

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LOOKS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": DESKTOP},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
_ITEMS, _SEED = 48, 7
_TALLEST = 1.7
"""Pictures end there, in heights of the window; what follows is more of the same."""
_QUALITY = 80
_PATIENCE_MS = 120_000
_LOAD_ALL = """async () => {
    for (const each of document.images) each.loading = "eager";
    await Promise.allSettled([...document.images].map((each) => each.decode()));
}"""


def picture(shown: ShownPage, look: str) -> Path:
    """Where a page's picture is kept."""
    return IMAGES / (f"{shown.name}.webp" if look == "desktop" else f"{shown.name}-{look}.webp")


def main() -> None:
    """Take all pictures, or those of the pages that are named."""
    expect.set_options(timeout=_PATIENCE_MS)
    wanted = [shown for shown in PAGES if not sys.argv[1:] or shown.name in sys.argv[1:]]
    with _shop() as shop, sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        for look, options in LOOKS.items():
            _take_all(
                browser, shop, [p for p in wanted if look in p.pictures.split()], look, options
            )
        browser.close()


@contextmanager
def _shop() -> Iterator[Shop]:
    with tempfile.TemporaryDirectory(prefix="lookalike-pictures-") as folder:
        home = Path(folder)
        site = f"http://localhost:{free_port()}"
        with running_stack(home / "home", **SETTINGS, EMBED_ORIGINS=site) as stack:
            shop = Shop(stack, home / "sample", site)
            shop.fill(_ITEMS, _SEED)
            shop.places.update(find_places(shop))
            yield shop


def _take_all(
    browser: Browser, shop: Shop, pages: list[ShownPage], look: str, options: dict[str, Any]
) -> None:
    context = browser.new_context(base_url=shop.url, reduced_motion="reduce", **options)
    context.set_default_timeout(_PATIENCE_MS)
    page = context.new_page()
    for shown in (each for each in pages if not each.admin):
        _take(page, shop, shown, look)
    log_in(page, shop)
    for shown in (each for each in pages if each.admin):
        _take(page, shop, shown, look)
    context.close()


def _take(page: Page, shop: Shop, shown: ShownPage, look: str) -> None:
    path = picture(shown, look)
    with STATES[shown.state](shop):
        visit(page, shown, shop.places)
        _keep(page, path)
    print(f"{path.relative_to(IMAGES.parents[1])}: {path.stat().st_size:,} bytes", flush=True)


def _keep(page: Page, path: Path) -> None:
    """The page from where it is scrolled to, lazy photos loaded, as a small WebP file."""
    page.evaluate(_LOAD_ALL)
    size = page.viewport_size
    assert size is not None
    top, tall = page.evaluate("[scrollY, document.documentElement.scrollHeight]")
    # Where it is scrolled, only what is in view has been loaded by then.
    height = min(tall - top, size["height"] * (1 if top else _TALLEST))
    clip = {"x": 0, "y": top, "width": size["width"], "height": height}
    shot = page.screenshot(full_page=True, clip=clip, animations="disabled")
    with Image.open(io.BytesIO(shot)) as image:
        image.convert("RGB").save(path, "WEBP", quality=_QUALITY, method=6)


if __name__ == "__main__":
    main()
