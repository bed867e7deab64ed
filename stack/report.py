"""What the demo prints in the end: counts, failures, and three garments with their neighbours.

Called by `lookalike demo`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from stack.api import Product
from stack.demo import Shown

_EXAMPLES = 3
_MOST_FAILURES = 10


@dataclass(frozen=True)
class Example:
    """A sold garment, the item that it belongs to, and the nearest other items."""

    item: dict[str, Any]
    garment: dict[str, Any]
    similar: list[dict[str, Any]]


def find_examples(product: Product, catalog: str, count: int = _EXAMPLES) -> list[Example]:
    """Sold garments with neighbours: of different items and of different categories.

    Where nothing has a neighbour, as in a catalog of one item, the first sold garment without.
    """
    examples: list[Example] = []
    lone: list[Example] = []
    for item in product.items(catalog):
        shown = {example.garment["category"] for example in examples}
        example = _find_example(product, item, shown)
        if example is not None and example.similar:
            examples.append(example)
        elif example is not None:
            lone = lone or [example]
        if len(examples) == count:
            break
    return examples or lone


def print_report(console: Console, shown: Shown, examples: list[Example]) -> None:
    """The figures first, then the examples."""
    status = shown.status
    photos = status["photos"]
    console.print()
    console.print(
        f"[bold]{shown.catalog}[/bold]: {status['items']} items, "
        f"{photos.get('indexed', 0)} photos indexed, {photos.get('failed', 0)} failed, "
        f"{sum(status['garments'].values())} garments, {shown.seconds:.0f} s"
    )
    console.print(_categories(status["garments"]))
    for failure in status["failures"][:_MOST_FAILURES]:
        skus = ", ".join(failure["skus"])
        console.print(f"[red]failed[/red] {skus}: {failure['reason']}", highlight=False)
    for example in examples:
        if example.similar:
            console.print(_neighbours(example))


def _find_example(product: Product, item: dict[str, Any], shown: set[str]) -> Example | None:
    """The item's first garment of a category not shown yet that has neighbours, or else any."""
    lone = None
    for garment in sold_garments(product.get_item(item["id"])):
        if garment["category"] in shown:
            continue
        example = Example(item, garment, product.get_similar(garment["id"]))
        if example.similar:
            return example
        lone = lone or example
    return lone


def sold_garments(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The garments of an item, given with its photos, that it sells."""
    for photo in item["photos"]:
        yield from (garment for garment in photo["garments"] if garment["role"] == "sold")


def _categories(garments: dict[str, int]) -> Table:
    table = Table("category", "garments", title="Garments", title_justify="left")
    table.columns[1].justify = "right"
    for category, count in sorted(garments.items(), key=lambda pair: (-pair[1], pair[0])):
        table.add_row(category, str(count))
    return table


def _neighbours(example: Example) -> Table:
    title = f"Like the {example.garment['category']} of {example.item['title']}"
    table = Table("score", "category", "item", "brand", title=title, title_justify="left")
    for hit in example.similar:
        item = hit["item"]
        table.add_row(
            f"{hit['score']:.3f}", hit["garment"]["category"], item["title"], item["brand"] or ""
        )
    return table
