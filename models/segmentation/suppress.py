"""Decides which of several detections that cover the same pixels is kept, and how sure it is.

Used by inference. detectron2 suppresses duplicates within a category only, so that one garment
can come out twice, as a jacket and as a coat.
"""

from collections.abc import Sequence

import numpy as np

PART_SHARE = 0.85
"""A detection with more of its pixels than this inside another lies within it."""


def merge_duplicates(
    masks: np.ndarray,
    scores: Sequence[float] | np.ndarray,
    categories: Sequence[int] | np.ndarray,
    max_iou: float,
) -> list[tuple[int, float]]:
    """The detections to keep of (N, H, W) bool masks with their merged scores, best first.

    A detection is merged into a better one when their masks overlap by more than `max_iou`. The
    kept score is the sum over the merged categories, at most 1: a hoodie that may be knitwear
    or a jacket is surely a garment. Masks decide, not boxes: an open coat and the dress below
    share a box. One that lies within a better one of its category is a part of it, as a shoe is
    of a pair, and is dropped.
    """
    if not len(masks):
        return []
    order = np.argsort(-np.asarray(scores, dtype=float), kind="stable")
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    areas = flat.sum(1)
    overlaps = flat @ flat.T  # (N, H * W) -> (N, N) pixels in common
    groups: dict[int, dict[int, float]] = {}
    for index in order[areas[order] > 0]:
        kept = list(groups)
        inside = overlaps[index, kept] > PART_SHARE * areas[index]
        alike = np.asarray(categories)[kept] == categories[index]
        if (inside & alike).any():
            continue
        unions = areas[kept] + areas[index] - overlaps[index, kept]
        same = np.flatnonzero(overlaps[index, kept] > max_iou * unions)
        owner = kept[same[0]] if same.size else int(index)
        groups.setdefault(owner, {}).setdefault(int(categories[index]), float(scores[index]))
    merged = [(index, min(1.0, sum(found.values()))) for index, found in groups.items()]
    return sorted(merged, key=lambda pair: -pair[1])
