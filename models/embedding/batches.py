"""Training batches: several categories, several items of each, two views of every item.

Called by training. Items of one category in one batch are each other's hard negatives.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.embedding.augment import Augmentation, make_view
from models.embedding.crop_set import CropRecord, read_crop


@dataclass(frozen=True)
class BatchPlan:
    """A batch has groups x items x views crops; a group is one category of one kind of source."""

    groups: int = 6
    items: int = 4
    views: int = 2

    @property
    def size(self) -> int:
        return self.groups * self.items * self.views


@dataclass(frozen=True)
class Batch:
    """Views (B, side, side, 3) uint8 RGB with identity and category numbers (B,)."""

    views: NDArray[np.uint8]
    identities: NDArray[np.int64]
    categories: NDArray[np.int64]


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

    Groups are drawn with a chance that grows with the square root of their size: rare categories
    come more often than their share, common ones still come most.
    """
    rng = np.random.default_rng(seed)
    by_identity: dict[str, list[CropRecord]] = {}
    groups: dict[tuple[str, str], list[str]] = {}
    for record in records:
        crops = by_identity.setdefault(record.identity, [])
        if not crops:
            groups.setdefault((record.source, record.category), []).append(record.identity)
        crops.append(record)
    decks = [_Deck(identities, rng) for identities in groups.values()]
    chances = np.sqrt([len(identities) for identities in groups.values()])
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
    categories: Sequence[str],
    side_px: int,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> Batch:
    """Read the crops and draw one view of each."""
    views = [make_view(*read_crop(folder, r), side_px, augmentation, rng) for r in records]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(r.identity for r in records))}
    return Batch(
        views=np.stack(views),
        identities=np.array([numbers[r.identity] for r in records]),
        categories=np.array([categories.index(r.category) for r in records]),
    )
