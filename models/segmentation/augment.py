"""Random views of labelled photos: close crops, plain studio backgrounds, flips, scale, light.

Used by the trainer. Street photos and single flats alone don't teach what shops show, which is
a torso or a pair of legs, cut by the frame, before white or grey.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from models.segmentation.data.coco import LabelledGarment


@dataclass(frozen=True)
class View:
    """A (H, W, 3) uint8 RGB photo, its garments, and what of it is not background, if known."""

    photo: np.ndarray
    garments: tuple[LabelledGarment, ...]
    foreground: np.ndarray | None = None


@dataclass(frozen=True)
class AugmentOptions:
    """How often each change is made, and the range of the short side in pixels."""

    crop_rate: float = 0.25
    studio_rate: float = 0.15
    turn_rate: float = 0.06
    light_rate: float = 1.0
    min_side_px: int = 272
    max_side_px: int = 448
    max_long_side_px: int = 672


MIN_VISIBLE_SHARE = 0.2
MIN_GARMENT_PX = 40


def make_random_view(view: View, options: AugmentOptions, rng: np.random.Generator) -> View:
    """One random training view of a labelled photo."""
    if rng.random() < options.studio_rate:
        view = place_before_studio(view, rng)
    if view.garments and rng.random() < options.crop_rate:
        view = crop(view, choose_window(view.garments, rng))
    if len(view.garments) == 1 and rng.random() < options.turn_rate:
        view = turn(view, int(rng.integers(1, 4)))
    if rng.random() < 0.5:
        view = flip(view)
    side = int(rng.integers(options.min_side_px, options.max_side_px + 1))
    view = scale(view, side, options.max_long_side_px)
    if rng.random() < options.light_rate:
        return replace(view, photo=change_light(view.photo, rng))
    return view


def place_before_studio(view: View, rng: np.random.Generator) -> View:
    """Replace the background by a plain, softly graded white, grey or coloured one."""
    if view.foreground is None:
        return view
    height, width = view.foreground.shape
    tint = rng.uniform(150, 255) + rng.normal(0, 4, 3)
    if rng.random() < 0.4:
        tint = np.full(3, 255.0)
    slope = rng.uniform(-25, 12) * np.linspace(0, 1, height)[:, None, None]
    studio = np.broadcast_to(tint + slope, (height, width, 3))
    studio = studio + rng.normal(0, 1.5, (height, width, 1))
    alpha = cv2.GaussianBlur(view.foreground.astype(np.float32), (0, 0), 1.0)[..., None]
    mixed = alpha * view.photo + (1 - alpha) * studio
    return replace(view, photo=np.clip(mixed, 0, 255).astype(np.uint8))


def choose_window(
    garments: Sequence[LabelledGarment], rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """A random window (x0, y0, x1, y1) around one to three garments that may cut into them."""
    count = min(len(garments), int(rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2])))
    # By size, so that a crop shows a coat more often than a pair of glasses.
    areas = np.sqrt([garment.mask.sum() + 1.0 for garment in garments])
    chosen = rng.choice(len(garments), count, replace=False, p=areas / areas.sum())
    height, width = garments[0].mask.shape
    boxes = np.array([box_of(garments[i].mask) for i in chosen])
    x0, y0 = (int(value) for value in boxes[:, :2].min(0))
    x1, y1 = (int(value) for value in boxes[:, 2:].max(0))
    low, high = -0.12, rng.choice([0.12, 0.5])
    left, top, right, bottom = rng.uniform(low, high, 4)
    box_width, box_height = x1 - x0, y1 - y0
    return (
        int(max(0, x0 - left * box_width)),
        int(max(0, y0 - top * box_height)),
        int(min(width, x1 + right * box_width)) or width,
        int(min(height, y1 + bottom * box_height)) or height,
    )


def box_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The (x0, y0, x1, y1) box of a mask with at least one pixel, upper bounds exclusive."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def crop(view: View, window: tuple[int, int, int, int]) -> View:
    """The part of a view inside (x0, y0, x1, y1); garments mostly outside are dropped."""
    x0, y0, x1, y1 = window
    if x1 - x0 < 48 or y1 - y0 < 48:
        return view
    kept = []
    for garment in view.garments:
        inside = garment.mask[y0:y1, x0:x1]
        seen = inside.sum()
        large = seen >= 0.03 * inside.size
        if large or seen >= MIN_VISIBLE_SHARE * garment.mask.sum():
            kept.append(LabelledGarment(garment.category, inside))
    cut = None if view.foreground is None else view.foreground[y0:y1, x0:x1]
    return View(view.photo[y0:y1, x0:x1], tuple(kept), cut)


def flip(view: View) -> View:
    """Left and right exchanged."""
    garments = tuple(LabelledGarment(g.category, g.mask[:, ::-1]) for g in view.garments)
    cut = None if view.foreground is None else view.foreground[:, ::-1]
    return View(view.photo[:, ::-1], garments, cut)


def turn(view: View, quarters: int) -> View:
    """Turned by quarters: people photograph flat garments from any side."""
    garments = tuple(LabelledGarment(g.category, np.rot90(g.mask, quarters)) for g in view.garments)
    cut = None if view.foreground is None else np.rot90(view.foreground, quarters)
    return View(np.rot90(view.photo, quarters), garments, cut)


def scale(view: View, short_side_px: int, max_long_side_px: int) -> View:
    """Scaled to a short side, unless the long side would pass its limit."""
    height, width = view.photo.shape[:2]
    factor = min(short_side_px / min(height, width), max_long_side_px / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    filter_ = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    photo = cv2.resize(np.ascontiguousarray(view.photo), size, interpolation=filter_)
    garments = []
    for garment in view.garments:
        dense = np.ascontiguousarray(garment.mask, dtype=np.uint8)
        mask = cv2.resize(dense, size, interpolation=cv2.INTER_NEAREST).astype(bool)
        if mask.sum() >= MIN_GARMENT_PX:
            garments.append(LabelledGarment(garment.category, mask))
    return View(photo, tuple(garments))


def change_light(photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness, contrast and colour balance changed a little."""
    gain = rng.uniform(0.75, 1.25) * (1 + rng.normal(0, 0.03, 3))
    shifted = (photo.astype(np.float32) - 127) * rng.uniform(0.85, 1.15) + 127
    return np.clip(shifted * gain, 0, 255).astype(np.uint8)
