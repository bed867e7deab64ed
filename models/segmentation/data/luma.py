"""The Luma shop's studio photos as a test split: what is sold in each, but no outlines.

Called by `lookalike data prepare luma`. For evaluation only; there is nothing to train on.
"""

import csv
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from catalog.taxonomy import LOWER, UPPER
from models.segmentation.data.coco import CocoWriter

CATEGORIES_OF_SET: Mapping[str, frozenset[str]] = {"Top": UPPER, "Bottom": LOWER}


def prepare_luma(source: Path, out: Path, report: Callable[[str], None] = lambda _: None) -> None:
    """Write the main photos of `source` as `test.json`; labels are what fits the product."""
    (out / "images").mkdir(parents=True, exist_ok=True)
    writer = CocoWriter(out / "test.json")
    with (source / "manifest.csv").open(newline="") as manifest:
        rows = [row for row in csv.DictReader(manifest) if row["view"] == "main"]
    for row in rows:
        photo = source / row["image"]
        shutil.copyfile(photo, out / "images" / photo.name)
        size = (int(row["height"]), int(row["width"]))
        writer.add_photo(photo.name, size, [], sorted(CATEGORIES_OF_SET[row["attribute_set"]]))
    writer.write()
    report(f"luma: {len(rows)} photos")
