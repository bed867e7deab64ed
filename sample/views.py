"""Photographs of drawn items: lays garments flat, dresses a figure, and keeps exact masks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.taxonomy import SHIPPED_FROM_KFASHION
from sample.backdrops import make_floor, make_room, make_studio
from sample.blocks import Upper
from sample.canvas import SUPERSAMPLING, Canvas, View, lit_by
from sample.cuts import Garment, make_pieces
from sample.figures import HAIRS, HAIRSTYLES, SKINS, make_body, make_hair_behind, make_head
from sample.geometry import ellipse
from sample.pieces import RGB, Figure, Piece

_FIGURE = 250
_HAIR = 251

# The order in which a wearer puts things on; trousers go over boots, tops over waistbands.
_ORDER = ("leggings", "shoes", "skirt", "pants", "jean", "jogger pants", "shorts", "jumpsuit",
          "bratop", "top", "t-shirts", "blouse", "shirts", "dress", "knitwear", "hoody", "vest",
          "cardigan", "zipup", "jacket", "jumper", "padded jacket", "coat", "scarf", "bag",
          "eyewear", "hat")  # fmt: skip


@dataclass(frozen=True)
class DrawnGarment:
    """One garment of a photo: whose it is, what it is, and the pixels where it shows.

    `category` is a K-Fashion name or one of the shipped taxonomy's additions. `mask` is (H, W)
    bool; `box` is (left, top, width, height) in pixels.
    """

    item_sku: str
    category: str
    shipped_category: str
    mask: NDArray[np.bool_]
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class DrawnPhoto:
    """A photo: its file name, its view, (H, W, 3) RGB pixels and the garments in it."""

    name: str
    view: str
    pixels: NDArray[np.uint8]
    garments: tuple[DrawnGarment, ...]


@dataclass(frozen=True)
class Worn:
    """A garment and the sku of the item that it is."""

    sku: str
    garment: Garment


def shipped_category(category: str) -> str:
    """The shipped taxonomy's name of a drawn category."""
    return SHIPPED_FROM_KFASHION.get(category, category)


