"""What the shop sells: every drawn category and how a design of it is chosen."""

from collections.abc import Callable

import numpy as np

from catalog.taxonomy import KFASHION_CATEGORIES
from sample import designs_lower as lower
from sample import designs_outer as outer
from sample import designs_tops as tops
from sample.cuts import Garment

DRAWN_CATEGORIES = (*KFASHION_CATEGORIES, "shorts", "shoes", "bag", "hat", "scarf", "eyewear")
"""K-Fashion's 21 categories and what the shipped taxonomy adds."""


def choose_garment(category: str, rng: np.random.Generator) -> Garment:
    """A design of the category; the same generator state gives the same design."""
    return _CHOICES[category](rng)


_CHOICES: dict[str, Callable[[np.random.Generator], Garment]] = {
    "top": tops.choose_top,
    "blouse": tops.choose_blouse,
    "t-shirts": tops.choose_tshirt,
    "knitwear": tops.choose_knitwear,
    "shirts": tops.choose_shirt,
    "bratop": tops.choose_bratop,
    "hoody": tops.choose_hoody,
    "jean": lower.choose_jean,
    "pants": lower.choose_pants,
    "skirt": lower.choose_skirt,
    "leggings": lower.choose_leggings,
    "jogger pants": lower.choose_joggers,
    "coat": outer.choose_coat,
    "jacket": outer.choose_jacket,
    "jumper": outer.choose_jumper,
    "padded jacket": outer.choose_padded,
    "vest": outer.choose_vest,
    "cardigan": tops.choose_cardigan,
    "zipup": tops.choose_zipup,
    "dress": outer.choose_dress,
    "jumpsuit": outer.choose_jumpsuit,
    "shorts": lower.choose_shorts,
    "shoes": lower.choose_shoes,
    "bag": lower.choose_bag,
    "hat": lower.choose_hat,
    "scarf": lower.choose_scarf,
    "eyewear": lower.choose_eyewear,
}
