"""What the addresses of pages are filled in with, and what is done so that they show something.

Called once the shop is full: a photo is searched with, a match explained, a map made, an audit run.
"""

from typing import Any

from tests.browser.shop import CATALOG, Shop, sold_garments
from tests.whole.running import wait_for

_GIVE_UP_S = 600
_ALIKE = (0.94, 0.9, 0.86, 0.8)
"""From these cosines on an audit takes garments for one and the same."""


def find_places(shop: Shop) -> dict[str, object]:
    """The places of `tests.browser.pages`, by name."""
    item, garment, hits = _find_example(shop)
    search, found = _search(shop)
    places = {
        "item": item["id"],
        "garment": garment["id"],
        "category": garment["category"],
        "other_garment": hits[0]["garment"]["id"],
        "search": search,
        "found": found,
        "job": shop.send("GET", "/jobs").json()["items"][-1]["id"],
    }
    _explain(shop, "/garments/{garment}/why/{other_garment}".format_map(places))
    _explain(shop, "/search/{search}/garments/{found}/why/{other_garment}".format_map(places))
    shop.run("/map")
    _audit(shop)
    return places


def _find_example(shop: Shop) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """The item whose sold garment has the most look-alikes, that garment, and they."""
    found = [
        (item, garment, _similar(shop, garment))
        for item in shop.items
        for garment in sold_garments(item)[:1]
    ]
    example = max(found, key=lambda each: len(each[2]))
    assert len(example[2]) >= 2, "no garment has look-alikes"
    return example


def _similar(shop: Shop, garment: dict[str, Any]) -> list[dict[str, Any]]:
    path = f"/garments/{garment['id']}/similar"
    return list(shop.stack.get(path, category=garment["category"])["items"])


def _search(shop: Shop) -> tuple[str, str]:
    """A search by photo that has been answered, and the garment in it that most items are like."""
    photo = shop.outfit().read_bytes()
    started = shop.send("POST", "/search", files={"photo": ("me.jpg", photo)}).json()
    path = f"/search/{started['id']}"
    wait_for(
        "the photo is analysed",
        lambda: shop.stack.get(path)["state"] != "pending",
        _GIVE_UP_S,
    )
    found = shop.stack.get(path)["garments"]
    hits = {
        str(garment["id"]): shop.stack.get(
            f"{path}/garments/{garment['id']}/similar", category=garment["category"]
        )["items"]
        for garment in found
    }
    return str(started["id"]), max(hits, key=lambda each: len(hits[each]))


def _explain(shop: Shop, path: str) -> None:
    wait_for(
        "the match is explained",
        lambda: shop.stack.get(path)["state"] != "pending",
        _GIVE_UP_S,
    )


def _audit(shop: Shop) -> None:
    """Have all looked through, less and less strictly until some garments are found to be alike.

    One group is said to be no duplicates.
    """
    for alike in _ALIKE:
        shop.run("/audit", identical=alike)
        groups = shop.send("GET", "/findings", params={"kind": "duplicates"}).json()["items"]
        if len(groups) > 2:
            break
    assert len(groups) > 1, f"nothing in {CATALOG} looks alike to an audit"
    shop.send("POST", f"/findings/{groups[-1]['id']}/dismiss", json={})
