"""What photos are taken in front of: studio paper, rooms, floors and fabrics."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from sample.canvas import lit_by
from sample.geometry import ellipse, move
from sample.palette import COLOURS
from sample.pieces import RGB, shaded

Pixels = NDArray[np.uint8]

_PAPERS: tuple[RGB, ...] = (
    (244, 241, 236), (232, 232, 234), (238, 228, 216), (226, 232, 228), (234, 222, 222),
    (222, 228, 236), (214, 206, 196), (248, 247, 245), (198, 206, 204), (228, 214, 190),
)  # fmt: skip
_WALLS: tuple[RGB, ...] = (
    (226, 214, 198), (206, 214, 206), (222, 200, 188), (204, 212, 222), (216, 206, 220),
    (236, 232, 226), (196, 188, 178), (230, 218, 180), (184, 196, 190), (218, 180, 160),
)  # fmt: skip


def far_from(colours: tuple[RGB, ...], garment: RGB, rng: np.random.Generator) -> RGB:
    """One of the colours, among those that set a garment off best."""
    gaps = [float(np.abs(np.subtract(c, garment)).sum()) for c in colours]
    best = np.argsort(gaps)[-max(3, len(colours) // 2) :]
    return colours[int(rng.choice(best))]


def _lit(size: tuple[int, int], colour: RGB, rng: np.random.Generator, fall: float) -> Pixels:
    """Evenly coloured paper that a lamp lights from one side."""
    height, width = size
    x, y = np.linspace(-1, 1, 24)[None, :], np.linspace(-1, 1, 32)[:, None]
    lamp_x, lamp_y = rng.uniform(-0.7, 0.3), rng.uniform(-0.9, 0.0)
    light = 1.02 - fall * ((x - lamp_x) ** 2 + (y - lamp_y) ** 2)
    flat = cv2.merge([np.full((height, width), c, np.uint8) for c in colour])
    return lit_by(np.asarray(flat, np.uint8), light)


def make_studio(size: tuple[int, int], garment: RGB, rng: np.random.Generator) -> Pixels:
    """Seamless studio paper, (H, W, 3)."""
    return _lit(size, far_from(_PAPERS, garment, rng), rng, float(rng.uniform(0.02, 0.06)))


def make_room(
    size: tuple[int, int], garment: RGB, ground: float, rng: np.random.Generator
) -> Pixels:
    """A wall and a floor that meet above the row `ground`, with one simple decoration."""
    wall = far_from(_WALLS, garment, rng)
    picture = _lit(size, wall, rng, 0.06)
    height, width = size
    horizon = int(ground - rng.uniform(0.03, 0.09) * height)
    decoration = _DECORATIONS[int(rng.integers(len(_DECORATIONS)))]
    decoration(picture, wall, min(horizon, height), rng)
    if horizon < height:
        floor = shaded(wall, float(rng.uniform(0.78, 0.9)))
        picture[horizon:] = _lit((height - horizon, width), floor, rng, 0.04)
        cv2.line(picture, (0, horizon), (width, horizon), shaded(wall, 1.25), max(2, height // 120))
    return picture


def _arch(picture: Pixels, wall: RGB, horizon: int, rng: np.random.Generator) -> None:
    width = picture.shape[1]
    x, half = int(width * rng.uniform(0.3, 0.7)), int(width * rng.uniform(0.24, 0.34))
    top = int(horizon * rng.uniform(0.2, 0.4))
    colour = shaded(wall, float(rng.choice([0.86, 0.92, 1.35])))
    cv2.ellipse(picture, (x, top + half), (half, half), 0, 180, 360, colour, -1, cv2.LINE_AA)
    cv2.rectangle(picture, (x - half, top + half), (x + half, horizon), colour, -1)


def _sun(picture: Pixels, wall: RGB, horizon: int, rng: np.random.Generator) -> None:
    height, width = picture.shape[:2]
    centre = (int(width * rng.uniform(0.2, 0.8)), int(height * rng.uniform(0.2, 0.45)))
    colour = shaded(COLOURS[str(rng.choice(("Terracotta", "Mustard", "Sage", "Blush")))], 1.4)
    cv2.circle(picture, centre, int(width * rng.uniform(0.22, 0.36)), colour, -1, cv2.LINE_AA)


def _window(picture: Pixels, wall: RGB, horizon: int, rng: np.random.Generator) -> None:
    """Slanted light through a window's panes."""
    height, width = picture.shape[:2]
    lit = np.zeros((height, width), np.uint8)
    left, top = width * rng.uniform(0.02, 0.4), height * rng.uniform(0.05, 0.2)
    pane_w, pane_h = width * 0.2, height * 0.17
    for row in range(3):
        for column in range(2):
            x, y = left + column * pane_w * 1.12 + row * width * 0.06, top + row * pane_h * 1.1
            pane = np.array(
                [
                    (x, y),
                    (x + pane_w, y + pane_h * 0.2),
                    (x + pane_w + width * 0.05, y + pane_h * 1.2),
                    (x + width * 0.05, y + pane_h),
                ]
            )
            cv2.fillPoly(lit, [np.rint(pane).astype(np.int32)], 255)
    light = 1 + cv2.GaussianBlur(lit, (0, 0), width / 160).astype(np.float32) * (0.09 / 255)
    picture[:] = lit_by(picture, light)


