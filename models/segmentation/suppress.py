"""Decides which of several detections that cover the same pixels is kept.

Used by inference. detectron2 suppresses duplicates within a category only, so that one garment
can come out twice, as a jacket and as a coat.
"""

from collections.abc import Sequence

import numpy as np


def find_distinct(
    masks: np.ndarray, scores: Sequence[float] | np.ndarray, max_iou: float
) -> list[int]:
    """The detections to keep of (N, H, W) bool masks, best score first.

    A detection is dropped when its mask overlaps a better one's by more than `max_iou`, whatever
    their categories. Masks decide, not boxes: an open coat and the dress below share a box.
    """
    order = np.argsort(-np.asarray(scores, dtype=float), kind="stable")
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    areas = flat.sum(1)
    overlaps = flat @ flat.T  # (N, H * W) -> (N, N) pixels in common
    kept: list[int] = []
    for index in order:
        union = areas[kept] + areas[index] - overlaps[index, kept]
        if areas[index] > 0 and not np.any(overlaps[index, kept] > max_iou * union):
            kept.append(int(index))
    return kept
