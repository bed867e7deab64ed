"""The points of a map as bytes: ordered so that neighbours are together, packed, and unpacked.

Used by `catalog.maps`. The browser reads the same bytes: docs/api.md describes them.
"""

import gzip
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEPS = 65535
"""A place in [0, 1] is kept as a whole number up to this."""

MOST_CATEGORIES = 256


@dataclass(frozen=True)
class Points:
    """Points in the order that they are kept in; `x` and `y` are up to `STEPS`."""

    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    category: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.x)

    def at(self, index: int) -> tuple[float, float]:
        """The place of one point, in [0, 1]."""
        return float(self.x[index]) / STEPS, float(self.y[index]) / STEPS


def order_points(
    places: NDArray[np.float32], category: NDArray[np.int64]
) -> tuple[Points, NDArray[np.int64]]:
    """Points at places (N, 2) in [0, 1], neighbours together, and which index came where.

    A reader who asks for the garments of one spot asks for few stretches of them.
    """
    steps = np.rint(np.clip(places, 0, 1) * STEPS).astype(np.uint16)
    order = np.argsort(_along_curve(steps), kind="stable")
    x, y = steps[order].T
    return Points(x.copy(), y.copy(), category[order].astype(np.uint8)), order


def pack_points(points: Points) -> bytes:
    """The same points give the same bytes."""
    columns = (points.x.astype("<u2"), points.y.astype("<u2"), points.category)
    return gzip.compress(b"".join(column.tobytes() for column in columns), mtime=0)


def unpack_points(packed: bytes) -> Points:
    data = gzip.decompress(packed)
    count = len(data) // 5
    x, y = np.frombuffer(data, "<u2", 2 * count).reshape(2, count)
    return Points(x, y, np.frombuffer(data, np.uint8, count, offset=4 * count))


def _along_curve(steps: NDArray[np.uint16]) -> NDArray[np.uint64]:
    """How far along Morton's curve each place (N, 2) is: the bits of x and y take turns."""
    spread = steps.astype(np.uint64)
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        spread = (spread | (spread << np.uint64(shift))) & np.uint64(mask)
    along: NDArray[np.uint64] = spread[:, 0] | (spread[:, 1] << np.uint64(1))
    return along
