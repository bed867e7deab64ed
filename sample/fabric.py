"""Weaves and prints: a cloth becomes a tile that repeats without a seam; the canvas lays it."""

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sample.pieces import RGB, Cloth

TILE_PX = 512
TILE_HEADS = 2.0

Image = NDArray[np.float32]

_ROW = np.arange(TILE_PX, dtype=np.float32)[:, None] / TILE_PX
_COLUMN = np.arange(TILE_PX, dtype=np.float32)[None, :] / TILE_PX


@lru_cache(maxsize=96)
def make_tile(cloth: Cloth) -> NDArray[np.uint8]:
    """The cloth's repeat, (TILE_PX, TILE_PX, 3) RGB, covering TILE_HEADS a side."""
    rng = np.random.default_rng([cloth.seed, 77])
    colour = _PRINTS[cloth.print](cloth, rng)
    relief = _WEAVES[cloth.material](rng)
    tile: NDArray[np.uint8]
    tile = cv2.multiply(colour, cv2.merge([1 + relief] * 3), dtype=cv2.CV_8U)  # type: ignore[assignment]
    tile.flags.writeable = False
    return tile


def wrapped_noise(rng: np.random.Generator, rows: int, columns: int) -> Image:
    """Smooth noise of about unit spread with `rows` x `columns` knots, repeating, (TILE, TILE)."""
    knots = rng.standard_normal((rows, columns)).astype(np.float32)
    padded = np.pad(knots, 2, mode="wrap")
    step_y, step_x = TILE_PX / rows, TILE_PX / columns
    size = (round((columns + 4) * step_x), round((rows + 4) * step_y))
    large = cv2.resize(padded, size, interpolation=cv2.INTER_CUBIC)
    top, left = round(2 * step_y), round(2 * step_x)
    return np.asarray(large[top : top + TILE_PX, left : left + TILE_PX], np.float32)


def _filled(colour: RGB) -> Image:
    bands = [np.full((TILE_PX, TILE_PX), c, np.float32) for c in colour]
    return np.asarray(cv2.merge(bands), np.float32)


def _mixed(base: Image, colour: RGB, weight: NDArray[np.floating]) -> Image:
    amount = np.broadcast_to(weight, (TILE_PX, TILE_PX))[..., None]
    return (base + (np.asarray(colour, np.float32) - base) * amount).astype(np.float32)


def _second(cloth: Cloth, index: int = 1) -> RGB:
    return cloth.colours[min(index, len(cloth.colours) - 1)]


# --- prints: (cloth, rng) -> colours, (TILE, TILE, 3) -----------------------------------------


def _solid(cloth: Cloth, rng: np.random.Generator) -> Image:
    return _filled(cloth.ground)


def _melange(cloth: Cloth, rng: np.random.Generator) -> Image:
    fibres = wrapped_noise(rng, 256, 64) * 0.5 + wrapped_noise(rng, 128, 24) * 0.35
    light = np.clip(0.45 + 0.45 * fibres, 0, 1)
    return _mixed(_filled(cloth.ground), _second(cloth), light * 0.6)


def _band(position: NDArray[np.floating], low: float, high: float) -> NDArray[np.floating]:
    inside = (position >= low) & (position < high)
    return inside.astype(np.float32)


def _stripes(cloth: Cloth, rng: np.random.Generator) -> Image:
    phase = (_ROW * cloth.repeat) % 1
    image = _mixed(_filled(cloth.ground), _second(cloth), _band(phase, 0.0, 0.5))
    if len(cloth.colours) > 2:
        image = _mixed(image, cloth.colours[2], _band(phase, 0.5, 0.62))
    return image


def _breton(cloth: Cloth, rng: np.random.Generator) -> Image:
    return _mixed(_filled(cloth.ground), _second(cloth), _band((_ROW * cloth.repeat) % 1, 0.0, 0.3))


def _pinstripes(cloth: Cloth, rng: np.random.Generator) -> Image:
    phase = (_COLUMN * cloth.repeat * 2) % 1
    return _mixed(_filled(cloth.ground), _second(cloth), _band(phase, 0.0, 0.16) * 0.85)


