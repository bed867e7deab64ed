"""Curves and closed outlines that garments are cut from; called by the pattern makers of this room.

Lengths are in heads: the height of the drawn figure's head is 1, x runs right and y runs down
from the pit of the neck.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
XY = tuple[float, float]

_STEPS = np.linspace(0, 1, 9)[:-1, None]


def curve(*through: XY) -> Points:
    """A smooth open Catmull-Rom curve through the given points, (N, 2)."""
    knots = np.asarray(through, float)
    if len(knots) < 3:
        return knots
    padded = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    parts = [_catmull_rom(padded[i : i + 4]) for i in range(len(knots) - 1)]
    return np.vstack([*parts, knots[-1:]])


def _catmull_rom(four: Points) -> Points:
    before, start, end, after = four
    t = _STEPS
    linear, square = end - before, 2 * before - 5 * start + 4 * end - after
    cubic = 3 * start - before - 3 * end + after
    return np.asarray(start + 0.5 * (linear * t + square * t**2 + cubic * t**3))


def join(*edges: Points | Sequence[XY]) -> Points:
    """One outline out of edges laid end to end."""
    return np.vstack([np.asarray(edge, float).reshape(-1, 2) for edge in edges])


def mirror(points: Points) -> Points:
    """The same edge on the other side of the body's middle, walked backwards."""
    return np.asarray(points[::-1] * (-1.0, 1.0))


def symmetric(*right_half: Points | Sequence[XY]) -> Points:
    """A closed outline from its right half, which starts and ends on the body's middle."""
    half = join(*right_half)
    return join(half, mirror(half))


def flip(points: Points, side: float) -> Points:
    """Points of the right side (x > 0) moved to `side`, +1 or -1."""
    return np.asarray(points * (side, 1.0))


def move(points: Points, right: float, down: float) -> Points:
    """Points shifted."""
    return np.asarray(points + np.array([right, down]))


def ellipse(centre: XY, rx: float, ry: float, turn: float = 0.0, count: int = 40) -> Points:
    """A closed ellipse, turned by `turn` radians."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    x, y = rx * np.cos(angle), ry * np.sin(angle)
    turned = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 1)
    return np.asarray(turned + centre)


def offset(centre: Points, half_width: float | Sequence[float] | Points) -> Points:
    """A curve moved to its left by `half_width` (one number, or one a point)."""
    along = np.gradient(centre, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    normal = np.stack([along[:, 1], -along[:, 0]], 1)
    return np.asarray(centre + normal * np.reshape(half_width, (-1, 1)))


def ribbon(centre: Points, half_width: float | Sequence[float]) -> Points:
    """The closed outline of a band around a curve."""
    widths = np.broadcast_to(np.asarray(half_width, float), (len(centre),))
    return join(offset(centre, widths), offset(centre, -widths)[::-1])


def resample(line: Points, start: float, end: float, count: int = 12) -> Points:
    """`count` evenly spaced points of a line between two fractions of its length."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(steps)]) / max(steps.sum(), 1e-9)
    where = np.linspace(start, end, count)
    return np.stack([np.interp(where, at, line[:, axis]) for axis in (0, 1)], 1)


def spread(values: Sequence[float], count: int) -> list[float]:
    """Numbers interpolated evenly over `count` places, such as a sleeve's widths."""
    at = np.linspace(0, 1, count)
    return [float(v) for v in np.interp(at, np.linspace(0, 1, len(values)), values)]
