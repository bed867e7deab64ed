"""Entry to the pattern makers of shoes, bags and other accessories; called by `sample.cuts`."""

from collections.abc import Callable

from sample.bags import make_bag
from sample.headwear import make_eyewear, make_hat, make_scarf
from sample.pieces import Accessory, Figure, Piece
from sample.shoes import make_shoes

_MAKERS: dict[str, Callable[[Accessory, Figure], list[Piece]]] = {
    "shoes": make_shoes,
    "bag": make_bag,
    "hat": make_hat,
    "scarf": make_scarf,
    "eyewear": make_eyewear,
}


def make_accessory(cut: Accessory, figure: Figure) -> list[Piece]:
    """The pieces as a wearer carries them, or as they stand in a product photo."""
    return _MAKERS[cut.kind](cut, figure)
