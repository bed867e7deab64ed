"""Which of a feed's own columns says what: the names that shops commonly use, and `--map`.

Used by the plain CSV and JSON Lines readers, and by all readers to apply `--map`.
"""

import re
from collections.abc import Iterable, Mapping

from ingest.errors import FeedError
from ingest.feeds.record import FIELDS

_ALIASES = {
    "id": "sku",
    "item": "sku",
    "item id": "sku",
    "product id": "sku",
    "article number": "sku",
    "name": "title",
    "product name": "title",
    "product title": "title",
    "product": "title",
    "manufacturer": "brand",
    "vendor": "brand",
    "product type": "category",
    "type": "category",
    "amount": "price",
    "quantity": "stock",
    "qty": "stock",
    "availability": "stock",
    "inventory": "stock",
    "link": "url",
    "product url": "url",
    "text": "description",
}
_PHOTO = re.compile(
    r"(?:additional )?(?:photo|image|picture)s?"
    r"(?: (?:urls?|links?|files?|paths?|src))?(?: ?\d{1,2})?"
)
_EXTENSION = r"(?:(?<=\.jpg)|(?<=\.jpeg)|(?<=\.png)|(?<=\.webp))"
_BETWEEN_PHOTOS = re.compile(
    rf"\s*(?:[|\r\n]|{_EXTENSION}\s*[,;]|[,;]\s*(?=https?://))\s*", re.IGNORECASE
)


def assign_columns(columns: Iterable[str], mapping: Mapping[str, str]) -> Mapping[str, str]:
    """Each column that says something about an item -> one of FIELDS; the others are attributes.

    What `mapping` says wins, then exact names, then common ones. Several columns may hold photos.
    """
    columns = [column for column in columns if column]
    assigned = {column: mapping[column] for column in columns if column in mapping}
    for meaning in (_exact_meaning, _common_meaning):
        taken = set(assigned.values()) - {"photos"}
        for column in columns:
            field = meaning(column)
            if column not in assigned and field and field not in taken:
                assigned[column] = field
                taken |= {field} - {"photos"}
    return assigned


def check_mapping(path: str, columns: Iterable[str], mapping: Mapping[str, str]) -> None:
    """Raise FeedError for a `--map` of a column that the feed does not have."""
    columns = list(columns)
    unknown = sorted(set(mapping) - set(columns))
    if unknown:
        reason = f"has no column {unknown[0]!r}, which --map names"
        raise FeedError(path, reason, f"Its columns are: {', '.join(columns)}")


def require_sku(path: str, columns: Iterable[str], fields: Iterable[str]) -> None:
    """Raise FeedError when no column says the sku."""
    if "sku" not in fields:
        names = ", ".join(repr(column) for column in columns if column)
        raise FeedError(
            path, "has no sku column", f"Say which it is with --map COLUMN=sku; it has {names}"
        )


def split_photos(text: str) -> list[str]:
    """The photos that one cell names: divided by |, by line breaks, or by commas between photos.

    A comma inside a URL or file name does not divide.
    """
    return [photo for photo in _BETWEEN_PHOTOS.split(text.strip()) if photo]


def _plain_name(column: str) -> str:
    return re.sub(r"[\s_\-.]+", " ", column).strip().lower()


def _exact_meaning(column: str) -> str | None:
    name = _plain_name(column)
    return name if name in FIELDS else None


def _common_meaning(column: str) -> str | None:
    name = _plain_name(column)
    return "photos" if _PHOTO.fullmatch(name) else _ALIASES.get(name)