def _plant(picture: Pixels, wall: RGB, horizon: int, rng: np.random.Generator) -> None:
    height, width = picture.shape[:2]
    side = int(rng.integers(2))
    x = width * (0.08 if side else 0.92)
    green = shaded((96, 132, 104), float(rng.uniform(0.85, 1.2)))
    for turn in np.linspace(-1.0, 1.0, 7) + rng.normal(0, 0.06, 7):
        long = height * rng.uniform(0.16, 0.26)
        root = np.array([x, horizon - height * 0.1])
        middle = root + 0.5 * long * np.array([np.sin(turn), -np.cos(turn)])
        leaf = ellipse((float(middle[0]), float(middle[1])), long * 0.11, long * 0.52, float(turn))
        cv2.fillPoly(
            picture,
            [np.rint(leaf).astype(np.int32)],
            shaded(green, 0.85 + 0.3 * rng.random()),
            cv2.LINE_AA,
        )
    pot = np.array([(-0.07, -0.12), (0.07, -0.12), (0.055, 0.0), (-0.055, 0.0)]) * (
        width,
        height * 0.9,
    )
    cv2.fillPoly(
        picture,
        [np.rint(move(pot, x, horizon + height * 0.012)).astype(np.int32)],
        (204, 138, 106),
        cv2.LINE_AA,
    )


