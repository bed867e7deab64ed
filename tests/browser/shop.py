"""The shop that the browser tests visit: drawn, sent by the command line, looked at by the workers.

Made once for a session by `tests.browser.conftest`, and by `tests.browser.screenshots`.
"""

import csv
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page

from tests.whole.running import Running, wait_for

CATALOG = "shop"
ADMIN = "admin@example.com"
PASSWORD = "correct horse battery"
_GIVE_UP_S = 1200
_ITEMS = 16
_SEED = 238
"""Of the seeds tried, one whose few items have several garments of one kind."""


@dataclass
class Shop:
    """A running stack with a catalog in it."""

    stack: Running
    folder: Path
    places: dict[str, object] = field(default_factory=dict)
    """What the addresses of pages are filled in with."""

    @property
    def url(self) -> str:
        return self.stack.state.url

    @cached_property
    def rows(self) -> list[dict[str, str]]:
        """The feed, row by row."""
        with (self.folder / "feed.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    @cached_property
    def items(self) -> list[dict[str, Any]]:
        """What the API tells of each item, garments included."""
        listed = self.stack.get("/items", catalog=CATALOG, limit=100)["items"]
        return [self.stack.get(f"/items/{item['id']}") for item in listed]

    @cached_property
    def _token(self) -> str:
        return self.stack.lookalike("token", "create", "tests", "--scope", "admin").strip()

    def photo(self, number: int = 0) -> Path:
        """A photo of the drawn catalog: the first of an item."""
        return self.folder / self.rows[number]["photos"].split("|")[0]

    def outfit(self) -> Path:
        """The photo of the drawn catalog in which most garments were found."""
        found = {
            photo["sha256"]: len(photo["garments"])
            for item in self.items
            for photo in item["photos"]
        }
        photos = sorted((self.folder / "photos").iterdir())
        return max(photos, key=lambda each: found[sha256(each.read_bytes()).hexdigest()])

    def login_link(self) -> str:
        return self.stack.lookalike("user", "link", ADMIN).strip()

    def send(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Call the API as the shop's own programs do."""
        headers = {"Authorization": f"Bearer {self._token}"}
        return httpx.request(
            *(method, f"{self.url}/api/v1{path}"),
            **content,
            headers=headers,
            timeout=60,
            trust_env=False,
        )

    def fill(self, items: int = _ITEMS, seed: int = _SEED) -> None:
        """Draw a catalog, ingest it, wait until all of it can be found; add an admin."""
        self.ingest(self.folder, CATALOG, items, seed)
        self.stack.lookalike("user", "create", ADMIN, "--admin", "--password", PASSWORD)
        self.places.update(self._find_places())

    def ingest(self, folder: Path, catalog: str, items: int, seed: int) -> Path:
        """As a user would: draw, send, wait."""
        self.stack.lookalike("sample", str(folder), "--items", str(items), "--seed", str(seed))
        feed = folder / "feed.csv"
        self.stack.lookalike("ingest", str(feed), "--catalog", catalog)
        wait_for(f"{catalog} is indexed", lambda: self.stack.is_settled(catalog), _GIVE_UP_S)
        return feed

    def _find_places(self) -> dict[str, object]:
        item, garment, hits = self._find_example()
        return {
            "item": item["id"],
            "garment": garment["id"],
            "category": garment["category"],
            "other_garment": hits[0]["garment"]["id"],
            "search": self._search(),
            "job": self.send("GET", "/jobs").json()["items"][0]["id"],
        }

    def _find_example(self) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
        """The item whose sold garment has the most look-alikes, that garment, and they."""
        found = [
            (item, garment, self._similar(garment))
            for item in self.items
            for garment in sold_garments(item)[:1]
        ]
        example = max(found, key=lambda each: len(each[2]))
        assert len(example[2]) >= 2, "no garment has look-alikes"
        return example

    def _similar(self, garment: dict[str, Any]) -> list[dict[str, Any]]:
        path = f"/garments/{garment['id']}/similar"
        return list(self.stack.get(path, category=garment["category"])["items"])

    def _search(self) -> str:
        """A search by photo that has been answered."""
        photo = self.outfit().read_bytes()
        started = self.send("POST", "/search", files={"photo": ("me.jpg", photo)}).json()
        path = f"/search/{started['id']}"
        wait_for(
            "the photo is analysed",
            lambda: self.stack.get(path)["state"] != "pending",
            _GIVE_UP_S,
        )
        return str(started["id"])


def sold_garments(item: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        garment
        for photo in item["photos"]
        for garment in photo["garments"]
        if garment["role"] == "sold"
    ]


def log_in(page: Page, shop: Shop) -> None:
    """Log an admin in by a one-time link."""
    page.goto(shop.login_link())
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")
