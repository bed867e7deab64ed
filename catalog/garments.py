"""Saves what the models found in a photo.

Called by the workers, in the transaction that finishes the photo.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload, undefer

from catalog.corrections import SAME_GARMENT_IOU, apply_corrections
from catalog.errors import InputError
from catalog.masks import box_iou
from catalog.matching import pair_best
from catalog.recuts import forget_explanations
from catalog.roles import lock_items
from catalog.search.outbox import mark_deleted, mark_dirty
from catalog.tables import Embedding, Garment, Photo, Role


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
    """Replace what this segmenter had found in the photo by `found`, with `vectors` (N, D).

    A garment that is found again keeps its id, to which shops and bookmarks refer, and with it what
    people said of it. The index learns of everything. Doesn't commit; the caller holds the photo's
    lock and calls `assign_roles` afterwards.
    """
    if len(vectors) != len(found):
        raise InputError(f"{len(found)} garments but {len(vectors)} vectors")
    lock_items(session, (), [photo.id])
    former, drawn = _former_garments(session, photo.id, segmenter_id)
    again = _find_again(former, found)
    said = [(garment.correction, garment) for garment in again.values() if garment.correction]
    kept = [garment.id for garment in again.values()]
    _forget(session, [garment.id for garment in former], kept)
    garments = [
        _fill(again.get(place) or Garment(photo_id=photo.id, segmenter=segmenter_id), new)
        for place, new in enumerate(found)
    ]
    fresh = [garment for place, garment in enumerate(garments) if place not in again]
    apply_corrections(session, photo.id, fresh, said, drawn)
    session.add_all(garments)
    session.flush()
    session.add_all(
        Embedding(garment_id=garment.id, embedder=embedder_id, vector=vector)
        for garment, vector in zip(garments, vectors, strict=True)
    )
    session.flush()
    mark_dirty(session, [garment.id for garment in garments])
    return garments


def _former_garments(
    session: Session, photo_id: int, segmenter_id: str
) -> tuple[list[Garment], list[Garment]]:
    """What the segmenter had found, and what people had drawn where it found nothing."""
    mine = (
        select(Garment)
        .where(Garment.photo_id == photo_id, Garment.segmenter == segmenter_id)
        .order_by(Garment.id)
        .options(undefer(Garment.found), undefer(Garment.crop), joinedload(Garment.correction))
        .execution_options(populate_existing=True)
    )
    found: list[Garment] = []
    drawn: list[Garment] = []
    for garment in session.scalars(mine):
        (drawn if garment.correction and garment.found is None else found).append(garment)
    return found, drawn


def _find_again(former: Sequence[Garment], found: Sequence[NewGarment]) -> dict[int, Garment]:
    """The former garments by the places in `found` that they are found at again."""
    pairs = pair_best(
        former,
        range(len(found)),
        lambda garment, place: _likeness(garment, found[place]),
        SAME_GARMENT_IOU,
    )
    return {place: garment for garment, place in pairs}


def _likeness(former: Garment, new: NewGarment) -> float:
    """How much the boxes overlap, as they were found, of two garments of one category."""
    before = former.found or {"category": former.category, "box": former.box}
    return box_iou(before["box"], new.box) if before["category"] == new.category else 0.0


def _forget(session: Session, former: Sequence[UUID], kept: Sequence[UUID]) -> None:
    """Remove garments but for those that are kept, which lose what was made from their crops."""
    if not former:
        return
    mark_deleted(session, former)
    session.execute(delete(Garment).where(Garment.id.in_(set(former).difference(kept))))
    session.execute(delete(Embedding).where(Embedding.garment_id.in_(kept)))
    forget_explanations(session, kept)


def _fill(garment: Garment, new: NewGarment) -> Garment:
    """The row as the segmenter sees the garment, not corrected, its role not decided yet."""
    if garment.crop is not None and garment.crop != new.crop:
        garment.crop_version += 1
    garment.category = new.category
    garment.score = float(new.score)
    garment.box = [float(edge) for edge in new.box]
    garment.mask = new.mask
    garment.outline = new.outline
    garment.crop = new.crop
    garment.colours = new.colours
    garment.role = Role.WORN_WITH
    garment.excluded = garment.stale = garment.boxed = False
    garment.correction = garment.found = None
    return garment
