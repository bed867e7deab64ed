"""The JSON API under /api/v1: one blueprint, one module for each subject."""

from web.api import (
    audit,
    ingest,
    items,
    maps,
    operate,
    reindex,
    review,
    search,
    why,
)
from web.api.blueprint import blueprint

__all__ = [
    "audit",
    "blueprint",
    "ingest",
    "items",
    "maps",
    "operate",
    "reindex",
    "review",
    "search",
    "why",
]
