"""What goes into the vector index and what comes out of it, in plain values.

Used by everybody who searches; nothing here knows what the index is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32] | Sequence[float]


@dataclass(frozen=True)
class Point:
    """One garment as the index keeps it."""

    id: UUID
    vector: Vector
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Filters:
    """What a similar garment has to be; None and False mean that anything will do.

    Catalog, brand, price and stock are those of any item that a garment's photo shows: where two
    items share a photo, the caller checks which of them is meant.
    """

    category: str | None = None
    role: str | None = None
    catalog: str | None = None
    brand: str | None = None
    price_min: float | None = None
    price_max: float | None = None
    in_stock: bool = False
    colour: str | None = None
    exclude_items: Sequence[int] = ()


ANYTHING = Filters()


@dataclass(frozen=True)
class Hit:
    """A garment found, with its cosine similarity in [-1, 1]."""

    garment_id: UUID
    score: float
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class ItemHit:
    """An item found and the best of its garments."""

    item_id: int
    garment_id: UUID
    score: float
