"""Saves what the models found in a photo.

Called by the workers, in the transaction that finishes the photo.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload, undefer

from catalog.corrections import (
    SAME_GARMENT_IOU,
    apply_correction,
    corrections_of,
    match_corrections,
)
from catalog.errors import InputError
from catalog.masks import box_iou
from catalog.matching import pair_best
from catalog.recuts import forget_explanations, request_lacking
from catalog.roles import lock_items
from catalog.search.outbox import mark_deleted, mark_dirty
from catalog.tables import Correction, Embedding, Garment, Photo, Role


@dataclass(frozen=True, eq=False)
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


@dataclass
class _Known:
    """What was there of a photo's garments before the segmenter has looked at it now."""

    rows: dict[NewGarment, Garment]
    """Of what it has found again."""
    said: dict[NewGarment, Correction]
    """What people have said of what it has found."""
    gone: list[Garment]
    """What it has not found again."""
    drawn: list[Garment]
    """What people drew and it still does not find."""


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
    known = _recognise(session, photo.id, segmenter_id, found)
    _forget(session, known.gone, list(known.rows.values()))
    garments = [_fill(known.rows.get(new) or _new_row(photo, segmenter_id), new) for new in found]
    for new, garment in zip(found, garments, strict=True):
        if new in known.said:
            apply_correction(garment, known.said[new])
    for garment in known.drawn:
        garment.stale = True  # to be cut once more, for whatever embedders there are now
    session.add_all(garments)
    session.flush()
    request_lacking(session, photo.id, segmenter_id)
    session.add_all(
        Embedding(garment_id=garment.id, embedder=embedder_id, vector=vector)
        for garment, vector in zip(garments, vectors, strict=True)
    )
    session.flush()
    mark_dirty(session, [garment.id for garment in garments])
    return garments


def _recognise(
    session: Session, photo_id: int, segmenter_id: str, found: Sequence[NewGarment]
) -> _Known:
    """Former garments by category and box as they were found; by overlap what else people said."""
    former, drawn = _former_garments(session, photo_id, segmenter_id)
    rows = {new: garment for garment, new in pair_best(former, found, _likeness, SAME_GARMENT_IOU)}
    said = {new: garment.correction for new, garment in rows.items() if garment.correction}
    gone = [garment for garment in former if garment not in rows.values()]
    free = [each for each in corrections_of(session, photo_id) if each not in said.values()]
    fresh = [new for new in found if new not in rows]
    for correction, new in match_corrections(free, fresh):
        said[new] = correction
        if correction in drawn:
            rows[new] = drawn.pop(correction)
    return _Known(rows, said, gone, list(drawn.values()))


def _former_garments(
    session: Session, photo_id: int, segmenter_id: str
) -> tuple[list[Garment], dict[Correction, Garment]]:
    """What the segmenter had found, and what people had drawn where it found nothing.

    Locked, so that nobody adds vectors of crops that are about to change.
    """
    mine = (
        select(Garment)
        .where(Garment.photo_id == photo_id, Garment.segmenter == segmenter_id)
        .order_by(Garment.id)
        .options(undefer(Garment.found), undefer(Garment.crop), joinedload(Garment.correction))
        .with_for_update(of=Garment)
        .execution_options(populate_existing=True)
    )
    found: list[Garment] = []
    drawn: dict[Correction, Garment] = {}
    for garment in session.scalars(mine):
        if garment.correction and garment.found is None:
            drawn[garment.correction] = garment
        else:
            found.append(garment)
    return found, drawn


def _likeness(former: Garment, new: NewGarment) -> float:
    """How much the boxes overlap, as they were found, of two garments of one category."""
    before = former.found or {"category": former.category, "box": former.box}
    return box_iou(before["box"], new.box) if before["category"] == new.category else 0.0


def _forget(session: Session, gone: Sequence[Garment], kept: Sequence[Garment]) -> None:
    """Remove garments, and of the kept ones what was made from crops that may change.

    Vectors of embedders that are not asked now go, too.
    """
    if not gone and not kept:
        return
    mark_deleted(session, [garment.id for garment in (*gone, *kept)])
    for garment in gone:
        session.delete(garment)
    ids = [garment.id for garment in kept]
    session.execute(delete(Embedding).where(Embedding.garment_id.in_(ids)))
    forget_explanations(session, ids)


def _new_row(photo: Photo, segmenter_id: str) -> Garment:
    return Garment(photo_id=photo.id, segmenter=segmenter_id, role=Role.WORN_WITH)


def _fill(garment: Garment, new: NewGarment) -> Garment:
    """The row as the segmenter sees the garment, before anybody has corrected it."""
    if garment.crop is not None and garment.crop != new.crop:
        garment.crop_version += 1
    garment.category = new.category
    garment.score = float(new.score)
    garment.box = [float(edge) for edge in new.box]
    garment.mask = new.mask
    garment.outline = new.outline
    garment.crop = new.crop
    garment.colours = new.colours
    garment.excluded = garment.stale = garment.boxed = False
    garment.correction = garment.found = None
    return garment
