"""The drawing surface: lays cut pieces as shaded cloth and keeps whose every pixel is.

Everything is drawn at twice the photo's size and averaged down, masks too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sample.fabric import TILE_HEADS, TILE_PX, make_tile
from sample.geometry import Points, move
from sample.pieces import RGB, Piece, Stroke, shaded

SUPERSAMPLING = 2
_COARSE = 4
"""Light and shadow are worked out at a quarter of the drawing's size: they have no edges."""

_LIGHT_STEPS = 150.0
"""Light is kept in bytes, this many to full light: far quicker than floats and as smooth."""

# How much a weave wrinkles and shines: (fold depth, sheen).
_HANDLE = {
    "satin": (0.13, 0.16),
    "leather": (0.10, 0.20),
    "poplin": (0.09, 0.05),
    "denim": (0.08, 0.03),
    "jersey": (0.08, 0.03),
    "plain": (0.02, 0.05),
    "straw": (0.01, 0.05),
    "canvas": (0.05, 0.04),
    "quilt": (0.05, 0.10),
    "diamond": (0.05, 0.08),
}
_SOFT_HANDLE = (0.06, 0.03)

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class View:
    """Where heads land on the drawing: scale in pixels a head, turn in radians, shift in pixels.

    `sway` bends everything a little, so that no garment lies perfectly symmetrical.
    """

    scale: float
    turn: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    sway: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def linear(self) -> NDArray[np.float64]:
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        return np.asarray(self.scale * np.array([[cos, -sin], [sin, cos]]))

    def place(self, points: Points) -> Points:
        """Heads to drawing pixels, (N, 2)."""
        size, phase, lean = self.sway
        x, y = points[..., 0], points[..., 1]
        bent_x = x + size * np.sin(1.3 * y + phase) + lean * y
        bent_y = y + size * np.sin(1.7 * x + 2 * phase)
        return np.asarray(np.stack([bent_x, bent_y], -1) @ self.linear.T + self.shift)

    def cloth_to_drawing(self, piece: Piece) -> NDArray[np.float64]:
        """The (2, 3) affine map from the cloth tile's pixels to the drawing's."""
        x, y, turn = piece.grain
        cos, sin = np.cos(turn), np.sin(turn)
        linear = self.linear @ np.array([[cos, -sin], [sin, cos]]) * (TILE_HEADS / TILE_PX)
        origin = self.place(np.array([[x, y]]))[0]
        return np.asarray(np.column_stack([linear, origin]))


