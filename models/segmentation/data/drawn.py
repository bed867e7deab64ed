"""A drawn catalog (`lookalike sample`) as training data: its masks are exact.

Called by `lookalike data prepare sample`.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from catalog.masks import decode_mask
from catalog.taxonomy import CATEGORIES
from models.segmentation.data.coco import CocoWriter, LabelledGarment

VALIDATION_EVERY = 10


def prepare_drawn(source: Path, out: Path, report: Callable[[str], None] = lambda _: None) -> None:
    """Write the photos of a drawn catalog as a prepared folder; every tenth is for validation."""
    content = json.loads((source / "annotations.json").read_text())
    names = {category["id"]: category["name"] for category in content["categories"]}
    garments: dict[int, list[dict[str, Any]]] = {}
    for annotation in content["annotations"]:
        garments.setdefault(annotation["image_id"], []).append(annotation)
    writers = {split: CocoWriter(out / f"{split}.json") for split in ("train", "val")}
    (out / "images").mkdir(parents=True, exist_ok=True)
    # One item's views follow each other, so that a split by blocks keeps them together.
    block = max(1, len(content["images"]) // VALIDATION_EVERY)
    for place, image in enumerate(content["images"]):
        name = Path(image["file_name"]).name
        shutil.copyfile(source / image["file_name"], out / "images" / name)
        found = [
            LabelledGarment(names[entry["category_id"]], decode_mask(entry["segmentation"]))
            for entry in garments.get(image["id"], ())
        ]
        labels = [name for name in CATEGORIES if any(g.category == name for g in found)]
        split = "val" if place < block else "train"
        writers[split].add_photo(name, (image["height"], image["width"]), found, labels)
    for writer in writers.values():
        writer.write()
    report(f"sample: {len(content['images'])} photos")
