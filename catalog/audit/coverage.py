"""Counts look-alikes: how many other items of about the same price a page could offer instead.

Called by the worker for one page of items after the other.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from catalog.audit.candidates import load_candidates
from catalog.audit.items import AuditedItem
from catalog.audit.options import AuditOptions
from catalog.search.index import VectorIndex
from catalog.search.points import Filters
from catalog.tables import Generation, Role

_DEEPEST = 2000
"""Hits that are asked for at most, when one item after the other turns out not to count."""


def count_look_alikes(
    session: Session,
    index: VectorIndex,
    generation: Generation,
    items: Sequence[AuditedItem],
    options: AuditOptions,
) -> dict[int, int]:
    """By item: how many others in stock look like it and cost about as much; at most `few`.

    Any of an item's sold garments may be the one that is alike, as in a search by item. Items
    that its own photos show do not count. Raises IndexUnavailableError, NotFoundError.
    """
    found: dict[int, set[int]] = {item.id: set() for item in items}
    waiting, limit = list(items), 4 * options.few + 16
    while waiting:
        cut_off: set[int] = set()
        for place in range(max(len(item.garments) for item in waiting)):
            asked = [
                item
                for item in waiting
                if len(item.garments) > place and len(found[item.id]) < options.few
            ]
            _ask(session, index, generation, asked, place, options, limit, found, cut_off)
        deeper = limit < _DEEPEST
        waiting = [
            item
            for item in waiting
            if deeper and item.id in cut_off and len(found[item.id]) < options.few
        ]
        limit *= 4
    return {item_id: min(len(others), options.few) for item_id, others in found.items()}


def price_range(item: AuditedItem, options: AuditOptions) -> tuple[Decimal | None, Decimal | None]:
    """What a look-alike of an item may cost; an item without a price can have any."""
    if item.price is None:
        return None, None
    reach = item.price * options.price_percent / 100
    return max(item.price - reach, Decimal(0)), item.price + reach


def _ask(
    session: Session,
    index: VectorIndex,
    generation: Generation,
    items: Sequence[AuditedItem],
    place: int,
    options: AuditOptions,
    limit: int,
    found: Mapping[int, set[int]],
    cut_off: set[int],
) -> None:
    """Search by each item's garment number `place`; adds to `found` and `cut_off`."""
    queries = [(item.garments[place].vector, _filters(item, options)) for item in items]
    answers = index.query_many(generation.collection, queries, limit)
    near = [[hit for hit in hits if hit.score >= options.likeness] for hits in answers]
    candidates = load_candidates(session, [hit for hits in near for hit in hits])
    for item, hits in zip(items, near, strict=True):
        others = {
            row.id for hit in hits for row in candidates.of(hit) if _counts(row, item, options)
        }
        found[item.id].update(others - item.beside - {item.id})
        if len(hits) == limit:
            cut_off.add(item.id)


def _filters(item: AuditedItem, options: AuditOptions) -> Filters:
    low, high = price_range(item, options)
    return Filters(
        role=Role.SOLD.value,
        price_min=None if low is None else float(low),
        price_max=None if high is None else float(high),
        in_stock=True,
        exclude_items=[item.id],
    )


def _counts(row: Any, item: AuditedItem, options: AuditOptions) -> bool:
    """Whether an item that looks alike may stand in: its own price and stock decide."""
    if row.stock is not None and row.stock <= 0:
        return False
    low, high = price_range(item, options)
    if low is None or high is None:
        return True
    if row.price is None or (item.currency and row.currency and item.currency != row.currency):
        return False
    return bool(low <= row.price <= high)
