"""Average precision as COCO defines it, with intervals from resampled photos.

Called by evaluation and by training's validation.
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from catalog.errors import InputError
from catalog.taxonomy import SHIPPED_FROM_DEEPFASHION2, SHIPPED_FROM_KFASHION
from models.segmentation.found import Found

MIN_INSTANCES = 5
METRIC_NAMES = ("AP", "AP50", "AP75", "APs", "APm", "APl")
RECALLS = np.linspace(0, 1, 101)
ROUNDS = 300


def measure_precision(found: Sequence[Found], folder: Path, split: str) -> dict[str, Any]:
    """Average precision in percent, for boxes and masks, in all and for each category.

    `found` must cover the split in its order, from a segmenter with a low threshold that keeps
    overlapping detections. A category's number stands beside its count of instances; those with
    fewer than five are left out, of the mean as well. A segmenter of another taxonomy is measured
    by the names that it shares with the data or that are mapped onto them; `unmapped` lists the
    rest. Raises InputError when no name fits.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(folder / f"{split}.json"))
        ids = {entry["name"]: entry["id"] for entry in truth.cats.values()}
        names = {garment.category for photo in found for garment, _ in photo.garments}
        mapped = map_categories(names, ids)
        if names and not mapped:
            raise InputError(f"{folder} has none of the categories {', '.join(sorted(names))}")
        results = _as_coco_results(
            found, sorted(truth.imgs), {k: ids[v] for k, v in mapped.items()}
        )
        guesses = truth.loadRes(results) if results else _nothing(truth)
        measured: dict[str, Any] = {
            "box": _evaluate(truth, guesses, "bbox"),
            "mask": _evaluate(truth, guesses, "segm"),
        }
    unmapped = sorted(names - set(mapped))
    return {**measured, "unmapped": unmapped} if unmapped else measured


def map_categories(names: set[str], known: Mapping[str, Any]) -> dict[str, str]:
    """A segmenter's category -> the data's: the same name, or the shipped one for it."""
    mapped = {}
    for name in names:
        shipped = SHIPPED_FROM_KFASHION.get(name) or SHIPPED_FROM_DEEPFASHION2.get(name)
        fitting = [other for other in (name, shipped) if other in known]
        if fitting:
            mapped[name] = str(fitting[0])
    return mapped


def _nothing(truth: COCO) -> COCO:
    nothing = COCO()
    nothing.dataset = {**truth.dataset, "annotations": []}
    nothing.createIndex()
    return nothing


def _as_coco_results(
    found: Sequence[Found], image_ids: Sequence[int], category_ids: Mapping[str, int]
) -> list[dict[str, Any]]:
    results = []
    for image_id, photo in zip(image_ids, found, strict=True):
        for garment, rle in photo.garments:
            if garment.category not in category_ids:
                continue
            x0, y0, x1, y1 = garment.box
            results.append(
                {
                    "image_id": image_id,
                    "category_id": category_ids[garment.category],
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
    scores: dict[str, Any] = {
        name: _percent(value) for name, value in zip(METRIC_NAMES, evaluation.stats, strict=False)
    }
    precision = evaluation.eval["precision"]  # (IoU, recall, category, area, detections)
    per_category = {
        truth.cats[category]["name"]: {
            "AP": _mean_percent(precision[:, :, place, 0, -1]),
            "AP50": _mean_percent(precision[0, :, place, 0, -1]),
            "AP75": _mean_percent(precision[5, :, place, 0, -1]),
            "instances": counts[category],
            "curve": [round(float(p), 4) for p in precision[0, :, place, 0, -1].clip(0)],
        }
        for place, category in enumerate(evaluation.params.catIds)
    }
    intervals = bootstrap(gather_matches(evaluation), len(truth.imgs))
    return {**scores, "intervals": intervals, "per_category": per_category}


def _percent(value: float) -> float | None:
    return None if value < 0 else round(100 * float(value), 2)


def _mean_percent(values: NDArray[np.float64]) -> float | None:
    seen = values[values > -1]
    return round(100 * float(seen.mean()), 2) if seen.size else None


@dataclass(frozen=True)
class CategoryMatches:
    """One category's detections in all photos, best score first, and which of them are right.

    photos: (D,) place of each one's photo. right, ignored: (T, D) at each of T overlaps. truths:
    (I,) garments in each photo.
    """

    photos: NDArray[np.int64]
    right: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    truths: NDArray[np.int64]


def gather_matches(evaluation: COCOeval) -> list[CategoryMatches]:
    """What `COCOeval.evaluate` matched, over all sizes, in the order that `accumulate` uses."""
    params = evaluation.params
    photos, most = len(params.imgIds), params.maxDets[-1]
    step = photos * len(params.areaRng)
    gathered = []
    for place in range(len(params.catIds)):
        seen = evaluation.evalImgs[place * step : place * step + photos]
        found = [(i, entry) for i, entry in enumerate(seen) if entry is not None]
        truths = np.zeros(photos, np.int64)
        for i, entry in found:
            truths[i] = np.count_nonzero(np.asarray(entry["gtIgnore"]) == 0)
        scores = np.concatenate([[], *(entry["dtScores"][:most] for _, entry in found)])
        order = np.argsort(-scores, kind="mergesort")
        none = np.zeros((len(params.iouThrs), 0))
        right = np.concatenate([none, *(e["dtMatches"][:, :most] for _, e in found)], axis=1)
        ignored = np.concatenate([none, *(e["dtIgnore"][:, :most] for _, e in found)], axis=1)
        places = [np.full(len(entry["dtScores"][:most]), i) for i, entry in found]
        gathered.append(
            CategoryMatches(
                photos=np.concatenate([np.zeros(0, np.int64), *places])[order],
                right=right[:, order] > 0,
                ignored=ignored[:, order] > 0,
                truths=truths,
            )
        )
    return gathered


def average_precision(
    matches: CategoryMatches, weights: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """AP at each overlap, (T,), with every photo counted as often as `weights`, (I,), says.

    COCO's 101-point interpolation. None when the photos hold no garment of the category.
    """
    truths = int((weights * matches.truths).sum())
    if not truths:
        return None
    counted = weights[matches.photos] * ~matches.ignored  # (T, D)
    right = np.cumsum(counted * matches.right, axis=1)
    seen = np.cumsum(counted, axis=1)
    precision = right / np.maximum(seen, 1)
    best_after = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    scores = np.zeros(len(right))
    for place, row in enumerate(right):
        at = np.searchsorted(row / truths, RECALLS, side="left")
        reached = at < len(row)
        scores[place] = best_after[place, at[reached]].sum() / len(RECALLS)
    return scores


def bootstrap(
    matches: Sequence[CategoryMatches], photos: int, seed: int = 0
) -> dict[str, list[float]]:
    """95 % intervals of AP, AP50 and AP75 in percent, by resampling the photos."""
    rng = np.random.default_rng(seed)
    rounds = []
    for _ in range(ROUNDS):
        weights = np.bincount(rng.integers(photos, size=photos), minlength=photos)
        scores = [s for m in matches if (s := average_precision(m, weights)) is not None]
        if scores:
            mean = np.mean(scores, axis=0)  # (T,), T = 10 overlaps from .5 to .95
            rounds.append((mean.mean(), mean[0], mean[5]))
    if not rounds:
        return {}
    low, high = 100 * np.percentile(rounds, [2.5, 97.5], axis=0)
    pairs = zip(METRIC_NAMES, low, high, strict=False)
    return {name: [round(float(a), 2), round(float(b), 2)] for name, a, b in pairs}