def take_photo(
    name: str, view: str, outfit: Sequence[Worn], side_px: int, rng: np.random.Generator
) -> DrawnPhoto:
    """Draw one view of `outfit[0]`; only a `worn` view shows the rest of the outfit.

    `side_px` is the picture's height; its width is three quarters of that.
    """
    size = (side_px * SUPERSAMPLING, side_px * 3 // 4 * SUPERSAMPLING)
    shown = list(outfit) if view == "worn" else list(outfit[:1])
    canvas = (
        _draw_worn(size, shown, rng) if view == "worn" else _draw_flat(size, view, shown[0], rng)
    )
    picture, owner = canvas.finish()
    picture = _developed(picture, rng)
    garments = [g for i, worn in enumerate(shown, 1) if (g := _drawn(worn, owner == i))]
    return DrawnPhoto(name, view, picture, tuple(garments))


def _drawn(worn: Worn, mask: NDArray[np.bool_]) -> DrawnGarment | None:
    """The garment, unless next to nothing of it shows."""
    if np.count_nonzero(mask) < 0.0004 * mask.size:
        return None
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    category = worn.garment.category
    return DrawnGarment(
        worn.sku, category, shipped_category(category), mask, (left, top, width, height)
    )


# --- lying flat -------------------------------------------------------------------------------


def _flat_pose(rng: np.random.Generator, back: bool) -> Figure:
    spread = rng.uniform(0.16, 0.5)
    arms = tuple(
        (float(spread + rng.normal(0, 0.05)), float(spread + rng.normal(0, 0.08))) for _ in "RL"
    )
    return Figure((arms[0], arms[1]), stance=float(rng.uniform(0.03, 0.09)), back=back)


def _draw_flat(size: tuple[int, int], view: str, worn: Worn, rng: np.random.Generator) -> Canvas:
    """Product shots: front, back, detail and floor."""
    pieces = make_pieces(worn.garment, _flat_pose(rng, view == "back"))
    ground: RGB = worn.garment.cloth.ground
    make_background = make_floor if view == "floor" else make_studio
    canvas = Canvas(make_background(size, ground, rng), rng)
    camera = (
        _detail_camera(size, pieces, rng) if view == "detail" else _fitted(size, pieces, view, rng)
    )
    behind, before = _split(pieces)
    canvas.draw([*behind, *before], camera, 1, ground=float(rng.uniform(0.1, 0.16)))
    return canvas


def _split(pieces: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
    return [p for p in pieces if p.behind], [p for p in pieces if not p.behind]


def _bounds(pieces: Sequence[Piece]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    points = np.vstack([p.outline for p in pieces])
    return points.min(0), points.max(0)


def _sway(rng: np.random.Generator) -> tuple[float, float, float]:
    return float(rng.uniform(0.0, 0.035)), float(rng.uniform(0, 6.3)), float(rng.normal(0, 0.015))


def _fitted(
    size: tuple[int, int], pieces: Sequence[Piece], view: str, rng: np.random.Generator
) -> View:
    """The camera that shows the pieces whole with some air around."""
    low, high = _bounds(pieces)
    extent = high - low
    turn = float(rng.normal(0, 0.13 if view == "floor" else 0.02))
    cos, sin = abs(np.cos(turn)), abs(np.sin(turn))
    width = extent[0] * cos + extent[1] * sin
    height = extent[0] * sin + extent[1] * cos
    fill = rng.uniform(0.74, 0.88)
    sway = _sway(rng)
    sway = (sway[0] * extent.max() / 4, sway[1], sway[2])
    scale = float(min(size[1] * fill / width, size[0] * fill / height))
    return _centred(size, (low + high) / 2, scale, turn, sway, rng.uniform(-0.02, 0.02, 2))


def _centred(
    size: tuple[int, int],
    middle: NDArray[np.float64],
    scale: float,
    turn: float,
    sway: tuple[float, float, float],
    off: NDArray[np.float64],
) -> View:
    """A camera with the point `middle` in the picture's middle, moved by `off` of its size."""
    view = View(scale, turn, (0.0, 0.0), sway)
    landed = view.place(middle[None])[0]
    target = np.array([size[1] * (0.5 + off[0]), size[0] * (0.5 + off[1])])
    return replace(view, shift=(float(target[0] - landed[0]), float(target[1] - landed[1])))


def _detail_camera(
    size: tuple[int, int], pieces: Sequence[Piece], rng: np.random.Generator
) -> View:
    """A close look at the upper middle, where collars, waistbands and flaps are."""
    low, high = _bounds(pieces)
    extent = high - low
    middle = low + extent * (rng.uniform(0.38, 0.62), rng.uniform(0.2, 0.45))
    zoom = rng.uniform(1.7, 2.6)
    scale = float(min(size[1] / extent[0], size[0] / extent[1]) * zoom)
    scale = max(scale, 0.55 * size[1] / float(extent[0]))
    turn = float(rng.normal(0, 0.1))
    return _centred(size, middle, scale, turn, _sway(rng), np.zeros(2))


# --- worn -------------------------------------------------------------------------------------


def _wearer(rng: np.random.Generator) -> Figure:
    mannequin = bool(rng.random() < 0.18)
    arms = tuple((float(a), float(a + rng.uniform(-0.22, 0.1))) for a in rng.uniform(0.12, 0.42, 2))
    skin = (222, 214, 204) if mannequin else SKINS[int(rng.integers(len(SKINS)))]
    return Figure(
        arms=(arms[0], arms[1]),
        stance=float(rng.uniform(0.0, 0.1)),
        worn=True,
        skin=skin,
        hair=HAIRS[int(rng.integers(len(HAIRS)))],
        hairstyle=HAIRSTYLES[int(rng.integers(len(HAIRSTYLES)))],
        mannequin=mannequin,
    )


def _worn_camera(size: tuple[int, int], main: Garment, rng: np.random.Generator) -> View:
    """Full length, or closer to where the main garment is."""
    top, bottom = -1.75, 6.75
    slot = slot_of(main.category)
    close = rng.random() < 0.4
    if close and slot in ("upper", "outer", "neck"):
        bottom = float(rng.uniform(2.9, 3.8))
        top = float(rng.choice([-1.75, -0.6]))
    elif close and slot in ("lower", "feet"):
        top = float(rng.uniform(0.6, 1.2))
    elif close and slot in ("head", "eyes"):
        bottom = float(rng.uniform(0.9, 2.4))
    scale = size[0] * float(rng.uniform(0.92, 0.97)) / (bottom - top)
    middle = np.array([0.0, (top + bottom) / 2])
    off = np.array([rng.uniform(-0.05, 0.05), 0.0])
    return _centred(size, middle, scale, float(rng.normal(0, 0.012)), _sway(rng), off)


def _draw_worn(size: tuple[int, int], outfit: Sequence[Worn], rng: np.random.Generator) -> Canvas:
    """A figure in a room that wears the outfit."""
    figure = _wearer(rng)
    camera = _worn_camera(size, outfit[0].garment, rng)
    ground = float(camera.place(np.array([[0.0, 6.4]]))[0, 1])
    room = make_room(size, outfit[0].garment.cloth.ground, ground, rng)
    canvas = Canvas(room, rng)
    _shade_ground(canvas, camera)
    numbered = sorted(enumerate(outfit, 1), key=lambda pair: _ORDER.index(pair[1].garment.category))
    covered = any(slot_of(worn.garment.category) == "outer" for worn in outfit)
    cut = {n: _split(make_pieces(_under(w.garment, covered), figure)) for n, w in numbered}
    canvas.draw(make_hair_behind(figure), camera, _HAIR)
    for number, (behind, _) in reversed(cut.items()):
        canvas.draw(behind, camera, number)
    canvas.draw(make_body(figure), camera, _FIGURE)
    on_head = [n for n, worn in numbered if worn.garment.category in ("eyewear", "hat")]
    for number, (_, before) in cut.items():
        if number not in on_head:
            canvas.draw(before, camera, number, ground=0.035)
    canvas.draw(make_head(figure), camera, _FIGURE)
    for number in on_head:
        canvas.draw(cut[number][1], camera, number, ground=0.03)
    return canvas


def _under(garment: Garment, covered: bool) -> Garment:
    """The garment as it fits under an outer one: what would stick out is tucked in."""
    if not covered or slot_of(garment.category) == "outer" or not isinstance(garment.cut, Upper):
        return garment
    slim = {"shoulder": 0.62, "chest": 0.56, "waist": 0.5, "sleeve": 0.0}
    values = {name: min(width, getattr(garment.cut, name)) for name, width in slim.items()}
    return replace(garment, cut=replace(garment.cut, **values))


def _shade_ground(canvas: Canvas, camera: View) -> None:
    """The figure's soft shadow on the floor."""
    dark = np.zeros(canvas.owner.shape, np.uint8)
    shadow = ellipse((0.15, 6.62), 1.15, 0.13)
    cv2.fillPoly(dark, [np.rint(camera.place(shadow)).astype(np.int32)], 255)
    small = cv2.resize(dark, None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small.astype(np.float32), (0, 0), max(0.8, 0.05 * camera.scale / 8))
    canvas.pixels[:] = lit_by(canvas.pixels, 1 - soft * np.float32(0.3 / 255))


# --- outfits ----------------------------------------------------------------------------------

_SLOTS = {
    "shoes": "feet", "bag": "hand", "hat": "head", "scarf": "neck", "eyewear": "eyes",
    "dress": "whole", "jumpsuit": "whole",
    **dict.fromkeys(("jean", "pants", "skirt", "leggings", "jogger pants", "shorts"), "lower"),
    **dict.fromkeys(("coat", "jacket", "jumper", "padded jacket", "cardigan", "zipup"), "outer"),
}  # fmt: skip


def slot_of(category: str) -> str:
    """Where a category is worn: upper, lower, outer, whole, feet, hand, head, neck or eyes."""
    return _SLOTS.get(category, "upper")


def slots_beside(garment: Garment, rng: np.random.Generator) -> list[str]:
    """The slots that a worn view fills around the garment."""
    slot = slot_of(garment.category)
    slots = {"upper", "lower", "feet"} if slot != "whole" else {"feet"}
    if slot in ("head", "neck", "eyes", "hand", "feet") and rng.random() < 0.25:
        slots = {"whole", "feet"}
    chances = {"outer": 0.25, "hand": 0.4, "head": 0.15, "neck": 0.12, "eyes": 0.18}
    slots |= {extra for extra, chance in chances.items() if rng.random() < chance}
    if slot == "outer" and isinstance(garment.cut, Upper) and not garment.cut.open:
        slots -= {"neck"}
    return sorted(slots - {slot})


# --- developing -------------------------------------------------------------------------------


def _developed(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """What a camera adds: uneven light, a tint, sensor noise and sometimes a little blur."""
    height, width = picture.shape[:2]
    knots = rng.uniform(0.96, 1.04, (3, 3)).astype(np.float32)
    light = cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC)
    tint = rng.normal(1, 0.012, 3).astype(np.float32)
    lit = picture.astype(np.float32) * cv2.merge([light * float(t) for t in tint])
    if rng.random() < 0.3:
        lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), float(rng.uniform(0.4, 0.7))), np.float32)
    grain = rng.standard_normal((height, width), np.float32) * np.float32(rng.uniform(0.8, 2.6))
    return np.asarray(cv2.add(lit, cv2.merge([grain] * 3), dtype=cv2.CV_8U), np.uint8)
