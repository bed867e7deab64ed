"""The shop that the browser tests visit: drawn, sent by the command line, looked at by the workers.

Made once for a session by `tests.browser.conftest`, and by `tests.browser.screenshots`; what else
its pages need to be worth a look, `tests.browser.places` asks it for.
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
SETTINGS = {"SWEEP_EVERY_S": "5", "WEBHOOK_PRIVATE_ADDRESSES": "1"}
"""Of the stack: what its beat does comes soon, and a receiver of events may be on this machine."""

_OPEN = ("queued", "running")
_GIVE_UP_S = 1200
_ITEMS = 16
_SEED = 238
"""Of the seeds tried, one whose few items have several garments of one kind."""


@dataclass
class Shop:
    """A running stack with a catalog in it."""

    stack: Running
    folder: Path
    site: str
    """The origin of the shop's own pages, which similar items may be put into."""
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
    def token(self) -> str:
        return self.stack.lookalike("token", "create", "tests", "--scope", "admin").strip()

    def photo(self, number: int = 0) -> Path:
        """A photo of the drawn catalog: the first of an item."""
        return self.folder / self.rows[number]["photos"].split("|")[0]

    def photo_of(self, garment_id: object) -> str:
        """The SHA-256 of the photo that shows a garment."""
        photos = [photo for item in self.items for photo in item["photos"]]
        return next(
            str(photo["sha256"])
            for photo in photos
            if garment_id in [garment["id"] for garment in photo["garments"]]
        )

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
        headers = {"Authorization": f"Bearer {self.token}"}
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

    def ingest(self, folder: Path, catalog: str, items: int, seed: int) -> Path:
        """As a user would: draw, send, wait."""
        self.stack.lookalike("sample", str(folder), "--items", str(items), "--seed", str(seed))
        feed = folder / "feed.csv"
        self.stack.lookalike("ingest", str(feed), "--catalog", catalog)
        wait_for(f"{catalog} is indexed", lambda: self.stack.is_settled(catalog), _GIVE_UP_S)
        return feed

    def feed_says(self, row: dict[str, str]) -> None:
        """Ingest one row of the feed once more, changed or not."""
        feed = self.folder / "row.csv"
        with feed.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerow(row)
        self.stack.lookalike("ingest", str(feed), "--catalog", CATALOG)

    def run(self, path: str, **content: Any) -> dict[str, Any]:
        """Start a job through the API and wait for its end, which must be a good one."""
        started = self.send("POST", path, json=content)
        assert started.is_success, started.text
        job = self.wait_for_job(started.json()["id"])
        assert job["state"] == "done", job["error"]
        return job

    def wait_for_job(self, job_id: str) -> dict[str, Any]:
        """The job once it has ended."""
        wait_for(f"job {job_id} ends", lambda: self._job(job_id)["state"] not in _OPEN, _GIVE_UP_S)
        return self._job(job_id)

    def _job(self, job_id: str) -> dict[str, Any]:
        return dict(self.send("GET", f"/jobs/{job_id}").json())


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
