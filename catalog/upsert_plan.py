"""What a batch of feed rows changes, worked out without touching the database.

Called by `upsert_items`, which then does it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog.rows import ItemResult, ItemRow, Status

# What the payload of a garment in the index repeats of its items.
_IN_PAYLOAD = ("brand", "price")
_IN_ROLES = ("title", "category")


@dataclass(frozen=True)
class StoredItem:
    """An item as it is now; `photo_ids` in the feed's order."""

    id: int
    deleted: bool
    words: Mapping[str, Any]
    photo_ids: tuple[int, ...]


@dataclass
class UpsertPlan:
    """What a batch changes: rows to write, photos to link, and which garments that concerns."""

    results: list[ItemResult] = field(default_factory=list)
    """One for each row, in its order."""
    written: list[ItemRow] = field(default_factory=list)
    links: dict[str, list[int]] = field(default_factory=dict)
    """The new photo ids of each sku whose photos change."""
    unlinked: set[int] = field(default_factory=set)
    roles_of: set[int] = field(default_factory=set)
    """Photos whose roles may change."""
    dirty: set[int] = field(default_factory=set)
    """Photos whose garments' payloads change."""

    @property
    def touched(self) -> set[int]:
        """Photos that gain or lose an item, or whose garments may be written."""
        linked = {photo_id for ids in self.links.values() for photo_id in ids}
        return linked | self.unlinked | self.roles_of | self.dirty


def plan_upsert(
    rows: Sequence[ItemRow | ItemResult],
    stored: Mapping[str, StoredItem],
    photos: Mapping[str, int],
) -> UpsertPlan:
    """Compare rows with what is stored; `photos` has the id of each known SHA-256.

    Rows that were refused before keep their result; rows that name unknown photos fail.
    """
    plan = UpsertPlan()
    for row in rows:
        if isinstance(row, ItemResult):
            plan.results.append(row)
            continue
        missing = [sha256 for sha256 in row.photos or () if sha256 not in photos]
        if missing:
            plan.results.append(_photo_missing(row.sku, missing))
            continue
        wanted = None if row.photos is None else tuple(photos[sha256] for sha256 in row.photos)
        status = _plan_row(plan, row, stored.get(row.sku), wanted)
        plan.results.append(ItemResult(row.sku, status))
    return plan


def _plan_row(
    plan: UpsertPlan, row: ItemRow, stored: StoredItem | None, wanted: tuple[int, ...] | None
) -> Status:
    if stored is None or stored.deleted:
        plan.written.append(row)
        _plan_links(plan, row.sku, (), wanted or ())
        return "created" if stored is None else "updated"
    words = row.words()
    changed = {name for name, value in words.items() if stored.words[name] != value}
    relinked = wanted is not None and wanted != stored.photo_ids
    if not changed and not relinked:
        return "unchanged"
    plan.written.append(row)
    if relinked:
        _plan_links(plan, row.sku, stored.photo_ids, wanted or ())
    if changed.intersection(_IN_ROLES):
        plan.roles_of.update(stored.photo_ids)
    if changed.intersection(_IN_PAYLOAD) or _sold_out(words) != _sold_out(stored.words):
        plan.dirty.update(stored.photo_ids)
    return "updated"


def _plan_links(plan: UpsertPlan, sku: str, old: Sequence[int], new: Sequence[int]) -> None:
    plan.links[sku] = list(new)
    plan.unlinked.update(set(old) - set(new))
    plan.roles_of.update(old, new)
    plan.dirty.update(old, new)


def _sold_out(words: Mapping[str, Any]) -> bool:
    return bool(words["stock"] == 0)


def _photo_missing(sku: str, missing: Sequence[str]) -> ItemResult:
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return ItemResult(sku, "failed", "photo_missing", f"upload photo {missing[0]}{more} first")
