"""The last step of `make demo ONCE=1`: asks the product over HTTP and checks what it answers.

Called by `lookalike demo --once`.
"""

from html import unescape

import httpx

from stack.api import AnswerError, Product
from stack.demo import Shown
from stack.report import Example, sold_garments


def check_product(product: Product, shown: Shown, examples: list[Example]) -> list[str]:
    """Fetch the catalog page, an item page, its pictures and a similar answer.

    Returns what was checked, one line each; raises AnswerError at the first that is wrong.
    """
    if not examples:
        raise AnswerError("/api/v1/items", "no item of the catalog has a garment that it sells")
    example = examples[0]
    return [
        _check_counts(shown),
        _check_catalog_page(product, shown),
        _check_item_page(product, example),
        _check_picture(product, example),
        _check_similar(product, shown, example),
    ]


def _check_counts(shown: Shown) -> str:
    status = shown.status
    if not status["photos"].get("indexed") or not status["garments"]:
        raise AnswerError(f"/api/v1/catalogs/{shown.catalog}/status", f"nothing found: {status}")
    return f"{status['photos']['indexed']} photos are indexed"


def _check_catalog_page(product: Product, shown: Shown) -> str:
    path = str(httpx.URL("/", params={"catalog": shown.catalog}))
    first = next(product.items(shown.catalog))
    _expect(product, path, first["title"])
    return f"the catalog page shows {first['title']}"


def _check_item_page(product: Product, example: Example) -> str:
    path = f"/items/{example.item['id']}"
    _expect(product, path, example.item["title"])
    _expect(product, path, example.garment["category"])
    return f"the item page shows the {example.garment['category']} of {example.item['title']}"


def _check_picture(product: Product, example: Example) -> str:
    path = product.get_item(example.item["id"])["photos"][0]["thumbnail_url"]
    answer = product.get_bytes(path)
    if answer.headers["content-type"] != "image/webp" or answer.content[8:12] != b"WEBP":
        raise AnswerError(path, f"no WebP picture: {answer.headers['content-type']}")
    return f"its photo is served ({len(answer.content)} bytes)"


def _check_similar(product: Product, shown: Shown, example: Example) -> str:
    path = f"/api/v1/garments/{example.garment['id']}/similar"
    hits = product.get_similar(example.garment["id"], limit=10)
    if not hits:
        if _others_sell_garments(product, shown, example):
            raise AnswerError(path, "no garment of the catalog has a neighbour")
        return "no item is similar: no other one has a garment that it sells"
    items = [hit["item"]["id"] for hit in hits]
    scores = [hit["score"] for hit in hits]
    if example.item["id"] in items:
        raise AnswerError(path, "an item is called similar to itself")
    if len(set(items)) != len(items) or scores != sorted(scores, reverse=True):
        raise AnswerError(path, f"not one hit for each item, nearest first: {items} {scores}")
    return f"{len(hits)} items are similar, the nearest with {scores[0]:.3f}"


def _others_sell_garments(product: Product, shown: Shown, example: Example) -> bool:
    others = (i["id"] for i in product.items(shown.catalog) if i["id"] != example.item["id"])
    return any(any(sold_garments(product.get_item(item_id))) for item_id in others)


def _expect(product: Product, path: str, words: str) -> None:
    if words not in unescape(product.get_page(path)):
        raise AnswerError(path, f"the page does not show {words!r}")
