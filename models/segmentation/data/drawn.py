"""A drawn catalog (`lookalike sample`) as training data: its masks are exact.

Called by `lookalike data prepare sample`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from catalog.masks import decode_mask
from catalog.taxonomy import CATEGORIES
from models.segmentation.data.coco import LabelledGarment
from models.segmentation.data.prepared import PreparedWriter

VALIDATION_EVERY = 10


def prepare_drawn(source: Path, out: Path, report: Callable[[str], None] = lambda _: None) -> None:
    """Write the photos of a drawn catalog as a prepared folder; every tenth is for validation."""
    content = json.loads((source / "annotations.json").read_text())
    names = {category["id"]: category["name"] for category in content["categories"]}
    garments: dict[int, list[dict[str, Any]]] = {}
    for annotation in content["annotations"]:
        garments.setdefault(annotation["image_id"], []).append(annotation)
    writer = PreparedWriter(out)
    # One item's views follow each other, so that a split by blocks keeps them together.
    block = max(1, len(content["images"]) // VALIDATION_EVERY)
    for place, image in enumerate(content["images"]):
        found = [_read_garment(entry, names) for entry in garments.get(image["id"], ())]
        labels = [name for name in CATEGORIES if any(g.category == name for g in found)]
        split, size = "val" if place < block else "train", (image["height"], image["width"])
        writer.add_photo(split, source / image["file_name"], size, found, labels)
    report(writer.finish("sample"))


def _read_garment(entry: dict[str, Any], names: dict[int, str]) -> LabelledGarment:
    details = {key: value for key, value in entry.items() if key in ("item", "view")}
    mask = decode_mask(entry["segmentation"])
    return LabelledGarment(names[entry["category_id"]], mask, details)
