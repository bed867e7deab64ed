"""The Luma shop's studio photos as a test split: what is sold in each, but no outlines.

Called by `lookalike data prepare luma`. For evaluation only; there is nothing to train on.
"""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

from catalog.taxonomy import LOWER, UPPER
from models.segmentation.data.prepared import PreparedWriter

CATEGORIES_OF_SET: Mapping[str, frozenset[str]] = {"Top": UPPER, "Bottom": LOWER}


def prepare_luma(source: Path, out: Path, report: Callable[[str], None] = lambda _: None) -> None:
    """Write the main photos of `source` as `test.json`; labels are what fits the product."""
    writer = PreparedWriter(out)
    with (source / "manifest.csv").open(newline="") as manifest:
        rows = [row for row in csv.DictReader(manifest) if row["view"] == "main"]
    for row in rows:
        size = (int(row["height"]), int(row["width"]))
        labels = sorted(CATEGORIES_OF_SET[row["attribute_set"]])
        writer.add_photo("test", source / row["image"], size, [], labels)
    report(writer.finish("luma", ("Labels are the categories that fit; nobody drew outlines.",)))
