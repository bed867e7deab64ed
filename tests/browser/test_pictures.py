"""The pictures in the docs are those of the pages there are, and small."""

import re

from tests.browser.pages import PAGES
from tests.browser.screenshots import IMAGES, picture

_MOST_BYTES = 3_000_000
_BY_HAND = {"failures.png"}
"""Pictures of something else than pages."""


def test_every_picture_of_a_page_is_kept_and_shown() -> None:
    wanted = {picture(shown, look).name for shown in PAGES for look in shown.pictures.split()}
    kept = {path.name for path in IMAGES.iterdir()}
    assert kept == wanted | _BY_HAND
    shown = re.findall(r"images/([\w.-]+)", (IMAGES.parent / "pages.md").read_text())
    assert set(shown) == wanted


def test_the_pictures_stay_small() -> None:
    assert sum(path.stat().st_size for path in IMAGES.iterdir()) < _MOST_BYTES
