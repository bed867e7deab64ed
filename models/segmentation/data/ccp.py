"""Clothing Co-Parsing (street photos with pixel maps of 59 labels) as COCO instances.

Called by `lookalike data prepare ccp`. The label table is in the data set's description.
"""

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from models.segmentation.data.coco import LabelledGarment
from models.segmentation.data.prepared import PreparedWriter

CATEGORY_OF_LABEL: Mapping[str, str] = {
    **dict.fromkeys(("blouse", "top", "bodysuit", "bra", "intimate"), "top"),
    **dict.fromkeys(("sweater", "sweatshirt", "jumper", "hoodie", "cardigan"), "knitwear"),
    **dict.fromkeys(("jacket", "blazer", "suit"), "jacket"),
    **dict.fromkeys(("coat", "cape"), "coat"),
    **dict.fromkeys(("leggings", "tights", "stockings"), "leggings"),
    **dict.fromkeys(("shoes", "boots", "clogs", "flats", "heels"), "shoes"),
    **dict.fromkeys(("loafers", "pumps", "sandals", "sneakers", "wedges"), "shoes"),
    **dict.fromkeys(("bag", "purse", "wallet"), "bag"),
    **dict.fromkeys(("sunglasses", "glasses"), "eyewear"),
    "shirt": "shirts",
    "t-shirt": "t-shirts",
    "vest": "vest",
    "dress": "dress",
    "skirt": "skirt",
    "pants": "pants",
    "shorts": "shorts",
    "hat": "hat",
    "scarf": "scarf",
    "romper": "jumpsuit",
    "jeans": "jean",
}

MIN_GARMENT_SHARE = 0.0003
"""A label's region below this share of the photo is a slip of the pen, not a garment."""

MIN_PIECE_SHARE = 0.02
"""A connected piece below this share of its label's region is a speck."""

FAR_APART = 0.25
"""Pieces of one label with a horizontal gap above this share of the width: two wearers."""


def prepare_ccp(source: Path, out: Path, report: Callable[[str], None] = lambda _: None) -> None:
    """Write the photos of `source` that have pixel maps as a prepared folder `out`."""
    names = json.loads((source / "labels.json").read_text())["labels"]
    writer = PreparedWriter(out)
    with (source / "manifest.csv").open(newline="") as manifest:
        rows = [row for row in csv.DictReader(manifest) if row["annotation"] == "pixel"]
    for row in rows:
        try:
            with Image.open(source / row["mask"]) as image:
                label_map = np.array(image)
            garments = split_label_map(label_map, names)
        except (OSError, IndexError) as error:
            writer.skip(row["image"], row["mask"], f"its pixel map can't be used: {error!r}")
            continue
        labels = sorted({garment.category for garment in garments})
        photo, shape = source / row["image"], label_map.shape
        if not photo.exists():
            writer.skip(row["image"], "photo", "is missing")
            continue
        writer.add_photo(row["split"], photo, shape, garments, labels, label_map != 0)
    report(writer.finish("ccp", _NOTES))


_NOTES = (
    "Labels of skin, hair, jewellery and the like are background. "
    f"Regions below {MIN_GARMENT_SHARE:.2%} of the photo and specks are left out.",
)


def split_label_map(label_map: np.ndarray, names: list[str]) -> list[LabelledGarment]:
    """The garments of a (H, W) map whose values index `names`; unmapped labels are background."""
    garments = []
    for value in np.unique(label_map):
        category = CATEGORY_OF_LABEL.get(names[value])
        if category is not None:
            garments += [
                LabelledGarment(category, mask) for mask in split_wearers(label_map == value)
            ]
    return garments


def split_wearers(region: np.ndarray) -> list[np.ndarray]:
    """Split one label's (H, W) region into one mask for each wearer, without specks.

    A region is usually one garment in several pieces (a pair of shoes, a dress behind an arm);
    only pieces that stand far apart are taken for two people's garments.
    """
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=4)
    least = MIN_PIECE_SHARE * region.sum()
    spans = {
        piece: (int(left), int(left + width))
        for piece, (left, _, width, _, area) in enumerate(stats[1:], start=1)
        if area >= least
    }
    groups = _group_by_gap(spans, FAR_APART * region.shape[1])
    masks = [np.isin(pieces, group) for group in groups]
    return [mask for mask in masks if mask.sum() >= MIN_GARMENT_SHARE * mask.size]


def _group_by_gap(spans: Mapping[int, tuple[int, int]], max_gap: float) -> list[list[int]]:
    groups: list[list[int]] = []
    reached = -np.inf
    for piece, (start, stop) in sorted(spans.items(), key=lambda entry: entry[1]):
        if not groups or start - reached > max_gap:
            groups.append([])
        groups[-1].append(piece)
        reached = max(reached, stop)
    return groups
