"""Random views of one garment for training: what changes between photos changes, its look stays.

Called by the training batches. Colours move little on purpose: they are part of the look.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.crops import PLAIN, cut_crop

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Augmentation:
    """How far views may differ. Chances and shares in 0..1, angles in degrees.

    zoom: chance of a close view of a part; zoom_from: the part's smallest side as a share.
    """

    flip: float = 0.5
    zoom: float = 0.4
    zoom_from: float = 0.4
    keep_background: float = 0.1
    other_background: float = 0.15
    max_angle: float = 12.0
    perspective: float = 0.06
    brightness: float = 0.12
    contrast: float = 0.1
    tint: float = 0.03


def make_view(
    crop: Pixels,
    mask: NDArray[np.bool_],
    side_px: int,
    settings: Augmentation,
    rng: np.random.Generator,
) -> Pixels:
    """A random view of a (h, w, 3) RGB crop with its (h, w) mask: (side_px, side_px, 3) RGB."""
    picture, fill = _change_background(crop, mask, settings, rng)
    view = _move_camera(picture, fill, side_px, settings, rng)
    return _change_light(view, settings, rng)


def _change_background(
    crop: Pixels, mask: NDArray[np.bool_], settings: Augmentation, rng: np.random.Generator
) -> tuple[Pixels, tuple[int, ...]]:
    """The crop on its own, on another or (mostly) on the plain background, and the fill colour."""
    choice = rng.random()
    if choice < settings.keep_background:
        return crop, PLAIN
    height, width = mask.shape
    plain = cut_crop(crop, (0, 0, width, height), mask, margin=0.0)
    if choice >= settings.keep_background + settings.other_background:
        return plain, PLAIN
    colour = tuple(int(value) for value in rng.integers(0, 256, 3))
    plain[~mask] = colour
    return plain, colour


def _move_camera(
    picture: Pixels,
    fill: tuple[int, ...],
    side_px: int,
    settings: Augmentation,
    rng: np.random.Generator,
) -> Pixels:
    """Zoom, turn, shear and mirror in one warp from the picture to the square."""
    corners = _choose_part(picture.shape[:2], settings, rng)
    center = corners.mean(axis=0)
    angle = np.deg2rad(rng.uniform(-settings.max_angle, settings.max_angle))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    half = np.abs(corners - center).max() * rng.uniform(0.95, 1.2)
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    square = square + rng.uniform(-1, 1, (4, 2)) * settings.perspective * half
    source = (square @ turn.T + center).astype(np.float32)
    if rng.random() < settings.flip:
        source = source[[1, 0, 3, 2]]
    edge = side_px - 1
    target = np.array([[0, 0], [edge, 0], [edge, edge], [0, edge]], dtype=np.float32)
    warp = cv2.getPerspectiveTransform(source, target)
    scale = side_px / (2 * half)
    if scale < 0.6:  # a warp does not smooth: shrink first or thin stripes turn into noise
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.4 / scale), dtype=np.uint8)
    return np.asarray(
        cv2.warpPerspective(picture, warp, (side_px, side_px), borderValue=fill), dtype=np.uint8
    )


def _choose_part(
    shape: tuple[int, ...], settings: Augmentation, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Corners (4, 2) as x, y of the part to look at: the whole or, zoomed, a piece of it."""
    height, width = shape[0], shape[1]
    share = rng.uniform(settings.zoom_from, 0.8) if rng.random() < settings.zoom else 1.0
    part_width, part_height = width * share, height * share
    # The middle two thirds: the corners of a crop hold little but background.
    x = (width - part_width) * rng.uniform(0.17, 0.83)
    y = (height - part_height) * rng.random()
    x1, y1 = x + part_width, y + part_height
    return np.array([[x, y], [x1, y], [x1, y1], [x, y1]])


def _change_light(view: Pixels, settings: Augmentation, rng: np.random.Generator) -> Pixels:
    gain = 1 + rng.uniform(-settings.contrast, settings.contrast)
    shift = 255 * rng.uniform(-settings.brightness, settings.brightness)
    tint = 1 + rng.uniform(-settings.tint, settings.tint, 3)
    changed = (view.astype(np.float32) - 128) * gain * tint + 128 + shift
    return np.asarray(changed.clip(0, 255), dtype=np.uint8)
