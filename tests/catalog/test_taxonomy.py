"""What shops call their garments, and what we make of it."""

import pytest

from catalog.taxonomy import (
    _SHOP_WORDS,
    CATEGORIES,
    KFASHION_CATEGORIES,
    LOWER,
    SHIPPED_FROM_KFASHION,
    UPPER,
    WHOLE,
    fitting_categories,
)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Denim Jacket", "jacket"),
        ("Shirt Dress", "dress"),
        ("DRESS SHIRTS", "shirts"),
        ("Men > Bottoms > Jeans", "jean"),
        ("Default Category/Men/Tops/Hoodies & Sweatshirts", "knitwear"),
        ("T-Shirts", "t-shirts"),
        ("Polo shirts", "t-shirts"),
        ("Women/Dresses", "dress"),
        ("padded jackets", "jacket"),
        ("Sunglasses", "eyewear"),
        ("swimming shorts", "shorts"),
    ],
)
def test_the_last_phrase_known_decides(text: str, first: str) -> None:
    assert fitting_categories(text)[0] == first


@pytest.mark.parametrize("text", ["", "Sale", "Neue Kollektion", "청바지", "topaz"])
def test_unknown_words_fit_nothing(text: str) -> None:
    assert fitting_categories(text) == ()


def test_a_shops_own_words_come_first() -> None:
    assert fitting_categories("Blaue Hosen", {"hosen": ("pants",)}) == ("pants",)
    assert fitting_categories("Tops", {"top": ("vest",)}) == ("vest",)


def test_every_name_is_one_of_the_shipped_categories() -> None:
    assert {name for names in _SHOP_WORDS.values() for name in names} <= set(CATEGORIES)
    assert set(CATEGORIES) > UPPER | LOWER | WHOLE
    merged = {SHIPPED_FROM_KFASHION.get(name, name) for name in KFASHION_CATEGORIES}
    assert merged <= set(CATEGORIES)
