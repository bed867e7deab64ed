"""The JSON API under /api/v1: one blueprint, one module for each subject."""

from web.api import (
    audit,
    health,
    ingest,
    items,
    maps,
    operate,
    photo_search,
    reindex,
    review,
    search,
    webhooks,
    why,
)
from web.api.blueprint import blueprint

__all__ = [
    "audit",
    "blueprint",
    "health",
    "ingest",
    "items",
    "maps",
    "operate",
    "photo_search",
    "reindex",
    "review",
    "search",
    "webhooks",
    "why",
]
