"""The facets of a choice as the pages and the API show them; a big catalog's are kept a minute.

Counting takes as long as there are items, and most visitors ask for the same few choices.
"""

from threading import Lock
from typing import cast

from cachetools import TTLCache
from flask import Flask, current_app

from catalog.browsing import Choice
from catalog.facets import Facets, count_facets, estimate_items
from web.services import session

_BIG_CATALOG = 20_000
"""Counts over fewer items take no time worth saving, and are always fresh."""
_KEPT_S = 60
_MOST_KEPT = 500


class FacetCache:
    """Facets by choice, of this process; safe to share between threads."""

    def __init__(self) -> None:
        self._kept: TTLCache[Choice, Facets] = TTLCache(_MOST_KEPT, _KEPT_S)
        self._lock = Lock()

    def get(self, choice: Choice) -> Facets | None:
        with self._lock:
            return self._kept.get(choice)

    def put(self, choice: Choice, facets: Facets) -> None:
        with self._lock:
            self._kept[choice] = facets


def register_facets(app: Flask) -> None:
    app.extensions["lookalike.facets"] = FacetCache()


def facets_of(choice: Choice) -> Facets:
    """Counted now, or within the last minute where there is much to count."""
    kept = cast(FacetCache, current_app.extensions["lookalike.facets"])
    found = kept.get(choice)
    if found is None:
        found = count_facets(session(), choice)
        if estimate_items(session()) >= _BIG_CATALOG:
            kept.put(choice, found)
    return found
