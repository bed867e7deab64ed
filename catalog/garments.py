"""Saves what the models found in a photo, and what people correct about it.

Called by the workers, in the transaction that finishes the photo.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from catalog.errors import InputError, NotFoundError
from catalog.masks import box_iou
from catalog.roles import lock_items
from catalog.search.outbox import mark_deleted, mark_dirty
from catalog.tables import Correction, Embedding, Garment, Photo, Role
from catalog.taxonomy import CATEGORIES

SAME_GARMENT_IOU = 0.5
"""Boxes that overlap so much are the same garment, seen by two segmentations."""


@dataclass(frozen=True)
class NewGarment:
    """One garment as the models found it: box x0, y0, x1, y1 in pixels of the photo."""

    category: str
    score: float
    box: Sequence[float]
    mask: dict[str, Any]
    """COCO run-length encoding at the photo's size."""
    outline: list[list[float]]
    crop: bytes
    """WebP."""
    colours: list[dict[str, Any]] = field(default_factory=list)


def save_found(
    session: Session,
    photo: Photo,
    segmenter_id: str,
    found: Sequence[NewGarment],
    embedder_id: str,
    vectors: NDArray[np.float32],
) -> list[Garment]:
    """Replace the photo's garments of this segmenter by `found`, with `vectors` (N, D).

    Corrections are applied again, the index learns of all of it. Doesn't commit; the caller holds
    the photo's lock and calls `assign_roles` afterwards.
    """
    if len(vectors) != len(found):
        raise InputError(f"{len(found)} garments but {len(vectors)} vectors")
    lock_items(session, (), [photo.id])
    _remove_garments(session, photo.id, segmenter_id)
    garments = [_make_garment(photo.id, segmenter_id, new) for new in found]
    _apply_corrections(session, photo.id, garments)
    session.add_all(garments)
    session.flush()
    session.add_all(
        Embedding(garment_id=garment.id, embedder=embedder_id, vector=vector)
        for garment, vector in zip(garments, vectors, strict=True)
    )
    session.flush()
    mark_dirty(session, [garment.id for garment in garments])
    return garments


def correct_garment(
    session: Session,
    garment_id: UUID,
    category: str | None = None,
    box: Sequence[float] | None = None,
    excluded: bool | None = None,
) -> Garment:
    """Change what a person says is wrong, and remember it for later segmentations.

    Raises NotFoundError, InputError. Doesn't commit; the caller calls `assign_roles` afterwards.
    """
    garment = session.get(Garment, garment_id)
    if garment is None:
        raise NotFoundError("garment", garment_id)
    if category is not None and category not in CATEGORIES:
        raise InputError(f"no category {category!r}; known are {', '.join(CATEGORIES)}")
    lock_items(session, (), [garment.photo_id])
    correction = Correction(
        photo_id=garment.photo_id,
        box=list(garment.box),
        category=category,
        new_box=None if box is None else [float(edge) for edge in box],
        excluded=garment.excluded if excluded is None else excluded,
    )
    session.add(correction)
    _correct(garment, correction)
    mark_dirty(session, [garment.id])
    return garment


def _make_garment(photo_id: int, segmenter_id: str, new: NewGarment) -> Garment:
    return Garment(
        photo_id=photo_id,
        segmenter=segmenter_id,
        category=new.category,
        score=float(new.score),
        box=[float(edge) for edge in new.box],
        mask=new.mask,
        outline=new.outline,
        crop=new.crop,
        colours=new.colours,
        role=Role.WORN_WITH,
        excluded=False,
    )


def _remove_garments(session: Session, photo_id: int, segmenter_id: str) -> None:
    mine = (Garment.photo_id == photo_id, Garment.segmenter == segmenter_id)
    old = session.scalars(select(Garment.id).where(*mine)).all()
    if old:
        mark_deleted(session, old)
        session.execute(delete(Garment).where(*mine))


def _apply_corrections(session: Session, photo_id: int, garments: Sequence[Garment]) -> None:
    """The oldest first, so that the last word counts; each finds its garment as it was seen."""
    seen = [list(garment.box) for garment in garments]
    corrections = session.scalars(
        select(Correction).where(Correction.photo_id == photo_id).order_by(Correction.id)
    )
    for correction in corrections:
        overlaps = [_overlap(correction, box) for box in seen]
        if overlaps and max(overlaps) >= SAME_GARMENT_IOU:
            _correct(garments[overlaps.index(max(overlaps))], correction)


def _overlap(correction: Correction, box: Sequence[float]) -> float:
    """A second correction of a garment remembers the box that the first one gave it."""
    boxes = [correction.box, *([correction.new_box] if correction.new_box else [])]
    return max(box_iou(known, box) for known in boxes)


def _correct(garment: Garment, correction: Correction) -> None:
    garment.category = correction.category or garment.category
    garment.box = correction.new_box or garment.box
    garment.excluded = correction.excluded
