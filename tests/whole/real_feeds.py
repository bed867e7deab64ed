"""Feeds from the manifests of the real test photos, and which categories fit each photo.

Used by test_real_photos; `LOOKALIKE_DATA` is the folder that holds clothing_cc0, ccp and luma.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog.taxonomy import LOWER, UPPER, fitting_categories

Row = dict[str, str]


@dataclass(frozen=True)
class RealCatalog:
    """One source as a catalog: its feed, and for each photo (by sku) the categories that fit."""

    name: str
    feed: Path
    photo_root: Path
    fitting: Mapping[str, frozenset[str]]


def clothing_cc0(data: Path, out: Path) -> RealCatalog:
    """The test split: one garment a photo, its label a shop's own word."""
    rows = [row for row in _manifest(data / "clothing_cc0") if row["split"] == "test"]
    items = [
        _item(Path(row["image"]).stem, row["label"], row["label"], [row["image"]]) for row in rows
    ]
    fitting = {Path(r["image"]).stem: frozenset(fitting_categories(r["label"])) for r in rows}
    return _write("clothing_cc0", data, out, items, fitting)


def ccp(data: Path, out: Path) -> RealCatalog:
    """The test split: street photos with several garments, known by their tags."""
    from models.segmentation.data.ccp import CATEGORY_OF_LABEL

    rows = [row for row in _manifest(data / "ccp") if row["split"] == "test"]
    items = [_item(Path(row["image"]).stem, "Street look", "", [row["image"]]) for row in rows]
    fitting = {
        Path(row["image"]).stem: frozenset(
            CATEGORY_OF_LABEL[tag] for tag in row["tags"].split("|") if tag in CATEGORY_OF_LABEL
        )
        for row in rows
    }
    return _write("ccp", data, out, items, fitting)


def luma(data: Path, out: Path) -> RealCatalog:
    """Every colour of every product as an item with all its views, as the shop lists them."""
    by_item: dict[str, list[Row]] = defaultdict(list)
    for row in _manifest(data / "luma"):
        by_item[f"{row['product']}-{row['color']}"].append(row)
    items, fitting = [], {}
    for sku, rows in by_item.items():
        rows.sort(key=lambda row: (row["view"] != "main", row["view"]))
        first = rows[0]
        items.append(
            _item(sku, first["name"], first["categories"], [row["image"] for row in rows])
            | {"price": first["price"], "currency": "USD"}
        )
        fitting[sku] = frozenset(UPPER if first["attribute_set"] == "Top" else LOWER)
    return _write("luma", data, out, items, fitting)


def _item(sku: str, title: str, category: str, images: list[str]) -> Row:
    return {"sku": sku, "title": title, "category": category, "photos": "|".join(images)}


def _manifest(folder: Path) -> Iterator[Row]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _write(
    name: str, data: Path, out: Path, items: list[Row], fitting: dict[str, frozenset[str]]
) -> RealCatalog:
    feed = out / f"{name}.csv"
    with feed.open("w", encoding="utf-8", newline="") as file:
        columns = ["sku", "title", "category", "photos", "price", "currency"]
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(items)
    return RealCatalog(name, feed, data / name, fitting)
