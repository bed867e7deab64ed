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
from sqlalchemy.orm import Session

from catalog.corrections import SAME_GARMENT_IOU, apply_corrections
from catalog.errors import InputError
from catalog.masks import box_iou
from catalog.matching import pair_best
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


_FORMER = (
    Garment.id,
    Garment.category,
    Garment.box,
    Garment.found,
    Garment.crop,
    Garment.crop_version,
)


@dataclass(frozen=True)
class _Former:
    """What is left of a garment's row that is to be replaced: the columns of `_FORMER`."""

    id: UUID
    category: str
    box: Sequence[float]
    found: dict[str, Any] | None
    crop: bytes
    crop_version: int

    @property
    def as_found(self) -> tuple[str, Sequence[float]]:
        """Category and box before anybody corrected them."""
        found = self.found or {"category": self.category, "box": self.box}
        return found["category"], found["box"]


def save_found(
    session: Session,
    photo: Photo,
    segmenter_id: str,
    found: Sequence[NewGarment],
    embedder_id: str,
    vectors: NDArray[np.float32],
) -> list[Garment]:
    """Replace the photo's garments of this segmenter by `found`, with `vectors` (N, D).

    What the segmenter had found before keeps its id: shops and bookmarks refer to it. Corrections
    are applied again, the index learns of all of it. Doesn't commit; the caller holds the photo's
    lock and calls `assign_roles` afterwards.
    """
    if len(vectors) != len(found):
        raise InputError(f"{len(found)} garments but {len(vectors)} vectors")
    lock_items(session, (), [photo.id])
    former = _remove_garments(session, photo.id, segmenter_id)
    garments = [make_garment(photo.id, segmenter_id, new) for new in found]
    _keep_ids(former, garments)
    apply_corrections(session, photo.id, garments)
    session.add_all(garments)
    session.flush()
    session.add_all(
        Embedding(garment_id=garment.id, embedder=embedder_id, vector=vector)
        for garment, vector in zip(garments, vectors, strict=True)
    )
    session.flush()
    mark_dirty(session, [garment.id for garment in garments])
    return garments


def make_garment(photo_id: int, segmenter_id: str, new: NewGarment) -> Garment:
    """A row of what was found, its role not decided yet."""
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


def _remove_garments(session: Session, photo_id: int, segmenter_id: str) -> list[_Former]:
    mine = (Garment.photo_id == photo_id, Garment.segmenter == segmenter_id)
    rows = session.execute(select(*_FORMER).where(*mine).order_by(Garment.id)).all()
    if rows:
        mark_deleted(session, [row.id for row in rows])
        session.execute(delete(Garment).where(*mine))
    return [_Former(*row) for row in rows]


def _keep_ids(former: Sequence[_Former], garments: Sequence[Garment]) -> None:
    """Give what was found before its former id; a crop that differs gets an address of its own."""
    for known, garment in pair_best(former, garments, _likeness, SAME_GARMENT_IOU):
        garment.id = known.id
        garment.crop_version = known.crop_version + (garment.crop != known.crop)


def _likeness(known: _Former, garment: Garment) -> float:
    category, box = known.as_found
    return box_iou(box, garment.box) if category == garment.category else 0.0
