"""The options of the calls as typed keyword arguments.

What is left out keeps the server's own default.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import TypedDict


class ItemFilters(TypedDict, total=False):
    """What items are narrowed to; all that are given must hold."""

    catalog: str
    category: str
    """Of the garments that the item sells, as the segmenter names them."""
    q: str
    """Words of title, brand, sku, category or description."""
    brand: str
    colour: str
    price_min: Decimal | float
    price_max: Decimal | float
    in_stock: bool
    garments: int
    needs_review: bool


class SimilarOptions(TypedDict, total=False):
    """How many similar items, and which; all that are given must hold."""

    limit: int
    category: str
    catalog: str
    brand: str
    price_min: Decimal | float
    price_max: Decimal | float
    in_stock: bool
    colour: str
    all_roles: bool
    """Also what models merely wear with an item."""
    variety: float
    """0 gives the closest, 1 those that differ most from each other."""


class AuditOptions(TypedDict, total=False):
    """What an audit looks at, and where it draws its lines."""

    parts: Sequence[str]
    """Of "index", "coverage" and "duplicates"; all of them without it."""
    few: int
    """An item with fewer look-alikes than this is reported."""
    price_percent: int
    """Look-alikes cost at most so much more or less."""
    likeness: float
    """From this cosine on two garments look alike."""
    identical: float
    """From this cosine on two garments may be one and the same."""
    repair: bool
    """Put right what differs between the stores."""


class FindingFilters(TypedDict, total=False):
    """Which findings, in which order."""

    sort: str
    """Of coverage: "viewed" or "fewest"."""
    category: str
    """Of coverage."""
    same_photo: bool
    """Of duplicates."""
