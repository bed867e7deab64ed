"""Measures a segmenter: average precision as COCO defines it, and how often it finds what fits.

Called by `lookalike evaluate segmentation`.
"""

import contextlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from catalog.masks import encode_mask
from catalog.taxonomy import CATEGORIES, fitting_categories
from models.segmentation.data.coco import LabelledPhoto, read_photos
from models.segmentation.infer import FoundGarment, Segmenter

BATCH_PHOTOS = 4
MIN_INSTANCES = 5
EQUAL_F1 = 0.02
"""A difference in F1 below its standard error on some 150 validation photos."""

METRIC_NAMES = ("AP", "AP50", "AP75", "APs", "APm", "APl")
THRESHOLDS = tuple(round(float(value), 2) for value in np.arange(0.15, 0.71, 0.05))


@dataclass(frozen=True)
class Found:
    """A photo with what the segmenter found in it; masks are kept as RLE to save memory."""

    photo: LabelledPhoto
    garments: tuple[tuple[FoundGarment, dict[str, Any]], ...]


def find_garments(
    segmenter: Segmenter,
    photos: Sequence[LabelledPhoto],
    report: Callable[[int, int], None] = lambda done, total: None,
) -> list[Found]:
    """Run a segmenter over photos; `report` gets how many of how many are done."""
    found: list[Found] = []
    for batch in _in_batches(photos, BATCH_PHOTOS):
        pixels = [photo.load_pixels() for photo in batch]
        for photo, garments in zip(batch, segmenter.segment_photos(pixels), strict=True):
            pairs = tuple((_without_mask(g), encode_mask(g.mask)) for g in garments)
            found.append(Found(photo, pairs))
        report(len(found), len(photos))
    return found


def _without_mask(garment: FoundGarment) -> FoundGarment:
    return FoundGarment(garment.category, garment.score, garment.box, np.zeros((0, 0), bool))


def _in_batches(photos: Iterable[LabelledPhoto], size: int) -> Iterator[list[LabelledPhoto]]:
    rest = iter(photos)
    while batch := list(islice(rest, size)):
        yield batch


def measure_precision(
    found: Sequence[Found], folder: Path, split: str
) -> dict[str, dict[str, Any]]:
    """Average precision in percent, for boxes and masks, in all and for each category.

    `found` must cover the split in its order, from a segmenter with a low threshold that keeps
    overlapping detections. A category's number stands beside its count of instances; those with
    fewer than five are left out, of the mean as well.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(folder / f"{split}.json"))
        results = _as_coco_results(found, sorted(truth.imgs))
        guesses = truth.loadRes(results) if results else COCO()
        return {
            "box": _evaluate(truth, guesses, "bbox"),
            "mask": _evaluate(truth, guesses, "segm"),
        }


def _as_coco_results(found: Sequence[Found], image_ids: Sequence[int]) -> list[dict[str, Any]]:
    results = []
    for image_id, photo in zip(image_ids, found, strict=True):
        for garment, rle in photo.garments:
            x0, y0, x1, y1 = garment.box
            results.append(
                {
                    "image_id": image_id,
                    "category_id": CATEGORIES.index(garment.category) + 1,
                    "score": garment.score,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "segmentation": rle,
                }
            )
    return results


def _evaluate(truth: COCO, guesses: COCO, kind: str) -> dict[str, Any]:
    counts = {c: len(truth.getAnnIds(catIds=[c])) for c in truth.getCatIds()}
    evaluation = COCOeval(truth, guesses, kind)
    evaluation.params.catIds = [c for c, count in counts.items() if count >= MIN_INSTANCES]
    for annotations in evaluation.cocoDt.anns.values() if kind == "segm" else ():
        annotations.pop("bbox", None)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    scores = {
        name: _percent(value) for name, value in zip(METRIC_NAMES, evaluation.stats, strict=False)
    }
    precision = evaluation.eval["precision"]  # (IoU, recall, category, area, detections)
    per_category = {
        truth.cats[category]["name"]: {
            "AP": _mean_percent(precision[:, :, place, 0, -1]),
            "AP50": _mean_percent(precision[0, :, place, 0, -1]),
            "instances": counts[category],
        }
        for place, category in enumerate(evaluation.params.catIds)
    }
    return {**scores, "per_category": per_category}


def _percent(value: float) -> float | None:
    return None if value < 0 else round(100 * float(value), 2)


def _mean_percent(values: np.ndarray) -> float | None:
    seen = values[values > -1]
    return round(100 * float(seen.mean()), 2) if seen.size else None


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


def evaluate_folder(
    precise: Segmenter,
    shipped: Segmenter,
    folder: Path,
    split: str,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """All scores of one prepared folder's split.

    `precise` (low threshold, overlaps kept) gives average precision where outlines are known;
    `shipped` (as the product runs) gives how often something fitting is found.
    """
    photos = read_photos(folder, split)
    metrics: dict[str, Any] = {"photos": len(photos), "split": split}
    metrics["found"] = measure_fitting(find_garments(shipped, photos, report))
    metrics["found"]["score_threshold"] = shipped.score_threshold
    if any(photo.annotations for photo in photos):
        found = find_garments(precise, photos, report)
        metrics |= measure_precision(found, folder, split)
    return metrics


def write_metrics(metrics: dict[str, Any], out: Path) -> Path:
    """Write `metrics.json` into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "metrics.json"
    path.write_text(json.dumps(metrics, indent=2) + "\n")
    return path
