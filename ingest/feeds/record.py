"""What every feed reader yields, and how the reader was asked to read.

Made by the readers beside this module, checked by `ingest.rows`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from ingest.errors import RowError

FIELDS = (
    "sku",
    "title",
    "description",
    "brand",
    "category",
    "price",
    "currency",
    "stock",
    "url",
    "photos",
)
"""What a record can say about an item; every other column is an attribute."""


@dataclass(frozen=True)
class Record:
    """One item as the feed words it, nothing checked yet.

    `fields` maps names of FIELDS to text, except `photos`: a list of paths and URLs. A name
    that is absent was not in the feed at all. `path` is only set where it differs from the
    feed's own (a folder's photo).
    """

    line: int
    fields: Mapping[str, str | list[str]]
    attributes: Mapping[str, str | list[str]] = field(default_factory=dict)
    path: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A row that the feed itself keeps from the shop's pages: a draft, a product's hidden size."""

    line: int
    sku: str
    reason: str


Records: TypeAlias = Iterator[Record | RowError | LeftOut]


@dataclass(frozen=True)
class ReadOptions:
    """What the user said about the feed; None means: find out from its content."""

    format: str | None = None
    encoding: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """The feed's column -> one of FIELDS (`--map`)."""
