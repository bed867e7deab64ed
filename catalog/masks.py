"""Masks as COCO run-length encoding, as outlines to draw, and the overlap of boxes.

Called by the worker's pipeline, by corrections and by the segmenter's data readers.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from catalog.errors import InputError

Mask = NDArray[np.bool_]

_MOST_POLYGONS = 8
_SMALLEST_PART = 0.01
_TOLERANCE_PX = 1.0


def encode_mask(mask: Mask) -> dict[str, Any]:
    """COCO's compressed run-length encoding of an (H, W) mask, ready for JSON."""
    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode()}


def decode_mask(encoded: dict[str, Any]) -> Mask:
    """The (H, W) mask of `encode_mask`; raises InputError when it is none.

    Not through pycocotools, whose decoder warns about its own NumPy calls on every mask.
    """
    try:
        height, width = (int(side) for side in encoded["size"])
        runs = _read_runs(encoded["counts"])
        flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
        # Runs go down the columns.
        return np.ascontiguousarray(flat.reshape(width, height).T)
    except (LookupError, AttributeError, TypeError, ValueError) as error:
        raise InputError(f"not a run-length encoded mask: {error!r}") from error


def _read_runs(counts: str) -> list[int]:
    """Run lengths from COCO's string: 5 bits a character, differences from the third run on."""
    runs: list[int] = []
    value = shift = 0
    for character in counts.encode("ascii"):
        code = character - 48
        value |= (code & 0x1F) << shift
        shift += 5
        if code & 0x20:
            continue
        if code & 0x10:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return runs


def outline_of(mask: Mask) -> list[list[float]]:
    """The outer borders of an (H, W) mask as [x, y, x, y, ...] in pixels, largest part first.

    Simplified to one pixel and without specks: it is for drawing, the mask is for measuring.
    """
    contours, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    parts = sorted(contours, key=cv2.contourArea, reverse=True)[:_MOST_POLYGONS]
    if not parts:
        return []
    smallest = cv2.contourArea(parts[0]) * _SMALLEST_PART
    polygons = [
        cv2.approxPolyDP(part, _TOLERANCE_PX, True)
        for part in parts
        if cv2.contourArea(part) >= smallest
    ]
    return [polygon.reshape(-1).astype(float).tolist() for polygon in polygons if len(polygon) > 2]


def fill_outline(outline: Sequence[Sequence[float]], height: int, width: int) -> Mask:
    """The (H, W) mask inside an outline of `outline_of`: close to the one that it was made of."""
    filled = np.zeros((height, width), dtype=np.uint8)
    polygons = [np.asarray(each).reshape(-1, 2).round().astype(np.int32) for each in outline]
    cv2.fillPoly(filled, polygons, 1)
    return filled.astype(bool)


def box_iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1; 0 when either is empty."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (_area(a) + _area(b) - shared)


def _area(box: Sequence[float]) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
