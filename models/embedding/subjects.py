"""The garments that evaluation searches for and among, cut and coded exactly as workers do it.

Called by evaluation. They come from a prepared folder, in one of three cuts, or from a crop set.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from catalog.errors import InputError
from catalog.masks import decode_mask
from catalog.photos.decode import encode_crop
from catalog.taxonomy import CATEGORIES, fitting_categories
from models.crops import cut_crop
from models.embedding.crop_set import INDEX, plain_crop, read_crop, read_records
from models.embedding.cutting import MIN_SIDE_PX
from models.segmentation.data.coco import LabelledPhoto, read_photos

if TYPE_CHECKING:
    from models.segmentation.infer import FoundGarment, Segmenter

Cut = Literal["found", "labelled", "whole"]
Advance = Callable[[int, int], None]
_BATCH = 4
_SAME_IOU = 0.5


@dataclass(frozen=True)
class Subject:
    """One garment: its crop (WebP as the worker stores it) and what is known about it.

    crop: None where nothing was found. kind: the source's own word. Empty words are unknown.
    """

    photo: Path
    crop: bytes | None
    category: str
    kind: str
    item: str
    view: str


@dataclass(frozen=True)
class _Target:
    """A garment that a photo's labels promise; `annotation` where it was outlined."""

    subject: Subject
    annotation: dict[str, Any] | None


def read_subjects(
    folder: Path,
    split: str,
    cut: Cut,
    segmenter: "Segmenter | None" = None,
    limit: int | None = None,
    advance: Advance = lambda done, total: None,
) -> list[Subject]:
    """The subjects of a split of a prepared folder, or of a crop set (`split` is then ignored).

    found: what `segmenter` finds. A photo of one garment gives the one with the largest score x
    sqrt(area), of those whose category fits if there are any; of several, each labelled garment
    the found one that overlaps it by half. labelled: boxes and masks of the annotations. whole:
    the photo as it is, if one garment is in it. Garments below 24 px are left out. limit: the
    first so many photos only. Raises InputError when there is no such split, or nothing in it that
    can be cut so.
    """
    if (folder / INDEX).exists():
        return _read_crop_set(folder, cut, limit)
    path = folder / f"{split}.json"
    photos = read_photos(folder, split)[:limit]
    subjects: list[Subject] = []
    for batch in _in_batches(photos):
        subjects += _cut_batch(batch, cut, segmenter)
        advance(min(len(photos), batch[-1][0] + 1), len(photos))
    if not subjects:
        raise InputError(f"{path}: no garment for --crops {cut}; try {_others(cut)}")
    return subjects


def _others(cut: Cut) -> str:
    return " or ".join(name for name in ("found", "labelled", "whole") if name != cut)


def _read_crop_set(folder: Path, cut: Cut, limit: int | None) -> list[Subject]:
    if cut != "labelled":
        raise InputError(f"{folder} is a set of labelled crops: only --crops labelled fits")
    return [
        Subject(
            photo=folder / f"{record.key}.jpg",
            crop=encode_crop(plain_crop(*read_crop(folder, record))),
            category=record.category,
            kind=record.kind,
            item=record.identity,
            view=record.view,
        )
        for record in read_records(folder)[:limit]
    ]


def _in_batches(photos: Sequence[LabelledPhoto]) -> Iterator[list[tuple[int, LabelledPhoto]]]:
    rest = iter(enumerate(photos))
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _cut_batch(
    batch: Sequence[tuple[int, LabelledPhoto]], cut: Cut, segmenter: "Segmenter | None"
) -> Iterator[Subject]:
    pixels = [photo.load_pixels() for _, photo in batch]
    if cut == "found":
        if segmenter is None:
            raise InputError("crops that are found need a segmenter")
        found: Sequence[list[FoundGarment]] = segmenter.segment_photos(pixels)
    else:
        found = [[] for _ in pixels]
    for (_, photo), picture, garments in zip(batch, pixels, found, strict=True):
        targets = list(_name_targets(photo))
        if cut == "found":
            yield from _choose_found(photo, picture, targets, garments)
        elif cut == "whole" and len(targets) == 1:
            yield replace(targets[0].subject, crop=encode_crop(picture))
        elif cut == "labelled":
            yield from (
                replace(t.subject, crop=_cut_labelled(picture, t.annotation))
                for t in targets
                if t.annotation is not None
            )


def _name_targets(photo: LabelledPhoto) -> Iterator[_Target]:
    """What is to be seen in a photo: its outlined garments, or the one that its words are about."""
    alone = len(photo.annotations) <= 1
    word = photo.labels[0] if alone and len(photo.labels) == 1 else ""
    blank = Subject(photo.path, None, "", word, photo.item if alone else "", photo.view)
    for annotation in photo.annotations:
        if max(annotation["bbox"][2:]) < MIN_SIDE_PX:
            continue
        category = photo.categories[annotation["category_id"]]
        item = str(annotation.get("item") or blank.item)
        subject = replace(blank, category=category, kind=word or category, item=item)
        yield _Target(subject, annotation)
    if not photo.annotations and (word or photo.item):
        yield _Target(replace(blank, category=_category_of(word)), None)


def _category_of(word: str) -> str:
    if word in CATEGORIES:
        return word
    return next(iter(fitting_categories(word)), word)


def _cut_labelled(photo: NDArray[np.uint8], annotation: dict[str, Any]) -> bytes:
    left, top, width, height = annotation["bbox"]
    box = (left, top, left + width, top + height)
    return encode_crop(cut_crop(photo, box, decode_mask(annotation["segmentation"])))


def _choose_found(
    photo: LabelledPhoto,
    pixels: NDArray[np.uint8],
    targets: Sequence[_Target],
    garments: Sequence["FoundGarment"],
) -> Iterator[Subject]:
    for target in targets:
        if len(targets) == 1 or target.annotation is None:
            garment = choose_sold(garments, _fitting(photo, target))
        else:
            garment = _overlapping(garments, decode_mask(target.annotation["segmentation"]))
        crop = None
        if garment is not None:
            crop = encode_crop(cut_crop(pixels, garment.box, garment.mask))
        yield replace(target.subject, crop=crop)


def _fitting(photo: LabelledPhoto, target: _Target) -> set[str]:
    """The categories that fit the photo's words; the outlined garment's own where it has none."""
    fitting = {
        category
        for label in photo.labels
        for category in ((label,) if label in CATEGORIES else fitting_categories(label))
    }
    return fitting or ({target.subject.category} if target.subject.category else set(CATEGORIES))


def choose_sold(garments: Sequence["FoundGarment"], fitting: set[str]) -> "FoundGarment | None":
    """Of the garments whose category fits, the one with the largest score x sqrt(area).

    Where none fits, of all: it was found under a wrong name, and is searched for all the same.
    """
    fit = [garment for garment in garments if garment.category in fitting] or garments
    return max(fit, key=lambda g: g.score * float(np.sqrt(g.mask.sum())), default=None)


def _overlapping(
    garments: Sequence["FoundGarment"], mask: NDArray[np.bool_]
) -> "FoundGarment | None":
    def overlap(garment: "FoundGarment") -> float:
        both = np.logical_and(garment.mask, mask).sum()
        return float(both / max(1, np.logical_or(garment.mask, mask).sum()))

    best = max(garments, key=overlap, default=None)
    return best if best is not None and overlap(best) >= _SAME_IOU else None
