"""The garment categories that models name and the index filters by, and what shops call them.

Used by training data converters, the role decision and every page with a category filter.
A shop's own category stays free text; only a garment's category comes from here.
"""

import re
from collections.abc import Mapping

CATEGORIES = (
    "top",
    "shirts",
    "t-shirts",
    "vest",
    "dress",
    "skirt",
    "pants",
    "shorts",
    "hat",
    "scarf",
    "knitwear",
    "jacket",
    "coat",
    "jumpsuit",
    "jean",
    "leggings",
    "shoes",
    "bag",
    "eyewear",
)
"""The shipped taxonomy, in the order of the segmenter's class ids."""

KFASHION_CATEGORIES = (
    "top",
    "blouse",
    "t-shirts",
    "knitwear",
    "shirts",
    "bratop",
    "hoody",
    "jean",
    "pants",
    "skirt",
    "leggings",
    "jogger pants",
    "coat",
    "jacket",
    "jumper",
    "padded jacket",
    "vest",
    "cardigan",
    "zipup",
    "dress",
    "jumpsuit",
)

DEEPFASHION2_CATEGORIES = (
    "short sleeve top",
    "long sleeve top",
    "short sleeve outwear",
    "long sleeve outwear",
    "vest",
    "sling",
    "shorts",
    "trousers",
    "skirt",
    "short sleeve dress",
    "long sleeve dress",
    "vest dress",
    "sling dress",
)

SHIPPED_FROM_KFASHION: Mapping[str, str] = {
    "blouse": "top",
    "bratop": "top",
    "hoody": "knitwear",
    "cardigan": "knitwear",
    "zipup": "knitwear",
    "jogger pants": "pants",
    "jumper": "jacket",
    "padded jacket": "jacket",
}
"""K-Fashion names that the shipped taxonomy merges; every other K-Fashion name is kept as it is."""

SHIPPED_FROM_DEEPFASHION2: Mapping[str, str] = {
    "short sleeve top": "t-shirts",
    "long sleeve top": "top",
    "short sleeve outwear": "jacket",
    "long sleeve outwear": "jacket",
    "vest": "top",
    "sling": "top",
    "shorts": "shorts",
    "trousers": "pants",
    "skirt": "skirt",
    "short sleeve dress": "dress",
    "long sleeve dress": "dress",
    "vest dress": "dress",
    "sling dress": "dress",
}
"""DeepFashion2 names garments by cut alone; its vest is a top without sleeves."""

UPPER = frozenset({"top", "shirts", "t-shirts", "vest", "knitwear", "jacket", "coat"})
LOWER = frozenset({"pants", "jean", "leggings", "shorts", "skirt"})
WHOLE = frozenset({"dress", "jumpsuit"})

