"""States of the product that some pages need and that must not stay: made for a visit, then undone.

`tests.browser.pages` names them; the checks of every page and the screenshots step into them.
"""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from tests.browser.receiver import receiving
from tests.browser.shop import Shop
from tests.whole.running import wait_for

_GIVE_UP_S = 600


@contextmanager
def held(shop: Shop, name: str) -> Iterator[None]:
    """One process of the stack stands still, so that nothing ends before the test has acted."""
    group = shop.stack.state.pids[name]
    os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(group, signal.SIGCONT)


@contextmanager
def as_it_is(_: Shop) -> Iterator[None]:
    yield


@contextmanager
def reindexing(shop: Shop) -> Iterator[None]:
    """A re-index has been started and does not come to its end."""
    with held(shop, "worker-bulk"):
        job = shop.send("POST", "/reindex", json={"kind": "vectors", "switch": "manual"}).json()
        try:
            yield
        finally:
            shop.send("POST", f"/jobs/{job['id']}/cancel")
    shop.wait_for_job(job["id"])


@contextmanager
def comparing(shop: Shop) -> Iterator[None]:
    """A new index is full and waits for a person to compare and to switch; dropped afterwards."""
    job = shop.run("/reindex", kind="crops", switch="manual")
    try:
        yield
    finally:
        shop.send("POST", f"/jobs/{job['id']}/cancel")


@contextmanager
def doubting(shop: Shop) -> Iterator[None]:
    """The feed calls an item something that nobody sees in its photo, so that it is to review."""
    shop.feed_says(shop.rows[0] | {"category": _unseen_category(shop)})
    try:
        yield
    finally:
        shop.feed_says(shop.rows[0])


@contextmanager
def telling(shop: Shop) -> Iterator[None]:
    """There is a webhook, and a test event has been delivered."""
    with receiving() as receiver:
        asked = {"url": receiver.url, "description": "Refreshes the shop's pages"}
        path = f"/webhooks/{shop.send('POST', '/webhooks', json=asked).json()['id']}"
        shop.send("POST", f"{path}/test")
        wait_for("the event is delivered", lambda: _is_delivered(shop, path), _GIVE_UP_S)
        try:
            yield
        finally:
            shop.send("DELETE", path)


def _unseen_category(shop: Shop) -> str:
    """What the feed could call a garment that is in no photo of the feed's first item."""
    item = next(each for each in shop.items if each["sku"] == shop.rows[0]["sku"])
    seen = {garment["category"] for photo in item["photos"] for garment in photo["garments"]}
    words = {"dress": "Dresses", "skirt": "Skirts", "jacket": "Jackets", "scarf": "Scarves"}
    return next(word for category, word in words.items() if category not in seen)


def _is_delivered(shop: Shop, path: str) -> bool:
    listed = shop.send("GET", f"{path}/deliveries").json()["items"]
    return [each["state"] for each in listed] == ["delivered"]


STATES: Mapping[str, Callable[[Shop], AbstractContextManager[None]]] = {
    "as it is": as_it_is,
    "reindexing": reindexing,
    "comparing": comparing,
    "doubting": doubting,
    "telling": telling,
}
