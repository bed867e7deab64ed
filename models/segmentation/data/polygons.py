"""Polygons as people draw them, turned into masks; says what is wrong with those that are broken.

Called by the converters of data sets that are labelled with polygons.
"""

from collections.abc import Sequence

import numpy as np
from pycocotools import mask as coco_mask

OUTSIDE_PX = 2.0
"""Points this far outside of the photo are slips at its edge, farther ones belong elsewhere."""


class PolygonError(ValueError):
    """A garment's polygons describe no area of its photo; the text says why."""


def mask_of_polygons(polygons: Sequence[Sequence[float]], size: tuple[int, int]) -> np.ndarray:
    """The (H, W) bool union of polygons [x1, y1, x2, y2, ...] in pixels of a (height, width) photo.

    Raises PolygonError when one is broken, or all of them together cover no pixel.
    """
    if not polygons:
        raise PolygonError("no polygon")
    closed = [_check(polygon, size) for polygon in polygons]
    rle = coco_mask.merge(coco_mask.frPyObjects(closed, *size))
    mask = coco_mask.decode(rle).astype(bool)
    if not mask.any():
        raise PolygonError("the polygon covers no pixel")
    return np.asarray(mask)


def _check(polygon: Sequence[float], size: tuple[int, int]) -> list[float]:
    try:
        points = np.asarray(polygon, dtype=float)
    except (TypeError, ValueError) as error:
        raise PolygonError("a coordinate is no number") from error
    if points.ndim != 1 or len(points) % 2:
        raise PolygonError("coordinates come in pairs of x and y")
    if len(points) < 6:
        raise PolygonError(f"{len(points) // 2} points make no area")
    if not np.isfinite(points).all():
        raise PolygonError("a coordinate is no number")
    height, width = size
    x, y = points[::2], points[1::2]
    off = max(-x.min(), -y.min(), x.max() - width, y.max() - height)
    if off > OUTSIDE_PX:
        raise PolygonError(f"a point lies {off:.0f} px outside of the {width} x {height} photo")
    points[::2], points[1::2] = x.clip(0, width), y.clip(0, height)
    return [float(value) for value in points]
