"""What the shop's words for an item say about the garment that it can be.

Used by the role decision, by summaries and by searches in photos that several items share.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.taxonomy import fitting_categories

ShopWords = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class ItemWords:
    """What the shop calls an item."""

    title: str
    category: str | None = None


def fits(category: str, item: ItemWords, words: ShopWords | None = None) -> bool:
    """Whether a garment of `category` can be the item; anything fits when no word is known."""
    fitting = wanted_categories(item, words)
    return not fitting or category in fitting


def wanted_categories(item: ItemWords, words: ShopWords | None = None) -> tuple[str, ...]:
    """Categories that the item can have, most likely first; empty when no word is known.

    Feed categories are broad ("Tops") and titles precise ("Hoodie"), but a title can also name
    what an item goes with: where both agree that comes first, then the category's words.
    """
    by_category = fitting_categories(item.category or "", words)
    by_title = fitting_categories(item.title, words)
    agreed = [name for name in by_title if name in by_category]
    return tuple(dict.fromkeys([*agreed, *by_category, *([] if by_category else by_title)]))