@dataclass(frozen=True)
class Roi:
    """A rectangle of the drawing, clipped to it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def size(self) -> tuple[int, int]:
        return self.right - self.left, self.bottom - self.top

    @property
    def empty(self) -> bool:
        return self.right <= self.left or self.bottom <= self.top


def lit_by(pixels: Pixels, light: NDArray[np.floating]) -> Pixels:
    """Pixels (H, W, 3) multiplied by a light (h, w) of 0 to 1.7, which may be coarser."""
    level = cv2.convertScaleAbs(light, alpha=_LIGHT_STEPS)
    height, width = pixels.shape[:2]
    level = cv2.resize(level, (width, height), interpolation=cv2.INTER_LINEAR)
    gain = cv2.cvtColor(level, cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.multiply(pixels, gain, scale=1 / _LIGHT_STEPS), np.uint8)


class Canvas:
    """A drawing in progress: `pixels` (H, W, 3) RGB and `owner` (H, W), 0 where nothing lies."""

    def __init__(self, background: Pixels, rng: np.random.Generator) -> None:
        self.pixels = background
        self.owner: Pixels = np.zeros(background.shape[:2], np.uint8)
        self._rng = rng

    def draw(self, pieces: Sequence[Piece], view: View, owner: int, ground: float = 0.0) -> None:
        """Draw one thing's pieces in order; `ground` is its height above what lies below."""
        if ground:
            self._throw_shadow([view.place(p.outline) for p in pieces], ground * view.scale)
        for piece in pieces:
            outline = view.place(piece.outline)
            if piece.lift:
                self._throw_shadow([outline], piece.lift * view.scale, owner)
            self._lay(piece, outline, view, owner)

    def _roi(self, points: Points, margin: float = 2.0) -> Roi:
        height, width = self.owner.shape
        left, top = (int(v) for v in np.floor(points.min(0) - margin))
        right, bottom = (int(v) + 1 for v in np.ceil(points.max(0) + margin))
        return Roi(max(left, 0), max(top, 0), min(right, width), min(bottom, height))

    def _lay(self, piece: Piece, outline: Points, view: View, owner: int) -> None:
        roi = self._roi(outline)
        if roi.empty:
            return
        mask = np.zeros(roi.size[::-1], np.uint8)
        cv2.fillPoly(mask, [_fixed(outline - (roi.left, roi.top))], 255, shift=4)
        colour = self._cut_cloth(piece, view, roi)
        for stroke in piece.strokes:
            self._sew(colour, stroke, piece, view, roi)
        if piece.ink:
            ink = shaded(piece.cloth.ground, 0.52)
            line = _fixed(outline - (roi.left, roi.top))
            cv2.polylines(colour, [line], True, ink, 3, cv2.LINE_AA, shift=4)
        light = self._light(piece, mask, view, roi)
        cv2.copyTo(lit_by(colour, light), mask, self.pixels[roi.slices])
        self.owner[roi.slices][mask > 0] = owner

    def _cut_cloth(self, piece: Piece, view: View, roi: Roi) -> Pixels:
        if piece.cloth.material == "plain" and piece.cloth.print == "solid":
            return _filled(roi.size, piece.cloth.ground)
        matrix = view.cloth_to_drawing(piece)
        matrix[:, 2] -= (roi.left, roi.top)
        tile = make_tile(piece.cloth)
        laid = cv2.warpAffine(
            tile, matrix, roi.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
        )
        return np.asarray(laid, np.uint8)

    def _light(self, piece: Piece, mask: Pixels, view: View, roi: Roi) -> NDArray[np.float32]:
        """Relative brightness over the roi: roundness, light from the upper left, folds."""
        depth, sheen = _HANDLE.get(piece.cloth.material, _SOFT_HANDLE)
        width, height = (max(1, n // _COARSE) for n in roi.size)
        small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
        solid = cv2.copyMakeBorder(small, 1, 1, 1, 1, cv2.BORDER_CONSTANT).astype(np.float32) / 255
        unit = view.scale / _COARSE
        soft = cv2.GaussianBlur(solid, (0, 0), max(0.8, 0.13 * unit))
        right, below = np.roll(soft, -1, 1), np.roll(soft, -1, 0)
        relief = 0.8 * (right - np.roll(soft, 1, 1)) + 0.5 * (below - np.roll(soft, 1, 0))
        relief *= 0.13 * unit
        light = 0.80 + 0.22 * soft + 0.42 * relief + piece.shade
        folds = self._folds(piece, view, (width + 2, height + 2), roi)
        light += depth * folds + sheen * np.clip(folds - 0.55, 0, 1) * 1.5
        inner: NDArray[np.float32] = np.ascontiguousarray(light[1:-1, 1:-1], np.float32)
        for stroke in piece.strokes:
            if stroke.kind == "fold":
                _crease(
                    inner, (view.place(stroke.points) - (roi.left, roi.top)) / _COARSE, stroke, unit
                )
        return inner

    def _folds(
        self, piece: Piece, view: View, size: tuple[int, int], roi: Roi
    ) -> NDArray[np.float32]:
        """Wrinkles that run along the cloth's threads, about unit spread."""
        knots = self._rng.standard_normal((16, 24)).astype(np.float32)
        turn = view.turn + piece.grain[2] + self._rng.normal(0, 0.22)
        cos, sin = np.cos(turn), np.sin(turn)
        across, along = 0.17 * view.scale / _COARSE, 0.62 * view.scale / _COARSE
        matrix = np.array([[across * cos, -along * sin, 0.0], [across * sin, along * cos, 0.0]])
        matrix[:, 2] = self._rng.uniform(-3, 3, 2) * across
        noise = cv2.warpAffine(
            knots, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
        )
        return np.asarray(cv2.GaussianBlur(noise, (0, 0), max(0.8, 0.05 * view.scale / _COARSE)))

    def _sew(self, colour: Pixels, stroke: Stroke, piece: Piece, view: View, roi: Roi) -> None:
        points = view.place(stroke.points) - (roi.left, roi.top)
        ink = stroke.colour or shaded(piece.cloth.ground, 0.6)
        thick = max(1, round(stroke.width * view.scale))
        if stroke.kind == "dot":
            for point in points:
                _draw_button(colour, point, max(1.5, stroke.width * view.scale), ink)
        elif stroke.kind == "stitch":
            for start, end in _dashes(points, max(3.0, 0.045 * view.scale)):
                cv2.line(colour, start, end, ink, thick, cv2.LINE_AA, shift=4)
        elif stroke.kind != "fold":
            cv2.polylines(colour, [_fixed(points)], False, ink, thick, cv2.LINE_AA, shift=4)

    def _throw_shadow(self, outlines: Sequence[Points], reach: float, onto: int = 0) -> None:
        """Darken what lies below, away from the light; only thing `onto`'s own pixels if given."""
        roi = self._roi(np.vstack(outlines), margin=3 * reach + 4)
        if roi.empty:
            return
        width, height = (max(1, n // _COARSE) for n in roi.size)
        small = np.zeros((height, width), np.uint8)
        for outline in outlines:
            moved = (move(outline, 0.35 * reach, 0.6 * reach) - (roi.left, roi.top)) / _COARSE
            cv2.fillPoly(small, [_fixed(moved)], 255, shift=4)
        soft = cv2.GaussianBlur(small.astype(np.float32), (0, 0), max(0.6, 0.5 * reach / _COARSE))
        shadowed = lit_by(self.pixels[roi.slices], 1 - soft * np.float32(0.38 / 255))
        if onto:
            mine = (self.owner[roi.slices] == onto).astype(np.uint8)
            cv2.copyTo(shadowed, mine, self.pixels[roi.slices])
        else:
            self.pixels[roi.slices] = shadowed

    def finish(self) -> tuple[Pixels, NDArray[np.uint8]]:
        """The picture at photo size, and each thing's share of its pixels decided by majority."""
        height, width = (side // SUPERSAMPLING for side in self.owner.shape)
        picture = cv2.resize(self.pixels, (width, height), interpolation=cv2.INTER_AREA)
        owner = np.zeros((height, width), np.uint8)
        for thing in np.flatnonzero(np.bincount(self.owner.ravel()))[1:]:
            whole = (self.owner == thing).astype(np.uint8) * 255
            share = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
            owner[share > 127] = thing
        return np.asarray(picture, np.uint8), owner


def _filled(size: tuple[int, int], colour: RGB) -> Pixels:
    """One colour over (width, height)."""
    width, height = size
    return np.asarray(cv2.merge([np.full((height, width), c, np.uint8) for c in colour]), np.uint8)


def _fixed(points: Points) -> NDArray[np.int32]:
    """Points in 1/16 pixel, as cv2's `shift=4` wants them."""
    return np.rint(np.clip(points, -8000, 8000) * 16).astype(np.int32)


def _dashes(points: Points, length: float) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Dashes and equal gaps along a line, as pairs of fixed-point ends."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    starts = np.arange(0, at[-1], 1.7 * length)
    line = []
    for start in starts:
        ends = np.array([start, min(start + length, at[-1])])
        xy = _fixed(np.stack([np.interp(ends, at, points[:, k]) for k in (0, 1)], 1))
        line.append(((int(xy[0, 0]), int(xy[0, 1])), (int(xy[1, 0]), int(xy[1, 1]))))
    return line


def _draw_button(colour: Pixels, point: Points, radius: float, ink: RGB) -> None:
    x, y = _fixed(point[None])[0]
    size = round(radius * 16)
    rim = shaded(ink, 0.62)
    cv2.circle(colour, (int(x), int(y)), size + 14, rim, -1, cv2.LINE_AA, shift=4)
    cv2.circle(colour, (int(x), int(y)), size, ink, -1, cv2.LINE_AA, shift=4)
    if radius > 6:
        hole = max(8, size // 7)
        for dx in (-1, 1):
            centre = (int(x + dx * size // 3), int(y))
            cv2.circle(colour, centre, hole, rim, -1, cv2.LINE_AA, shift=4)


def _crease(light: NDArray[np.float32], points: Points, stroke: Stroke, unit: float) -> None:
    """A soft dark crease with a light ridge beside it, on the coarse light."""
    wide = stroke.width * unit
    for shift, strength in ((0.0, -0.22), (max(0.7, wide * 0.9), 0.11)):
        band = np.zeros(light.shape, np.float32)
        line = _fixed(move(points, shift, 0.0))
        cv2.polylines(band, [line], False, strength, max(1, round(wide)), shift=4)
        light += cv2.GaussianBlur(band, (0, 0), max(0.7, 0.45 * wide))
