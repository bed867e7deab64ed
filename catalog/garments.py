"""Saves what the models found in a photo.

Called by the workers, in the transaction that finishes the photo.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from catalog.corrections import apply_corrections
from catalog.errors import InputError
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
    """Replace the photo's garments of this segmenter by `found`, with `vectors` (N, D).

    Corrections are applied again, the index learns of all of it. Doesn't commit; the caller holds
    the photo's lock and calls `assign_roles` afterwards.
    """
    if len(vectors) != len(found):
        raise InputError(f"{len(found)} garments but {len(vectors)} vectors")
    lock_items(session, (), [photo.id])
    _remove_garments(session, photo.id, segmenter_id)
    garments = [make_garment(photo.id, segmenter_id, new) for new in found]
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


def _remove_garments(session: Session, photo_id: int, segmenter_id: str) -> None:
    mine = (Garment.photo_id == photo_id, Garment.segmenter == segmenter_id)
    old = session.scalars(select(Garment.id).where(*mine)).all()
    if old:
        mark_deleted(session, old)
        session.execute(delete(Garment).where(*mine))
