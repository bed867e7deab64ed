"""The Luma shop's studio photos as test splits: what is sold in each, but no outlines.

Called by `lookalike data prepare luma`. For evaluation only; there is nothing to train on.
"""

import csv
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from catalog.errors import InputError
from catalog.taxonomy import LOWER, UPPER
from models.segmentation.data.coco import CocoWriter
from models.segmentation.data.prepared import PreparedWriter

CATEGORIES_OF_SET: Mapping[str, frozenset[str]] = {"Top": UPPER, "Bottom": LOWER}

_COLUMNS = ("image", "product", "view", "attribute_set", "width", "height")
_SIDES = ("side_a", "side_b", "sideb")


def prepare_luma(source: Path, out: Path, report: Callable[[str], None] = lambda _: None) -> None:
    """Write the photos of `source`; labels are what fits the product, `item` is the product.

    `test.json` holds the main photos, for the segmenter; `views.json` holds all, for the
    embedder: same-product pairs across views. Raises InputError for a manifest that lacks a
    column or a row of an unknown attribute set.
    """
    writer, views = PreparedWriter(out), CocoWriter(out / "views.json")
    for row in _read_manifest(source / "manifest.csv"):
        photo, size = source / row["image"], (int(row["height"]), int(row["width"]))
        labels = sorted(CATEGORIES_OF_SET[row["attribute_set"]])
        view = name_view(row["view"])
        if row["view"] == "main":
            writer.add_photo("test", photo, size, [], labels, item=row["product"], view=view)
        else:
            shutil.copyfile(photo, out / "images" / photo.name)
        views.add_photo(photo.name, size, [], labels, item=row["product"], view=view)
    views.write()
    notes = (
        "Labels are the categories that fit; nobody drew outlines.",
        f"`views.json` holds all {len(views.photos)} photos with their product and view.",
    )
    report(writer.finish("luma", notes))


def _read_manifest(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as manifest:
        reader = csv.DictReader(manifest)
        missing = set(_COLUMNS) - set(reader.fieldnames or ())
        if missing:
            raise InputError(f"{path}: columns are missing: {', '.join(sorted(missing))}")
        for number, row in enumerate(reader, start=2):
            if row["attribute_set"] not in CATEGORIES_OF_SET:
                known = " or ".join(CATEGORIES_OF_SET)
                raise InputError(
                    f"{path}, line {number}: attribute_set is {known}, not {row['attribute_set']!r}"
                )
            yield row


def name_view(word: str) -> str:
    """The shop's word for a view as ours: main, back, detail (alt1, alt2, ...), side or other."""
    if word in ("main", "back"):
        return word
    if word.startswith("alt"):
        return "detail"
    return "side" if word in _SIDES else "other"
