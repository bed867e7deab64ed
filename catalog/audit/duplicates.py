"""Finds garments that may be one and the same although they are sold under several skus.

Pairs are found one page of items after the other; at the end they are gathered into groups.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.audit.candidates import load_candidates
from catalog.audit.items import AuditedItem
from catalog.audit.options import AuditOptions
from catalog.search.index import VectorIndex
from catalog.search.points import ANYTHING, Hit
from catalog.tables import DismissedPair, Generation, Role

_NEIGHBOURS = 40
"""Of one garment, its item's other photos among them: what has more twins is found by theirs."""
_MOST_ITEMS = 100
"""Of one group; a larger one says how many more there are."""


@dataclass(frozen=True)
class Pair:
    """Two items, the smaller id first, and their garments that are most alike."""

    item_id: int
    other_id: int
    score: float
    garment_id: UUID
    other_garment_id: UUID
    category: str
    same_photo: bool = False
    """One photo is in the feed under both skus."""

    @property
    def key(self) -> str:
        return f"{self.item_id}-{self.other_id}"


@dataclass(frozen=True)
class Group:
    """Items that hang together by pairs; `size` counts those too that are left out."""

    items: Sequence[int]
    pairs: Sequence[Pair]
    size: int

    @property
    def best(self) -> Pair:
        return max(self.pairs, key=lambda pair: pair.score)


def find_pairs(
    session: Session,
    index: VectorIndex,
    generation: Generation,
    items: Sequence[AuditedItem],
    options: AuditOptions,
) -> list[Pair]:
    """The pairs that these items are in, each once, by its best garments.

    The same sku in two catalogs is one item in two shops, and no pair.
    Raises IndexUnavailableError, NotFoundError.
    """
    asked = [(item, garment) for item in items for garment in item.garments]
    # Without any filter: filtered, the nearest take five times as long to find.
    queries = [(garment.vector, ANYTHING) for _, garment in asked]
    answers = index.query_many(generation.collection, queries, _NEIGHBOURS)
    near = [[hit for hit in hits if _is_twin(hit, options)] for hits in answers]
    own = [_shared_photo(item, garment.id, garment.photo_id) for item, garment in asked]
    candidates = load_candidates(session, [hit for hits in (*near, *own) for hit in hits])
    best: dict[str, Pair] = {}
    for (item, garment), hits, shared in zip(asked, near, own, strict=True):
        for hit in (*hits, *shared):
            for row in candidates.of(hit):
                if row.id != item.id and row.sku != item.sku:
                    pair = _pair(item.id, garment, row.id, hit)
                    best[pair.key] = max(best.get(pair.key, pair), pair, key=_rank)
    return list(best.values())


def drop_dismissed(session: Session, pairs: Iterable[Pair]) -> list[Pair]:
    """Those pairs that nobody has said to be different."""
    dismissed = {
        tuple(row) for row in session.execute(select(DismissedPair.item_id, DismissedPair.other_id))
    }
    return [pair for pair in pairs if (pair.item_id, pair.other_id) not in dismissed]


def group_pairs(pairs: Sequence[Pair]) -> list[Group]:
    """Items that are connected by pairs, directly or by others; the most alike group first."""
    root: dict[int, int] = {}

    def find(item_id: int) -> int:
        while root.setdefault(item_id, item_id) != item_id:
            root[item_id] = item_id = root[root[item_id]]
        return item_id

    for pair in pairs:
        root[find(pair.item_id)] = find(pair.other_id)
    members: dict[int, list[Pair]] = defaultdict(list)
    for pair in pairs:
        members[find(pair.item_id)].append(pair)
    groups = [_group(sorted(each, key=_rank, reverse=True)) for each in members.values()]
    return sorted(groups, key=lambda group: _rank(group.best), reverse=True)


def pair_as_json(pair: Pair) -> dict[str, Any]:
    return {
        "items": [pair.item_id, pair.other_id],
        "garments": [str(pair.garment_id), str(pair.other_garment_id)],
        "score": pair.score,
        "category": pair.category,
        "same_photo": pair.same_photo,
    }


def pair_of_json(stored: Mapping[str, Any]) -> Pair:
    item_id, other_id = stored["items"]
    garment_id, other_garment_id = (UUID(each) for each in stored["garments"])
    score, category = stored["score"], stored["category"]
    ends = (item_id, other_id, score, garment_id, other_garment_id)
    return Pair(*ends, category, stored["same_photo"])


def _is_twin(hit: Hit, options: AuditOptions) -> bool:
    return hit.score >= options.identical and hit.payload["role"] == Role.SOLD.value


def _shared_photo(item: AuditedItem, garment_id: UUID, photo_id: int) -> list[Hit]:
    """The garment itself, where other items show its photo as well: do they sell it too?"""
    others = item.shared.get(photo_id)
    return [Hit(garment_id, 1.0, {"items": sorted({item.id, *others})})] if others else []


def _pair(item_id: int, garment: Any, other_id: int, hit: Hit) -> Pair:
    same = garment.id == hit.garment_id
    ends = sorted([(item_id, garment.id), (other_id, hit.garment_id)])
    (smaller, first), (larger, second) = ends
    return Pair(smaller, larger, hit.score, first, second, garment.category, same)


def _rank(pair: Pair) -> tuple[bool, float, int, int]:
    """Which of several comes first: the same photo, then the most alike, then the oldest."""
    return pair.same_photo, pair.score, -pair.item_id, -pair.other_id


def _group(pairs: Sequence[Pair]) -> Group:
    """`pairs` come with the most alike first."""
    items = dict.fromkeys(id_ for pair in pairs for id_ in (pair.item_id, pair.other_id))
    kept = set(list(items)[:_MOST_ITEMS])
    inside = [pair for pair in pairs if {pair.item_id, pair.other_id} <= kept]
    return Group(sorted(kept), inside, len(items))
