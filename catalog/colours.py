"""The colours of a garment, measured inside its mask and named as shops name them.

Called by the worker's pipeline; the names are what the colour filter offers.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypedDict

import cv2
import numpy as np
from numpy.typing import NDArray


class Colour(TypedDict):
    """A named colour, its measured value and its share of the garment, 0 to 1."""

    name: str
    hex: str
    share: float


PALETTE = {
    "black": "#141414",
    "charcoal": "#3c3f43",
    "grey": "#85878a",
    "silver": "#c4c6c8",
    "white": "#f8f8f6",
    "cream": "#eee6cf",
    "beige": "#d3bd99",
    "camel": "#b98a4e",
    "brown": "#67432b",
    "burgundy": "#641c2b",
    "red": "#c61f2b",
    "coral": "#f0806a",
    "orange": "#ea7a22",
    "mustard": "#c99a24",
    "yellow": "#f4dc45",
    "olive": "#69692f",
    "green": "#2f8a46",
    "mint": "#abdcc4",
    "teal": "#1b7378",
    "light blue": "#a3c8e6",
    "blue": "#2a5fb8",
    "denim": "#50698a",
    "navy": "#1b2545",
    "lavender": "#b9a4d6",
    "purple": "#653086",
    "pink": "#f0a9bd",
    "magenta": "#ca2a80",
}
"""Shop colours; each stands for what is nearest to it in Lab."""

_SIDE_PX = 96
_CLUSTERS = 6
_SMALLEST_SHARE = 0.06
# Background and a neighbour's cloth bleed into the mask along its border.
_BORDER = 0.03


def dominant_colours(
    photo: NDArray[np.uint8], mask: NDArray[np.bool_], count: int = 3
) -> list[Colour]:
    """At most `count` colours of the pixels of `photo` (H, W, 3) RGB inside `mask` (H, W).

    k-means in CIE Lab, the largest share first; the same input gives the same answer. Empty for
    an empty mask.
    """
    pixels = _pixels_inside(photo, mask)
    if len(pixels) == 0:
        return []
    centres, shares = _cluster(pixels)
    named: dict[str, list[tuple[float, NDArray[np.float32]]]] = {}
    for share, centre in zip(shares, centres, strict=True):
        named.setdefault(_name(centre), []).append((share, centre))
    colours = [_merge(name, parts) for name, parts in named.items()]
    colours.sort(key=lambda colour: (-colour["share"], colour["name"]))
    large = [colour for colour in colours if colour["share"] >= _SMALLEST_SHARE]
    return (large or colours)[:count]


def _pixels_inside(photo: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(N, 3) Lab values inside the eroded mask, from a copy small enough to count quickly."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return np.empty((0, 3), dtype=np.float32)
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    height, width = mask[window].shape
    scale = min(1.0, _SIDE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    part = cv2.resize(photo[window], size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(mask[window].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    inside = np.asarray(small, dtype=np.uint8)
    eroded = _erode(inside)
    return _to_lab(part)[(eroded if eroded.any() else inside) > 0]


def _erode(inside: NDArray[np.uint8]) -> NDArray[np.uint8]:
    side = 2 * max(1, round(min(inside.shape) * _BORDER)) + 1
    padded = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    eroded = cv2.erode(padded, np.ones((side, side), np.uint8))[1:-1, 1:-1]
    return np.asarray(eroded, dtype=np.uint8)


def _cluster(pixels: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Centres (K, 3) and their shares (K,), from centres spread along the lightness."""
    if len(pixels) <= _CLUSTERS:
        return pixels, np.full(len(pixels), 1 / len(pixels))
    order = np.lexsort((pixels[:, 2], pixels[:, 1], pixels[:, 0]))
    first = np.array_split(order, _CLUSTERS)
    begin = np.empty((len(pixels), 1), dtype=np.int32)
    for number, members in enumerate(first):
        begin[members] = number
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    cv2.setRNGSeed(0)
    _, labels, centres = cv2.kmeans(
        pixels, _CLUSTERS, begin, stop, 1, cv2.KMEANS_USE_INITIAL_LABELS
    )
    shares = np.bincount(np.asarray(labels).ravel(), minlength=_CLUSTERS) / len(pixels)
    return np.asarray(centres, dtype=np.float32), shares


def _name(lab: NDArray[np.float32]) -> str:
    distances = np.linalg.norm(_palette_lab() - lab, axis=1)
    return list(PALETTE)[int(distances.argmin())]


def _merge(name: str, parts: Sequence[tuple[float, NDArray[np.float32]]]) -> Colour:
    """Clusters of one name become one colour, with the value of the largest."""
    share = sum(float(part) for part, _ in parts)
    _, centre = max(parts, key=lambda part: part[0])
    return {"name": name, "hex": _to_hex(centre), "share": round(share, 3)}


def _to_lab(rgb: Any) -> NDArray[np.float32]:
    """sRGB bytes (..., 3) to Lab with L 0-100; float, since 8-bit Lab is too coarse for greys."""
    unit = np.asarray(rgb, dtype=np.float32) / 255
    return np.asarray(cv2.cvtColor(unit, cv2.COLOR_RGB2LAB), dtype=np.float32)


def _to_hex(lab: NDArray[np.float32]) -> str:
    rgb = np.asarray(cv2.cvtColor(lab.reshape(1, 1, 3), cv2.COLOR_LAB2RGB)).reshape(3)
    return "#" + "".join(f"{round(float(value) * 255):02x}" for value in np.clip(rgb, 0, 1))


@cache
def _palette_lab() -> NDArray[np.float32]:
    values = [[int(code[i : i + 2], 16) for i in (1, 3, 5)] for code in PALETTE.values()]
    return _to_lab([values]).reshape(-1, 3)
