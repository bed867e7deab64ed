"""Photos that have tags but no outlines, labelled by a segmenter that the tags correct.

Called by `lookalike data label-tagged`. The tags of Clothing Co-Parsing name every garment of a
photo, so they decide what a found garment is, and which photos were understood well enough.
"""

import csv
import dataclasses
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catalog.errors import InputError
from catalog.taxonomy import LOWER, UPPER, WHOLE
from models.pixels import read_pixels
from models.segmentation.data.ccp import CATEGORY_OF_LABEL
from models.segmentation.data.coco import CocoWriter, LabelledGarment
from models.segmentation.infer import FoundGarment, Segmenter

MIN_SCORE = 0.08
"""Of a garment that a tag confirms: it has to be somewhere, so a weak detection will do."""

MIN_RENAMED_SCORE = 0.2
"""Of a garment that gets another name: here the detection alone says that something is there."""

MAX_IOU = 0.5
MIN_MASK_PX = 30

_FAMILIES = (UPPER | WHOLE, LOWER)
_OFTEN_HIDDEN = frozenset({"eyewear", "bag", "shoes", "hat", "scarf"})
"""A photo without one of these is still used: they are small, and often cut off."""


@dataclass(frozen=True)
class Agreement:
    """What of a photo's garments the tags confirm, and the categories that were not found."""

    garments: tuple[FoundGarment, ...]
    missing: frozenset[str]
    renamed: int = 0

    @property
    def usable(self) -> bool:
        """Whether the photo can teach: nothing that is large and tagged is unlabelled."""
        return bool(self.garments) and self.missing <= _OFTEN_HIDDEN


def agree_with_tags(found: Sequence[FoundGarment], tagged: Collection[str]) -> Agreement:
    """Keep the best detection of each tagged category; the others are background.

    `found` is best first, with overlaps. Where just one category of a family (worn above, worn
    below) was not found, the best unexplained garment of that family gets its name: the segmenter
    saw the cloth and took a blouse for a shirt.
    """
    kept: list[FoundGarment] = []
    for garment in found:
        new = garment.category not in {other.category for other in kept}
        if new and garment.category in tagged and _is_free(garment, kept, MIN_SCORE):
            kept.append(garment)
    missing = set(tagged) - {garment.category for garment in kept}
    renamed = 0
    for family in _FAMILIES:
        lost = missing & family
        stray = _best_stray(found, tagged, family, kept) if len(lost) == 1 else None
        if stray is not None:
            kept.append(dataclasses.replace(stray, category=lost.pop()))
            missing.discard(kept[-1].category)
            renamed += 1
    return Agreement(tuple(kept), frozenset(missing), renamed)


def _best_stray(
    found: Sequence[FoundGarment],
    tagged: Collection[str],
    family: Collection[str],
    kept: Sequence[FoundGarment],
) -> FoundGarment | None:
    strays = (g for g in found if g.category in family and g.category not in tagged)
    return next((g for g in strays if _is_free(g, kept, MIN_RENAMED_SCORE)), None)


def _is_free(garment: FoundGarment, kept: Sequence[FoundGarment], least: float) -> bool:
    if garment.score < least or garment.mask.sum() < MIN_MASK_PX:
        return False
    return all(_iou(garment.mask, other.mask) <= MAX_IOU for other in kept)


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def label_tagged(
    source: Path,
    out: Path,
    segmenter: Segmenter,
    report: Callable[[str], None] = lambda _: None,
) -> None:
    """Write the photos of a Clothing Co-Parsing folder that have tags only as a prepared folder.

    Test photos are left alone. `segmenter` should keep overlaps (`same_garment_iou=None`) and have
    a threshold of at most MIN_SCORE.
    """
    with (source / "manifest.csv").open(newline="") as manifest:
        rows = [row for row in csv.DictReader(manifest) if row["annotation"] == "image"]
    if not rows:
        raise InputError(f"{source / 'manifest.csv'} has no row with annotation = image")
    (out / "images").mkdir(parents=True, exist_ok=True)
    writers = {split: CocoWriter(out / f"{split}.json") for split in ("train", "val")}
    used = renamed = 0
    rows = [row for row in rows if row["split"] in writers]
    for row in rows:
        photo = source / row["image"]
        pixels = read_pixels(photo)
        tags = row["tags"].split("|")
        tagged = {CATEGORY_OF_LABEL[tag] for tag in tags if tag in CATEGORY_OF_LABEL}
        agreement = agree_with_tags(segmenter.segment_photos([pixels])[0], tagged)
        if not agreement.usable:
            continue
        used, renamed = used + 1, renamed + agreement.renamed
        garments = [LabelledGarment(g.category, g.mask) for g in agreement.garments]
        shutil.copyfile(photo, out / "images" / photo.name)
        writers[row["split"]].add_photo(photo.name, pixels.shape[:2], garments, sorted(tagged))
    for writer in writers.values():
        writer.write()
    report(f"tagged: {used} of {len(rows)} photos used, {renamed} garments renamed by a tag")
