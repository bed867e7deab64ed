"""The JSON API under /api/v1: one blueprint, one module for each subject."""

from web.api import ingest, items, operate, search, webhooks
from web.api.blueprint import blueprint

__all__ = ["blueprint", "ingest", "items", "operate", "search", "webhooks"]
