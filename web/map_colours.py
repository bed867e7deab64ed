"""Which colour and which shape the garments of a category have on the map.

Used by the map page. The colours are as far apart as so many can be in the eyes of most people and
of those who see red and green alike, and stand out from light and from dark paper; shapes help.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.taxonomy import CATEGORIES

_COLOURS = (
    *("#2478cc", "#fca800", "#b4240c", "#30ccfc", "#a88460", "#8490fc", "#fc90a8"),
    *("#b44890", "#cc78a8", "#007860", "#b49c00", "#c05400", "#6cb478", "#5454c0"),
    *("#249ccc", "#903c9c", "#84cc60", "#90a8d8", "#c03c54", "#6c78f0", "#3c9c90"),
)
SHAPES = ("circle", "square", "triangle", "diamond")


@dataclass(frozen=True)
class Mark:
    """How the points of one category are drawn."""

    colour: str
    shape: str


def marks_of(categories: Sequence[str]) -> list[Mark]:
    """One for each category; that of a category of ours is the same on every map."""
    others = [name for name in categories if name not in CATEGORIES]
    numbers = [
        CATEGORIES.index(name) if name in CATEGORIES else len(CATEGORIES) + others.index(name)
        for name in categories
    ]
    return [
        Mark(_COLOURS[number % len(_COLOURS)], SHAPES[number % len(SHAPES)]) for number in numbers
    ]
