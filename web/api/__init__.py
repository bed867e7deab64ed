"""The JSON API under /api/v1: one blueprint, one module for each subject."""

from web.api import health, ingest, items, operate, photo_search, search
from web.api.blueprint import blueprint

__all__ = ["blueprint", "health", "ingest", "items", "operate", "photo_search", "search"]