def _panels(picture: Pixels, wall: RGB, horizon: int, rng: np.random.Generator) -> None:
    height, width = picture.shape[:2]
    step = width // int(rng.integers(3, 6))
    for x in range(step // 2, width, step):
        for colour, shift in ((shaded(wall, 0.9), 0), (shaded(wall, 1.2), 3)):
            top_left, bottom_right = (
                (x + shift, int(height * 0.06)),
                (x + int(step * 0.78) + shift, int(horizon * 0.92)),
            )
            cv2.rectangle(picture, top_left, bottom_right, colour, max(2, width // 220))


def _street(picture: Pixels, wall: RGB, horizon: int, rng: np.random.Generator) -> None:
    """Plain house fronts, out of focus."""
    height, width = picture.shape[:2]
    x = 0
    while x < width:
        wide = int(width * rng.uniform(0.2, 0.42))
        colour = _WALLS[int(rng.integers(len(_WALLS)))]
        top = int(height * rng.uniform(0.0, 0.25))
        cv2.rectangle(picture, (x, top), (x + wide, horizon), colour, -1)
        for wx in range(x + wide // 7, x + wide - wide // 5, max(8, wide // 3)):
            for wy in range(top + height // 20, horizon - height // 8, height // 7):
                cv2.rectangle(
                    picture, (wx, wy), (wx + wide // 5, wy + height // 13), shaded(colour, 0.72), -1
                )
        x += wide
    picture[:horizon] = cv2.GaussianBlur(picture[:horizon], (0, 0), width / 110)


def _nothing(picture: Pixels, wall: RGB, horizon: int, rng: np.random.Generator) -> None:
    return


_DECORATIONS: tuple[Callable[[Pixels, RGB, int, np.random.Generator], None], ...] = (
    _arch, _sun, _window, _plant, _panels, _street, _nothing,
)  # fmt: skip


def make_floor(size: tuple[int, int], garment: RGB, rng: np.random.Generator) -> Pixels:
    """A surface seen from above on which garments lie."""
    surface = _SURFACES[int(rng.integers(len(_SURFACES)))]
    return surface(size, garment, rng)


def _grain(
    size: tuple[int, int], rng: np.random.Generator, rows: int, columns: int
) -> NDArray[np.float32]:
    """Smooth noise with about `rows` x `columns` knots, (H, W)."""
    knots = rng.standard_normal((rows, columns)).astype(np.float32)
    return np.asarray(cv2.resize(knots, size[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def _toned(picture: Pixels, light: NDArray[np.float32]) -> Pixels:
    return lit_by(picture, light)


def _wood(size: tuple[int, int], garment: RGB, rng: np.random.Generator) -> Pixels:
    colour = far_from(
        ((206, 170, 128), (170, 126, 88), (226, 204, 172), (120, 88, 64), (212, 200, 186)),
        garment,
        rng,
    )
    height, width = size
    picture = _lit(size, colour, rng, 0.05)
    light = 1 + 0.05 * _grain(size, rng, 60, 4) + 0.03 * _grain(size, rng, 160, 6)
    plank = height // int(rng.integers(4, 8))
    for index, top in enumerate(range(0, height, plank)):
        light[top : top + plank] += rng.normal(0, 0.045)
        light[top : top + 3] -= 0.25
        x = int(width * ((0.35 * index + rng.uniform(0, 0.2)) % 1))
        light[top : top + plank, x : x + 3] -= 0.2
    picture = _toned(picture, light)
    return np.asarray(picture if rng.random() < 0.5 else _turned(picture), np.uint8)


def _turned(picture: Pixels) -> Pixels:
    """The same surface with its lines upright."""
    height, width = picture.shape[:2]
    upright = cv2.resize(np.rot90(picture), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(upright, np.uint8)


def _marble(size: tuple[int, int], garment: RGB, rng: np.random.Generator) -> Pixels:
    colour = far_from(
        ((240, 239, 237), (222, 224, 226), (72, 74, 80), (232, 220, 208)), garment, rng
    )
    noise = (
        _grain(size, rng, 5, 4) + 0.25 * _grain(size, rng, 12, 9) + 0.06 * _grain(size, rng, 40, 30)
    )
    veins = np.exp(-((noise / 0.05) ** 2)) * np.clip(0.6 + 0.5 * _grain(size, rng, 5, 4), 0, 1)
    sign = -0.16 if sum(colour) > 380 else 0.9
    return _toned(
        _lit(size, colour, rng, 0.03), (1 + 0.012 * noise + sign * veins).astype(np.float32)
    )


def _linen(size: tuple[int, int], garment: RGB, rng: np.random.Generator) -> Pixels:
    colour = far_from((*_WALLS, (120, 132, 140), (150, 110, 96), (96, 108, 96)), garment, rng)
    height, width = size
    x, y = np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]
    weave = 0.02 * np.sin(x * 0.9) * np.sin(y * 0.9)
    folds = 0.035 * _grain(size, rng, 5, 4) + 0.02 * _grain(size, rng, 9, 3)
    threads = 0.02 * _grain(size, rng, height // 4, 6) + 0.02 * _grain(size, rng, 8, width // 4)
    return _toned(_lit(size, colour, rng, 0.05), (1 + weave + folds + threads).astype(np.float32))


def _concrete(size: tuple[int, int], garment: RGB, rng: np.random.Generator) -> Pixels:
    colour = far_from(((188, 188, 186), (150, 152, 154), (206, 200, 192)), garment, rng)
    light = 1 + 0.02 * _grain(size, rng, 12, 9) + 0.02 * _grain(size, rng, 120, 90)
    return _toned(_lit(size, colour, rng, 0.05), light.astype(np.float32))


def _terrazzo(size: tuple[int, int], garment: RGB, rng: np.random.Generator) -> Pixels:
    picture = _lit(
        size, far_from(((238, 234, 228), (226, 216, 206), (206, 212, 210)), garment, rng), rng, 0.04
    )
    height, width = size
    for _ in range(170):
        centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
        rx, ry = (float(r) for r in rng.uniform(0.006, 0.017, 2) * width)
        chip = ellipse(centre, rx, ry, float(rng.uniform(0, 3)), 7)
        colour = COLOURS[
            str(rng.choice(("Rose", "Sage", "Sand", "Taupe", "Charcoal", "Terracotta")))
        ]
        cv2.fillPoly(picture, [np.rint(chip).astype(np.int32)], shaded(colour, 1.3), cv2.LINE_AA)
    return picture


def _rug(size: tuple[int, int], garment: RGB, rng: np.random.Generator) -> Pixels:
    colour = far_from(_WALLS, garment, rng)
    picture = _lit(size, colour, rng, 0.05)
    height, _ = size
    for top in range(0, height, height // 9):
        picture[top : top + height // 40] = shaded(colour, 0.84)
    light = 1 + 0.05 * _grain(size, rng, height // 5, size[1] // 5)
    return _toned(picture, light.astype(np.float32))


_SURFACES: tuple[Callable[[tuple[int, int], RGB, np.random.Generator], Pixels], ...] = (
    _wood, _wood, _marble, _linen, _linen, _concrete, _terrazzo, _rug,
)  # fmt: skip
