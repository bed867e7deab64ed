"""Checks in Postgres which of the items that the index names for a garment really sell it.

Used by coverage and by duplicates: where a photo shows several items, the index can't tell.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.audit.items import load_facts
from catalog.search.points import Hit
from catalog.search.sellers import sold_by_others
from catalog.tables import Garment, Item

_BATCH = 5000


@dataclass(frozen=True)
class Candidates:
    """The items that some hits name: their facts by id, and which of them sell which garment."""

    facts: Mapping[int, Any]
    foreign: frozenset[tuple[int, UUID]]
    """(item, garment) of garments that are another item's to sell."""

    def of(self, hit: Hit) -> list[Any]:
        """Facts of the items that sell what was hit."""
        return [
            self.facts[item_id]
            for item_id in hit.payload["items"]
            if item_id in self.facts and (item_id, hit.garment_id) not in self.foreign
        ]


def load_candidates(session: Session, hits: Iterable[Hit]) -> Candidates:
    """A handful of statements for any number of hits."""
    by_garment = {hit.garment_id: hit.payload["items"] for hit in hits}
    ids = sorted({item_id for items in by_garment.values() for item_id in items})
    facts: dict[int, Any] = {}
    for start in range(0, len(ids), _BATCH):
        part = ids[start : start + _BATCH]
        facts |= {row.id: row for row in load_facts(session, Item.id.in_(part))}
    several = {id_: items for id_, items in by_garment.items() if len(items) > 1}
    return Candidates(facts, frozenset(_foreign(session, several, facts)))


def _foreign(
    session: Session, shown: Mapping[UUID, Sequence[int]], facts: Mapping[int, Any]
) -> set[tuple[int, UUID]]:
    if not shown:
        return set()
    query = select(Garment.id, Garment.category, Garment.photo_id).where(Garment.id.in_(shown))
    pairs = [
        (facts[item_id], garment)
        for garment in session.execute(query)
        for item_id in shown[garment.id]
        if item_id in facts
    ]
    return sold_by_others(session, pairs)