# A shop word -> the categories that would fit it, most likely first. Longer phrases win over
# shorter ones ("shirt dress" is a dress), later words over earlier ones ("denim jacket").
_SHOP_WORDS: Mapping[str, tuple[str, ...]] = {
    "bag": ("bag",),
    "handbag": ("bag",),
    "backpack": ("bag",),
    "purse": ("bag",),
    "tote": ("bag",),
    "clutch": ("bag",),
    "wallet": ("bag",),
    "blazer": ("jacket", "coat"),
    "blouse": ("top", "shirts"),
    "body": ("top", "t-shirts", "jumpsuit"),
    "bodysuit": ("top", "t-shirts", "jumpsuit"),
    "boot": ("shoes",),
    "bottom": ("pants", "shorts", "leggings", "jean", "skirt"),
    "bra": ("top", "vest"),
    "bratop": ("top", "vest"),
    "camisole": ("top", "vest"),
    "cap": ("hat",),
    "beanie": ("hat",),
    "cape": ("coat", "jacket"),
    "cardigan": ("knitwear", "jacket"),
    "coat": ("coat", "jacket"),
    "parka": ("coat", "jacket"),
    "dress": ("dress",),
    "gown": ("dress",),
    "dungarees": ("jumpsuit",),
    "glasses": ("eyewear",),
    "sunglasses": ("eyewear",),
    "eyewear": ("eyewear",),
    "hat": ("hat",),
    "hoodie": ("knitwear", "jacket"),
    "hoody": ("knitwear", "jacket"),
    "jacket": ("jacket", "coat", "knitwear"),
    "padded jacket": ("jacket", "coat"),
    "jean": ("jean", "pants"),
    "jogger": ("pants", "leggings"),
    "jogger pants": ("pants", "leggings"),
    "jumper": ("knitwear", "jacket"),
    "jumpsuit": ("jumpsuit", "dress"),
    "romper": ("jumpsuit", "dress"),
    "knitwear": ("knitwear",),
    "knit": ("knitwear",),
    "legging": ("leggings", "pants"),
    "tights": ("leggings",),
    "longsleeve": ("t-shirts", "top", "knitwear"),
    "outerwear": ("jacket", "coat"),
    "outwear": ("jacket", "coat"),
    "pants": ("pants", "jean", "leggings"),
    "pant": ("pants", "jean", "leggings"),
    "trousers": ("pants", "jean"),
    "chinos": ("pants",),
    "capri": ("pants", "leggings", "shorts"),
    "polo": ("t-shirts", "shirts", "top"),
    "polo shirt": ("t-shirts", "shirts", "top"),
    "pullover": ("knitwear",),
    "sweater": ("knitwear",),
    "sweatshirt": ("knitwear", "jacket"),
    "scarf": ("scarf",),
    "shawl": ("scarf",),
    "shirt": ("shirts", "top", "t-shirts"),
    "shirt dress": ("dress",),
    "shoe": ("shoes",),
    "footwear": ("shoes",),
    "heels": ("shoes",),
    "loafer": ("shoes",),
    "pump": ("shoes",),
    "sandal": ("shoes",),
    "sneaker": ("shoes",),
    "trainer": ("shoes",),
    "shorts": ("shorts", "pants"),
    "short": ("shorts", "pants"),
    "skirt": ("skirt",),
    "suit": ("jacket",),
    "t-shirt": ("t-shirts", "top"),
    "tshirt": ("t-shirts", "top"),
    "tee": ("t-shirts", "top"),
    "tank": ("top", "vest", "t-shirts"),
    "tank top": ("top", "vest", "t-shirts"),
    "top": ("top", "t-shirts", "shirts", "knitwear", "vest", "jacket"),
    "undershirt": ("top", "vest", "t-shirts"),
    "vest": ("vest", "top"),
    "waistcoat": ("vest",),
    "zipup": ("knitwear", "jacket"),
}

_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)?")


def fitting_categories(
    text: str, extra: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[str, ...]:
    """The categories that a shop's words for one item can mean, most likely first.

    `text` is a feed category or a title, in any case; the last phrase known decides, since
    English names the garment last ("denim jacket"). Empty when no word is known.
    `extra` adds or replaces phrases (a shop's own mapping file).
    """
    words = {**_SHOP_WORDS, **(extra or {})}
    tokens = _WORD.findall(text.lower())
    best: tuple[int, int, tuple[str, ...]] = (0, 0, ())
    for start in range(len(tokens)):
        for end in range(start + 1, min(start + 3, len(tokens)) + 1):
            found = _lookup(" ".join(tokens[start:end]), words)
            if found and (end, end - start) > best[:2]:
                best = (end, end - start, found)
    return best[2]


def _lookup(phrase: str, words: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    for form in (phrase, phrase.removesuffix("s"), phrase.removesuffix("es"), _singular(phrase)):
        if form in words:
            return words[form]
    return ()


def _singular(phrase: str) -> str:
    """Turn "scarves" into "scarf"."""
    return f"{phrase.removesuffix('ves')}f" if phrase.endswith("ves") else phrase
