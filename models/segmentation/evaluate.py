"""Measures a segmenter: average precision as COCO defines it, and how often it finds what fits.

Called by `lookalike evaluate segmentation`.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from catalog.taxonomy import CATEGORIES, fitting_categories
from models.segmentation.confusion import count_confusions, measure_operating_point
from models.segmentation.data.coco import LabelledPhoto, read_photos
from models.segmentation.found import Found, find_garments
from models.segmentation.infer import FoundGarment, Segmenter
from models.segmentation.precision import measure_precision

EQUAL_F1 = 0.02
"""A difference in F1 below its standard error on some 150 validation photos."""

THRESHOLDS = tuple(round(float(value), 2) for value in np.arange(0.15, 0.71, 0.05))


def measure_fitting(found: Sequence[Found]) -> dict[str, Any]:
    """In how many photos a garment was found whose category fits the photo's labels.

    Also in how many the most prominent garment (score times the root of its area) fits.
    """
    labelled = [photo for photo in found if photo.photo.labels]
    fits = [
        {garment.category for garment, _ in photo.garments} & fitting_labels(photo.photo)
        for photo in labelled
    ]
    first = [_most_prominent(photo) in fitting_labels(photo.photo) for photo in labelled]
    return {
        "photos": len(labelled),
        "fitting": sum(map(bool, fits)),
        "fitting_share": round(sum(map(bool, fits)) / max(1, len(labelled)), 4),
        "prominent_fits_share": round(sum(first) / max(1, len(labelled)), 4),
        "garments_per_photo": round(sum(len(p.garments) for p in found) / max(1, len(found)), 2),
    }


def fitting_labels(photo: LabelledPhoto) -> set[str]:
    """The categories that fit a photo whose labels are categories or a data set's own words."""
    return {
        category
        for label in photo.labels
        for category in ((label,) if label in CATEGORIES else fitting_categories(label))
    }


def _most_prominent(photo: Found) -> str | None:
    def weight(pair: tuple[FoundGarment, dict[str, Any]]) -> float:
        return pair[0].score * float(np.sqrt(coco_mask.area(pair[1])))

    best = max(photo.garments, key=weight, default=None)
    return None if best is None else best[0].category


def choose_threshold(found_by_source: Sequence[Sequence[Found]]) -> tuple[float, dict[str, float]]:
    """The lowest threshold with practically the best F1 over the sources, and the F1 of each.

    The lowest, since a garment that is missed can't be searched for, and a wrong one only adds.
    A detection is right when its category is the garment's and their masks overlap by half.
    Only for validation photos: a threshold chosen on test photos would flatter.
    """
    table = {
        str(threshold): round(
            float(np.mean([f1(found, threshold) for found in found_by_source])), 4
        )
        for threshold in THRESHOLDS
    }
    good = max(table.values()) - EQUAL_F1
    return min(float(key) for key, value in table.items() if value >= good), table


def f1(found: Sequence[Found], threshold: float) -> float:
    """F1 of the detections with at least this score against the garments drawn by people."""
    right = guessed = true = 0
    for photo in found:
        guesses = [(g, rle) for g, rle in photo.garments if g.score >= threshold]
        right += _count_right(guesses, photo.photo)
        guessed += len(guesses)
        true += len(photo.photo.annotations)
    return 2 * right / max(1, guessed + true)


def _count_right(
    guesses: Sequence[tuple[FoundGarment, dict[str, Any]]], photo: LabelledPhoto
) -> int:
    left = [(photo.categories[a["category_id"]], a["segmentation"]) for a in photo.annotations]
    right = 0
    for garment, rle in guesses:
        for truth in left:
            if truth[0] == garment.category and coco_mask.iou([rle], [truth[1]], [0])[0, 0] >= 0.5:
                left.remove(truth)
                right += 1
                break
    return right


@dataclass(frozen=True)
class Evaluation:
    """The scores of one split, and what the segmenter as it ships found in each photo."""

    metrics: dict[str, Any]
    found: Sequence[Found]


def evaluate_folder(
    precise: Segmenter,
    shipped: Segmenter,
    folder: Path,
    split: str,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """All scores of one prepared folder's split.

    `precise` (low threshold, overlaps kept) gives average precision where outlines are known;
    `shipped` (as the product runs) gives how often something fitting is found and what is taken
    for what.
    """
    photos = read_photos(folder, split)
    outlined = any(photo.annotations for photo in photos)
    total = len(photos) * (1 + outlined)
    found = find_garments(shipped, photos, lambda done, _: report(done, total))
    metrics: dict[str, Any] = {
        "checkpoint": shipped.checkpoint_id,
        "photos": len(photos),
        "split": split,
        "found": {**measure_fitting(found), "score_threshold": shipped.score_threshold},
    }
    if outlined:
        everything = find_garments(
            precise, photos, lambda done, _: report(len(photos) + done, total)
        )
        metrics |= measure_precision(everything, folder, split)
        metrics["at_threshold"] = measure_operating_point(found)
        metrics["confusion"] = count_confusions(found)
    return Evaluation(metrics, found)


def write_metrics(metrics: dict[str, Any], out: Path) -> Path:
    """Write `metrics.json` into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "metrics.json"
    path.write_text(json.dumps(metrics, indent=2) + "\n")
    return path
