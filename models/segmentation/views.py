"""What training sees: an endless, numbered row of random views of the prepared folders' photos.

Used by the trainer. A view follows from the seed and its number alone, so a run that goes on at
step n, on any number of GPUs, sees what it would have seen without the break.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from catalog.errors import LookalikeError
from catalog.masks import decode_mask
from models.segmentation.architecture import CascadeConfig
from models.segmentation.augment import AugmentOptions, View, make_random_view
from models.segmentation.compat import BitMasks, Boxes, Instances
from models.segmentation.data.coco import LabelledPhoto
from models.segmentation.recipe import Recipe

BLOCK = 1024
"""So many views have their sources drawn at once."""

MOST_UNREADABLE = 20
_SOURCES, _DECK, _VIEW, _REPEATS = range(4)  # what a random number is for: keeps the streams apart


@dataclass(frozen=True)
class Source:
    """A prepared folder and its share of the photos that training sees."""

    folder: Path
    share: float = 1.0


@dataclass
class Deck:
    """Which photo each view shows: sources drawn by share, each dealt through before it repeats.

    `photo_at` is a function of the number and the seed. `rare_share` shows photos with rare
    categories more often, see `count_repeats`.
    """

    photos: Sequence[Sequence[LabelledPhoto]]
    shares: Sequence[float]
    seed: int
    rare_share: float = 0.0
    _dealt: list[np.ndarray] = field(default_factory=list)
    _cards: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        for source, photos in enumerate(self.photos):
            repeats = count_repeats([photo_categories(p) for p in photos], self.rare_share)
            rng = np.random.default_rng([self.seed, _REPEATS, source])
            whole = np.floor(repeats + rng.random(len(repeats))).astype(int)
            self._cards.append(np.repeat(np.arange(len(photos)), whole))

    def photo_at(self, number: int) -> LabelledPhoto:
        """The photo of view `number`, from 0."""
        block, place = divmod(number, BLOCK)
        sources = self._draw_sources(block)
        source = int(sources[place])
        dealt = self._count_before(block)[source] + int((sources[:place] == source).sum())
        cards = self._cards[source]
        again, position = divmod(int(dealt), len(cards))
        order = np.random.default_rng([self.seed, _DECK, source, again]).permutation(cards)
        return self.photos[source][int(order[position])]

    def _draw_sources(self, block: int) -> np.ndarray:
        shares = np.array(self.shares) / sum(self.shares)
        rng = np.random.default_rng([self.seed, _SOURCES, block])
        return rng.choice(len(shares), BLOCK, p=shares)

    def _count_before(self, block: int) -> np.ndarray:
        if not self._dealt:
            self._dealt.append(np.zeros(len(self.photos), dtype=np.int64))
        while len(self._dealt) <= block:
            drawn = self._draw_sources(len(self._dealt) - 1)
            counts = np.bincount(drawn, minlength=len(self.photos))
            self._dealt.append(self._dealt[-1] + counts)
        return self._dealt[block]


def photo_categories(photo: LabelledPhoto) -> frozenset[str]:
    """The categories of a photo's garments, without decoding their masks."""
    return frozenset(photo.categories[entry["category_id"]] for entry in photo.annotations)


def count_repeats(photos: Sequence[frozenset[str]], rare_share: float) -> np.ndarray:
    """How often each photo is dealt in a round, (N,) of at least 1, by its rarest category.

    A category in a share f of the photos, below `rare_share`, repeats them sqrt(rare_share / f)
    times (Gupta et al. 2019, arXiv 1908.03195, section 4.3).
    """
    counts = Counter(name for photo in photos for name in photo)
    repeats = {
        name: max(1.0, float(np.sqrt(rare_share * len(photos) / count)))
        for name, count in counts.items()
    }
    return np.array([max((repeats[name] for name in photo), default=1.0) for photo in photos])


class RandomViews(Dataset[dict[str, Any]]):
    """View `number` in detectron2's form."""

    def __init__(self, deck: Deck, config: CascadeConfig, augment: AugmentOptions) -> None:
        self.deck, self.config, self.augment = deck, config, augment

    def __getitem__(self, number: int) -> dict[str, Any]:
        rng = np.random.default_rng([self.deck.seed, _VIEW, number])
        view = make_random_view(self._read(number), self.augment, rng)
        return to_detectron2(view, self.config)

    def _read(self, number: int) -> View:
        """The photo of a view, or the next one that can be read: one bad file ends no run."""
        for other in range(number, number + MOST_UNREADABLE):
            photo = self.deck.photo_at(other)
            try:
                return read_view(photo)
            except (LookalikeError, OSError) as error:
                logging.getLogger(__name__).warning("%s is left out: %s", photo.path, error)
                last = error
        raise last


def read_view(photo: LabelledPhoto) -> View:
    """A labelled photo with its pixels."""
    pixels = photo.load_pixels()
    garments = tuple(photo.load_garments())
    if photo.foreground is not None:
        return View(pixels, garments, decode_mask(photo.foreground))
    return View(pixels, garments, garments[0].mask if len(garments) == 1 else None)


def to_detectron2(view: View, config: CascadeConfig) -> dict[str, Any]:
    """A view as detectron2's models read it: `image` (3, H, W) and `instances`."""
    pixels = view.photo if config.channel_order == "RGB" else view.photo[..., ::-1]
    height, width = pixels.shape[:2]
    instances = Instances((height, width))
    masks = np.zeros((len(view.garments), height, width), dtype=bool)
    for index, garment in enumerate(view.garments):
        masks[index] = garment.mask
    bit_masks = BitMasks(torch.from_numpy(masks))
    classes = [config.categories.index(garment.category) for garment in view.garments]
    instances.gt_masks = bit_masks
    instances.gt_boxes = bit_masks.get_bounding_boxes() if classes else Boxes(torch.zeros(0, 4))
    instances.gt_classes = torch.tensor(classes, dtype=torch.int64)
    image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
    return {"image": image, "instances": instances}


@dataclass(frozen=True)
class BatchNumbers:
    """The numbers of the views of each step from `step` on, without an end; one rank's part."""

    step: int
    batch_photos: int
    rank: int = 0
    ranks: int = 1

    def __iter__(self) -> Iterator[list[int]]:
        first = self.step * self.batch_photos
        while True:
            yield list(range(first + self.rank, first + self.batch_photos, self.ranks))
            first += self.batch_photos


def make_loader(
    photos: Sequence[Sequence[LabelledPhoto]],
    shares: Sequence[float],
    recipe: Recipe,
    numbers: BatchNumbers,
    workers: int,
) -> DataLoader[Any]:
    """Batches in detectron2's form, made in `workers` processes beside the training."""
    deck = Deck(photos, shares, recipe.training.seed, recipe.training.rare_share)
    return DataLoader(
        RandomViews(deck, recipe.architecture, recipe.augment),
        batch_sampler=numbers,
        collate_fn=list,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_use_one_thread,
    )


def _use_one_thread(_: int) -> None:
    cv2.setNumThreads(0)
