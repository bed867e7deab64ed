"""What a segmenter found in labelled photos: run once, measured in several ways.

Called by evaluation and by training's validation.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from catalog.masks import encode_mask
from models.segmentation.data.coco import LabelledPhoto
from models.segmentation.infer import FoundGarment, Segmenter

BATCH_PHOTOS = 4


@dataclass(frozen=True)
class Found:
    """A photo with what the segmenter found in it; masks are kept as RLE to save memory."""

    photo: LabelledPhoto
    garments: tuple[tuple[FoundGarment, dict[str, Any]], ...]


def find_garments(
    segmenter: Segmenter,
    photos: Sequence[LabelledPhoto],
    report: Callable[[int, int], None] = lambda done, total: None,
) -> list[Found]:
    """Run a segmenter over photos; `report` gets how many of how many are done."""
    found: list[Found] = []
    for batch in _in_batches(photos, BATCH_PHOTOS):
        pixels = [photo.load_pixels() for photo in batch]
        for photo, garments in zip(batch, segmenter.segment_photos(pixels), strict=True):
            pairs = tuple((_without_mask(g), encode_mask(g.mask)) for g in garments)
            found.append(Found(photo, pairs))
        report(len(found), len(photos))
    return found


def _without_mask(garment: FoundGarment) -> FoundGarment:
    return FoundGarment(garment.category, garment.score, garment.box, np.zeros((0, 0), bool))


def _in_batches(photos: Iterable[LabelledPhoto], size: int) -> Iterator[list[LabelledPhoto]]:
    rest = iter(photos)
    while batch := list(islice(rest, size)):
        yield batch
