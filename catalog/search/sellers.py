"""Tells whose garment it is where a photo shows several items: a shop's look, a coat and its bag.

Called by `similar`. The role that is stored says that some item of the photo sells the garment.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.item_words import ItemWords, fits, wanted_categories
from catalog.tables import Item, ItemPhoto


def sold_by_others(session: Session, pairs: Iterable[tuple[Any, Any]]) -> set[tuple[int, UUID]]:
    """(item id, garment id) of those pairs whose garment is another item's to sell.

    That is one whose category can't be the item, but is what the words of another item in its
    photo ask for.
    A garment is anything with `id`, `category` and `photo_id`, an item anything with `id`, `title`
    and `category`. Asks the database only if needed.
    """
    unlike = [
        (item, garment) for item, garment in pairs if not fits(garment.category, _words(item))
    ]
    if not unlike:
        return set()
    shown = _words_by_photo(session, {garment.photo_id for _, garment in unlike})
    return {
        (item.id, garment.id)
        for item, garment in unlike
        if any(garment.category in wanted_categories(words) for words in shown[garment.photo_id])
    }


def _words_by_photo(session: Session, photo_ids: Iterable[int]) -> dict[int, set[ItemWords]]:
    rows = session.execute(
        select(ItemPhoto.photo_id, Item.title, Item.category)
        .join(Item, Item.id == ItemPhoto.item_id)
        .where(ItemPhoto.photo_id.in_(photo_ids), Item.deleted_at.is_(None))
    )
    words: dict[int, set[ItemWords]] = defaultdict(set)
    for photo_id, title, category in rows:
        words[photo_id].add(ItemWords(title, category))
    return words


def _words(item: Any) -> ItemWords:
    return ItemWords(item.title, item.category)
