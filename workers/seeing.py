"""From pixels to garments: segments photos, cuts their crops and embeds them.

Used by indexing, photo search and re-indexing; touches neither database nor index.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catalog.colours import dominant_colours
from catalog.garments import NewGarment
from catalog.masks import encode_mask, outline_of
from catalog.photos.decode import decode_crop, encode_crop
from catalog.tables import Work
from models.crops import cut_crop
from workers.pace import Pace

if TYPE_CHECKING:
    from models.embedding.infer import Embedder
    from models.segmentation.infer import FoundGarment, Segmenter

Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB."""


@dataclass(frozen=True)
class SeenPhoto:
    """What the models see in one photo: garments and, for each embedder id, (N, D) vectors."""

    garments: list[NewGarment] = field(default_factory=list)
    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def see_photos(
    photos: Sequence[Pixels],
    segmenter: "Segmenter",
    embedders: Mapping[str, "Embedder"],
    embed_batch: int,
    pace: Pace | None = None,
) -> list[SeenPhoto]:
    """Find, cut and embed every garment of some photos, all crops in common batches.

    `pace` is told how long the embedding took.
    """
    found = segmenter.segment_photos(photos)
    garments = [
        [describe_garment(photo, garment) for garment in seen]
        for photo, seen in zip(photos, found, strict=True)
    ]
    # What is embedded is the crop as it is stored, so that a later re-embedding sees the same.
    crops = [decode_crop(garment.crop) for seen in garments for garment in seen]
    vectors = {}
    for name, embedder in embedders.items():
        started = time.monotonic()
        vectors[name] = embed_in_batches(crops, embedder, embed_batch)
        if pace is not None:
            pace.note(Work.EMBEDDING, len(crops), time.monotonic() - started, name)
    return [
        SeenPhoto(seen, {name: rows[start:end] for name, rows in vectors.items()})
        for seen, (start, end) in zip(garments, _spans(garments), strict=True)
    ]


def embed_in_batches(
    crops: Sequence[Pixels], embedder: "Embedder", batch: int
) -> NDArray[np.float32]:
    """(N, D) vectors of crops, at most `batch` at a time; (0, D) of none."""
    if not crops:
        return np.empty((0, embedder.dimensions), dtype=np.float32)
    parts = [embedder.embed_crops(crops[i : i + batch]) for i in range(0, len(crops), batch)]
    return np.concatenate(parts)


def describe_garment(photo: Pixels, garment: "FoundGarment") -> NewGarment:
    """What is stored of a garment: outline, crop and colours beside what the segmenter says."""
    return NewGarment(
        category=garment.category,
        score=garment.score,
        box=garment.box,
        mask=encode_mask(garment.mask),
        outline=outline_of(garment.mask),
        crop=encode_crop(cut_crop(photo, garment.box, garment.mask)),
        colours=[dict(colour) for colour in dominant_colours(photo, garment.mask)],
    )


def _spans(groups: Sequence[Sequence[object]]) -> Iterator[tuple[int, int]]:
    start = 0
    for group in groups:
        yield start, start + len(group)
        start += len(group)
