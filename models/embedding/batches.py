"""Training batches: several categories, several items of each, two views of every item.

Called by training. Items of one category in one batch are each other's hard negatives.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.embedding.augment import Augmentation, make_view
from models.embedding.crop_set import CropRecord, read_crop


@dataclass(frozen=True)
class BatchPlan:
    """A batch has groups x items x views crops; a group is one category (or kind) of one source.

    by: what makes a group. power: a group is drawn with a chance that grows with this power of
    its size: 0 draws all alike, 1 by their share.
    """

    groups: int = 6
    items: int = 4
    views: int = 2
    by: Literal["category", "kind"] = "category"
    power: float = 0.5

    def __post_init__(self) -> None:
        if min(self.groups, self.items, self.views) < 1 or self.by not in ("category", "kind"):
            raise ValueError("groups, items and views are at least 1, by is category or kind")

    @property
    def size(self) -> int:
        return self.groups * self.items * self.views


@dataclass(frozen=True)
class ClassNumbers:
    """The number of every item, category and kind of a crop set: what losses sort by."""

    items: Mapping[str, int]
    categories: Mapping[str, int]
    kinds: Mapping[str, int]


def number_classes(records: Iterable[CropRecord]) -> ClassNumbers:
    """Number what the records name, in alphabetical order: the set alone decides."""
    records = list(records)
    return ClassNumbers(
        _number(record.identity for record in records),
        _number(record.category for record in records),
        _number(record.kind for record in records),
    )


def _number(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted(set(names)))}


@dataclass(frozen=True)
class Batch:
    """Views (B, side, side, 3) uint8 RGB with item, category and kind numbers (B,)."""

    views: NDArray[np.uint8]
    items: NDArray[np.int64]
    categories: NDArray[np.int64]
    kinds: NDArray[np.int64]


class _Deck:
    """Deals a group's identities round after round, shuffled anew each round."""

    def __init__(self, cards: Sequence[str], rng: np.random.Generator) -> None:
        self._cards = list(cards)
        self._rng = rng
        self._left: list[str] = []

    def deal(self, count: int) -> list[str]:
        """Up to `count` different cards."""
        dealt: list[str] = []
        for _ in range(min(count, len(self._cards))):
            if not self._left:
                fresh = [card for card in self._cards if card not in dealt]
                self._left = [fresh[i] for i in self._rng.permutation(len(fresh))]
            dealt.append(self._left.pop())
        return dealt


def plan_batches(
    records: Sequence[CropRecord], plan: BatchPlan, seed: int
) -> Iterator[list[CropRecord]]:
    """Endless batches of records; an item with fewer photos than views shows one repeatedly.

    With the usual power of a half rare categories come more often than their share, and common
    ones still come most.
    """
    rng = np.random.default_rng(seed)
    by_identity: dict[str, list[CropRecord]] = {}
    groups: dict[tuple[str, str], list[str]] = {}
    for record in records:
        crops = by_identity.setdefault(record.identity, [])
        if not crops:
            groups.setdefault((record.source, getattr(record, plan.by)), []).append(record.identity)
        crops.append(record)
    decks = [_Deck(identities, rng) for identities in groups.values()]
    chances = np.array([len(names) for names in groups.values()], dtype=float) ** plan.power
    chances /= chances.sum()
    while True:
        chosen = rng.choice(len(decks), min(plan.groups, len(decks)), replace=False, p=chances)
        dealt = [name for i in chosen for name in decks[i].deal(plan.items)]
        yield [crop for name in dealt for crop in _choose_crops(by_identity[name], plan.views, rng)]


def _choose_crops(
    crops: Sequence[CropRecord], views: int, rng: np.random.Generator
) -> list[CropRecord]:
    order = [int(i) for i in rng.permutation(len(crops))]
    return [crops[order[i % len(order)]] for i in range(views)]


def load_batch(
    folder: Path,
    records: Sequence[CropRecord],
    numbers: ClassNumbers,
    side_px: int,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> Batch:
    """Read the crops and draw one view of each."""
    views = [make_view(*read_crop(folder, r), side_px, augmentation, rng) for r in records]
    return Batch(
        views=np.stack(views),
        items=np.array([numbers.items[r.identity] for r in records]),
        categories=np.array([numbers.categories[r.category] for r in records]),
        kinds=np.array([numbers.kinds[r.kind] for r in records]),
    )