def _gingham(cloth: Cloth, rng: np.random.Generator) -> Image:
    repeat = cloth.repeat
    across = _band((_ROW * repeat) % 1, 0, 0.5) + _band((_COLUMN * repeat) % 1, 0, 0.5)
    return _mixed(_filled(cloth.ground), _second(cloth), across * 0.46)


def _tartan(cloth: Cloth, rng: np.random.Generator) -> Image:
    image = _filled(cloth.ground)
    repeat = max(2, cloth.repeat // 2)
    for axis in (_ROW, _COLUMN):
        phase = (axis * repeat) % 1
        image = _mixed(image, _second(cloth), _band(phase, 0.0, 0.38) * 0.5)
        image = _mixed(image, _second(cloth, 2), _band(phase, 0.16, 0.21) * 0.8)
        image = _mixed(image, _second(cloth, 2), _band(phase, 0.66, 0.69) * 0.7)
    return image


def _windowpane(cloth: Cloth, rng: np.random.Generator) -> Image:
    image = _filled(cloth.ground)
    for axis in (_ROW, _COLUMN):
        phase = (axis * max(3, cloth.repeat // 2)) % 1
        image = _mixed(image, _second(cloth), _band(phase, 0.0, 0.06) * 0.8)
    return image


def _dots(cloth: Cloth, rng: np.random.Generator) -> Image:
    repeat = cloth.repeat
    image = np.zeros((TILE_PX, TILE_PX), np.float32)
    for shift in (0.0, 0.5):
        x, y = (_COLUMN * repeat + shift) % 1 - 0.5, (_ROW * repeat + shift) % 1 - 0.5
        image = np.maximum(image, np.clip((0.24 - np.sqrt(x * x + y * y)) * 14, 0, 1))
    return _mixed(_filled(cloth.ground), _second(cloth), image)


def _scatter(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Places over the tile that keep their distance from one another across its edges, (N, 2)."""
    places: list[NDArray[np.float64]] = []
    for _ in range(40 * count):
        place = rng.uniform(0, TILE_PX, 2)
        gaps = [np.abs(place - other) for other in places]
        far = (
            np.hypot(*np.minimum(gap, TILE_PX - gap)) > 0.72 * TILE_PX / count**0.5 for gap in gaps
        )
        if all(far):
            places.append(place)
        if len(places) == count:
            break
    return np.array(places)


def _stamp(image: Image, place: NDArray[np.float64], outline: NDArray[np.float64], c: RGB) -> None:
    """Fill an outline around a place, repeated over the tile's edges."""
    reach = float(np.abs(outline).max())
    steps = [
        [k for k in (-TILE_PX, 0, TILE_PX) if -reach <= value + k <= TILE_PX + reach]
        for value in place
    ]
    for dx in steps[0]:
        for dy in steps[1]:
            points = np.rint((outline + place + (dx, dy)) * 16).astype(np.int32)
            cv2.fillPoly(image, [points], c, lineType=cv2.LINE_AA, shift=4)


def _petals(radius: float, petals: int, turn: float) -> NDArray[np.float64]:
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    reach = radius * (0.62 + 0.38 * np.abs(np.cos(petals * (angle - turn) / 2)))
    return np.stack([reach * np.cos(angle), reach * np.sin(angle)], 1)


def _leaf(radius: float, turn: float) -> NDArray[np.float64]:
    along = np.linspace(0, np.pi, 12)
    side = np.stack([radius * (1 - np.cos(along)), 0.32 * radius * np.sin(along)], 1)
    leaf = np.vstack([side, side[::-1] * (1, -1)])
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.asarray(leaf @ turned)


def _floral(cloth: Cloth, rng: np.random.Generator) -> Image:
    image = np.ascontiguousarray(_filled(cloth.ground))
    count = 4 + cloth.repeat * 2
    radius = 0.36 * TILE_PX / count**0.5
    for number, place in enumerate(_scatter(rng, count)):
        size, turn = radius * rng.uniform(0.7, 1.1), rng.uniform(0, 6.3)
        for leaf_turn in (turn, turn + 2.4):
            _stamp(image, place, _leaf(size * 0.85, leaf_turn), _second(cloth, 3))
        petal = _second(cloth, 1 + number % 2)
        _stamp(image, place, _petals(size, 5, turn), petal)
        _stamp(image, place, _petals(size * 0.3, 5, turn), _second(cloth, 4))
    return image


def _camo(cloth: Cloth, rng: np.random.Generator) -> Image:
    image = _filled(cloth.ground)
    for index in range(1, 4):
        noise = wrapped_noise(rng, 9, 7) + 0.45 * wrapped_noise(rng, 20, 16)
        image = _mixed(image, _second(cloth, index), (noise > 0.45).astype(np.float32))
    return image


def _leopard(cloth: Cloth, rng: np.random.Generator) -> Image:
    image = np.ascontiguousarray(_filled(cloth.ground))
    for place in _scatter(rng, 110):
        turn, size = rng.uniform(0, 6.3), rng.uniform(11, 16)
        _stamp(image, place, _petals(size, 3, turn), _second(cloth, 2))
        _stamp(image, place + rng.uniform(-3, 3, 2), _petals(size * 0.55, 4, turn), _second(cloth))
    return image


def _argyle(cloth: Cloth, rng: np.random.Generator) -> Image:
    repeat = max(3, cloth.repeat // 2)
    x, y = _COLUMN * repeat, _ROW * repeat * 0.67 * 1.5
    diamond = np.abs((x % 1) - 0.5) + np.abs((y % 1) - 0.5)
    image = _mixed(_filled(cloth.ground), _second(cloth), (diamond < 0.5).astype(np.float32) * 0.9)
    lines = np.abs(np.abs(((x + 0.5) % 1) - 0.5) - np.abs((y % 1) - 0.5))
    return _mixed(image, _second(cloth, 2), (lines < 0.025).astype(np.float32) * 0.9)


def _colour_block(cloth: Cloth, rng: np.random.Generator) -> Image:
    phase = (_ROW + 0.5) % 1
    image = _mixed(_filled(cloth.ground), _second(cloth), _band(phase, 0.5, 0.86))
    return _mixed(image, _second(cloth, 2), _band(phase, 0.86, 1.0))


_PRINTS: dict[str, Callable[[Cloth, np.random.Generator], Image]] = {
    "solid": _solid,
    "melange": _melange,
    "stripes": _stripes,
    "breton": _breton,
    "pinstripes": _pinstripes,
    "gingham": _gingham,
    "tartan": _tartan,
    "windowpane": _windowpane,
    "dots": _dots,
    "floral": _floral,
    "camo": _camo,
    "leopard": _leopard,
    "argyle": _argyle,
    "colour block": _colour_block,
}


# --- weaves: rng -> relative brightness around 0, (TILE, TILE) --------------------------------


def _speckle(rng: np.random.Generator, spread: float) -> Image:
    return (wrapped_noise(rng, 256, 256) * spread).astype(np.float32)


def _flat(rng: np.random.Generator) -> Image:
    return np.zeros((TILE_PX, TILE_PX), np.float32)


def _jersey(rng: np.random.Generator) -> Image:
    return _speckle(rng, 0.018)


def _poplin(rng: np.random.Generator) -> Image:
    return _speckle(rng, 0.012) + 0.012 * wrapped_noise(rng, 128, 16)


def _ribs(count: int, depth: float) -> Image:
    wave = np.sin(2 * np.pi * _COLUMN * count)
    return np.broadcast_to(depth * wave - depth * 0.4, (TILE_PX, TILE_PX)).astype(np.float32)


def _rib(rng: np.random.Generator) -> Image:
    return _ribs(40, 0.11) + _speckle(rng, 0.02)


def _corduroy(rng: np.random.Generator) -> Image:
    return _ribs(56, 0.10) + 0.03 * wrapped_noise(rng, 12, 64)


def _stitches(columns: int, rows: int, depth: float) -> Image:
    """Rows of knit V stitches."""
    x = np.abs(((_COLUMN * columns) % 1) - 0.5) * 2
    wave = np.sin(2 * np.pi * (_ROW * rows + 0.45 * x))
    stitch = depth * wave - depth * 1.4 * (x > 0.86) - depth * 0.9 * (x < 0.1)
    return np.asarray(stitch, np.float32)


def _knit(rng: np.random.Generator) -> Image:
    return _stitches(44, 44, 0.055) + _speckle(rng, 0.02)


def _chunky(rng: np.random.Generator) -> Image:
    return _stitches(20, 20, 0.10) + _speckle(rng, 0.03)


def _cable(rng: np.random.Generator) -> Image:
    image = _stitches(40, 40, 0.035)
    repeat, twists = 4, 7
    x = (_COLUMN * repeat) % 1 - 0.5
    for shift in (0.0, 0.5):
        middle = 0.11 * np.sin(2 * np.pi * (_ROW * twists + shift))
        front = 0.10 * np.cos(2 * np.pi * (_ROW * twists + shift))
        strand = np.clip(1 - np.abs(x - middle) / 0.11, 0, 1)
        image = np.where(strand > 0.05, 0.22 * np.sqrt(strand) - 0.07 + front * 0.5, image)
    groove = np.exp(-(((np.abs(x) - 0.25) / 0.02) ** 2))
    return (image - 0.16 * groove).astype(np.float32)


def _denim(rng: np.random.Generator) -> Image:
    twill = 0.05 * np.sin(2 * np.pi * (_COLUMN * 96 + _ROW * 96))
    slubs = 0.05 * wrapped_noise(rng, 16, 256) + 0.025 * wrapped_noise(rng, 6, 6)
    return np.asarray(twill + slubs, np.float32)


def _leather(rng: np.random.Generator) -> Image:
    return 0.03 * wrapped_noise(rng, 80, 80) + 0.02 * wrapped_noise(rng, 8, 8)


def _quilt(rng: np.random.Generator) -> Image:
    phase = (_ROW * 6) % 1
    puff = 0.20 * np.sin(np.pi * phase) ** 0.6 - 0.16 * phase - 0.3 * (phase < 0.035)
    gather = 0.05 * wrapped_noise(rng, 6, 48) * np.abs(np.cos(np.pi * phase))
    return np.asarray(puff - 0.03 + gather, np.float32)


def _diamond(rng: np.random.Generator) -> Image:
    one, two = ((_COLUMN + _ROW) * 5) % 1, ((_COLUMN - _ROW) * 5) % 1
    puff = 0.3 * np.sqrt(np.sin(np.pi * one) * np.sin(np.pi * two) + 1e-6) - 0.2
    return np.asarray(puff - 0.2 * ((one < 0.05) | (two < 0.05)), np.float32)


def _wool(rng: np.random.Generator) -> Image:
    return _speckle(rng, 0.035) + 0.03 * wrapped_noise(rng, 60, 90)


def _satin(rng: np.random.Generator) -> Image:
    return 0.035 * wrapped_noise(rng, 2, 7)


def _canvas(rng: np.random.Generator) -> Image:
    weave = np.sin(2 * np.pi * _COLUMN * 80) * np.sin(2 * np.pi * _ROW * 80)
    return (0.05 * weave).astype(np.float32) + _speckle(rng, 0.02)


def _straw(rng: np.random.Generator) -> Image:
    rows = np.sin(2 * np.pi * (_ROW * 26)) * 0.12
    plait = np.sin(2 * np.pi * (_COLUMN * 26 + np.floor(_ROW * 26) * 0.5)) * 0.12
    return (rows + plait).astype(np.float32) + _speckle(rng, 0.03)


def _fleece(rng: np.random.Generator) -> Image:
    return 0.06 * wrapped_noise(rng, 70, 70) + _speckle(rng, 0.03)


_WEAVES: dict[str, Callable[[np.random.Generator], Image]] = {
    "plain": _flat,
    "jersey": _jersey,
    "poplin": _poplin,
    "rib": _rib,
    "corduroy": _corduroy,
    "knit": _knit,
    "chunky": _chunky,
    "cable": _cable,
    "denim": _denim,
    "leather": _leather,
    "quilt": _quilt,
    "diamond": _diamond,
    "wool": _wool,
    "satin": _satin,
    "canvas": _canvas,
    "straw": _straw,
    "fleece": _fleece,
}
