"""Cuts one garment out of a photo: what workers store and what CGD is trained on and embeds.

Called by workers for every garment found and explained, and by models.embedding for training crops.
"""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Background = Literal["keep", "plain"]
PLAIN = (238, 238, 238)
"""The light grey behind a cut-out garment: near a studio's white, yet not a white shirt's."""

_DILATION = 0.015  # of the crop's longer side: masks lose thin straps and hems more than they add


def cut_crop(
    photo: NDArray[np.uint8],
    box: Sequence[float],
    mask: NDArray[np.bool_],
    margin: float = 0.05,
    background: Background = "plain",
) -> NDArray[np.uint8]:
    """Cut `box` with a margin out of `photo`, by default with all that is not garment made plain.

    photo: (H, W, 3) uint8 RGB. box: x0, y0, x1, y1 in pixels; it may reach over the edge. mask:
    (H, W) bool, the garment's pixels; an empty one leaves the background. margin: share of the
    box's longer side added on every side. Returns a copy, (h, w, 3) uint8 RGB, h and w >= 1.
    """
    left, top, right, bottom = _frame(photo.shape[:2], box, margin)
    crop = photo[top:bottom, left:right].copy()
    if background == "plain":
        crop[~cut_mask(mask, box, margin)] = PLAIN
    return crop


def cut_mask(
    mask: NDArray[np.bool_], box: Sequence[float], margin: float = 0.05
) -> NDArray[np.bool_]:
    """What `cut_crop` keeps in its crop: (h, w) bool of the same size, all of it for no mask."""
    left, top, right, bottom = _frame(mask.shape, box, margin)
    inside = mask[top:bottom, left:right]
    return _dilate(inside) if inside.any() else np.ones_like(inside)


def _frame(
    shape: tuple[int, ...], box: Sequence[float], margin: float
) -> tuple[int, int, int, int]:
    """Box plus margin in whole pixels, inside the photo and at least one pixel in size."""
    height, width = shape[0], shape[1]
    x0, y0, x1, y1 = box
    extra = margin * max(x1 - x0, y1 - y0, 0.0)
    left = int(np.clip(np.floor(x0 - extra), 0, width - 1))
    top = int(np.clip(np.floor(y0 - extra), 0, height - 1))
    right = int(np.clip(np.ceil(x1 + extra), left + 1, width))
    bottom = int(np.clip(np.ceil(y1 + extra), top + 1, height))
    return left, top, right, bottom


def _dilate(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    radius = round(_DILATION * max(mask.shape))
    if radius == 0:
        return mask
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(mask.astype(np.uint8), kernel).astype(bool)
