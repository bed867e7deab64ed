"""What people correct about garments: kept for later segmentations, applied, and taken back.

Called by the review page and the API, and by `save_found` to match and apply corrections. Nothing
here commits, and the caller calls `assign_roles` afterwards.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import ScalarSelect, delete, func, select
from sqlalchemy.orm import Session, undefer

from catalog.errors import ConflictError, InputError, NotFoundError
from catalog.known_categories import known_categories
from catalog.masks import box_iou
from catalog.matching import pair_best
from catalog.recuts import request_recut
from catalog.roles import lock_items
from catalog.search.outbox import hold_generations, mark_deleted, mark_dirty
from catalog.summaries import active_segmenter
from catalog.tables import Correction, Garment, Photo, PhotoReview, PhotoState, Verdict

SAME_GARMENT_IOU = 0.5
"""Boxes that overlap so much are the same garment, seen by two segmentations."""

_CALLED, _TAKEN_FOR = 0.1, 0.02
"""How much overlap a category outweighs that a person gave, and one that a segmenter saw."""

LEAST_SIDE_PX = 8
"""What a person draws is at least so wide and high."""


class Seen(Protocol):
    """A garment in a photo, saved or just found: its box x0, y0, x1, y1 in pixels."""

    @property
    def category(self) -> str: ...

    @property
    def box(self) -> Sequence[float]: ...


SeenT = TypeVar("SeenT", bound=Seen)


def correct_garment(
    session: Session,
    garment_id: UUID,
    category: str | None = None,
    box: Sequence[float] | None = None,
    excluded: bool | None = None,
) -> Garment:
    """Change what a person says is wrong, and remember it for later segmentations.

    With nothing to change it is accepted as it is. Other segmenters' views of the same garment
    follow. A new box leaves the crop to the workers. Raises NotFoundError, InputError.
    """
    garment = _hold_garment(session, garment_id)
    if category is not None:
        _check_category(session, garment.segmenter, category)
    correction = garment.correction or _new_correction(garment)
    if category is not None:
        correction.category = None if category == correction.seen else category
    if box is not None:
        drawn = fit_box(box, garment.photo)
        correction.new_box = None if _is_as_found(garment, drawn) else drawn
    if excluded is not None:
        correction.excluded = excluded
    correction.updated_at = func.now()
    session.add(correction)
    session.flush()
    apply_correction(garment, correction)
    _settle(session, garment.photo_id, [garment, *_apply_to_others(session, garment, correction)])
    return garment


def add_garment(session: Session, photo_id: int, category: str, box: Sequence[float]) -> Correction:
    """Note a garment that no segmenter saw; the workers cut it out and make its row.

    The same again changes nothing. Raises NotFoundError, InputError, and ConflictError for a photo
    that is not indexed.
    """
    photo = _hold_photo(session, photo_id)
    if photo.state is not PhotoState.INDEXED:
        raise ConflictError("Garments can be added once the photo is indexed.")
    _check_category(session, active_segmenter(), category)
    drawn = fit_box(box, photo)
    for known in corrections_of(session, photo_id):
        if known.seen is None and known.new_box == drawn and known.category == category:
            return known
    correction = Correction(photo_id=photo_id, box=drawn, new_box=drawn, category=category)
    correction.excluded = False
    session.add(correction)
    session.execute(delete(PhotoReview).where(PhotoReview.photo_id == photo_id))
    session.flush()
    request_recut(session, photo_id)
    return correction


def undo_correction(session: Session, garment_id: UUID) -> int:
    """Have a garment as it was found, and be in doubt again; returns its photo's id.

    A garment that a person added is gone. Raises NotFoundError without a correction.
    """
    garment = _hold_garment(session, garment_id)
    if garment.correction_id is None:
        raise NotFoundError("correction of garment", garment_id)
    return take_back(session, garment.correction_id)


def take_back(session: Session, correction_id: int) -> int:
    """The same by the correction, which may have no garment yet. Raises NotFoundError."""
    correction = session.get(Correction, correction_id)
    if correction is None:
        raise NotFoundError("correction", correction_id)
    photo_id = correction.photo_id
    _hold_photo(session, photo_id)
    mine = select(Garment).where(Garment.correction_id == correction_id)
    garments = session.scalars(mine.options(undefer(Garment.found))).all()
    drawn = [garment for garment in garments if garment.found is None]
    mark_deleted(session, [garment.id for garment in drawn])
    for garment in garments:
        if garment.found is None:
            session.delete(garment)
        else:
            _restore(garment, garment.found)
    session.flush()
    session.delete(correction)
    _settle(session, photo_id, [garment for garment in garments if garment not in drawn])
    return photo_id


def judge_photo(session: Session, photo_id: int, verdict: Verdict | None) -> None:
    """Remember what a person says of a photo as a whole; None takes that back.

    Only a failed photo can be ignored, and only one without garments shows none: ConflictError.
    """
    photo = _hold_photo(session, photo_id)
    failed = photo.state is PhotoState.FAILED
    if verdict is not None and failed is not (verdict is Verdict.IGNORED):
        raise ConflictError("The photo is not in that state any more: look at it again.")
    session.execute(delete(PhotoReview).where(PhotoReview.photo_id == photo_id))
    if verdict is not None:
        session.add(PhotoReview(photo_id=photo_id, verdict=verdict))
    session.flush()


def corrections_of(session: Session, photo_id: int) -> list[Correction]:
    """All that people have said of a photo's garments, in that order."""
    mine = select(Correction).where(Correction.photo_id == photo_id).order_by(Correction.id)
    return list(session.scalars(mine))


def match_corrections(
    corrections: Sequence[Correction], garments: Sequence[SeenT]
) -> list[tuple[Correction, SeenT]]:
    """Pair each correction with the garment that it is about, the surest pairs first."""
    return pair_best(corrections, garments, _likeness, SAME_GARMENT_IOU)


def apply_correction(garment: Garment, correction: Correction) -> None:
    """Make a garment what a person says it is; what was found is kept beside it."""
    if garment.correction is None:
        garment.found = {
            "category": garment.category,
            "box": list(garment.box),
            "mask": garment.mask,
        }
        garment.correction = correction
    found = garment.found or {"category": correction.drawn_category, "box": correction.box}
    garment.category = correction.category or found["category"]
    garment.excluded = correction.excluded
    _move(garment, correction.new_box or found["box"])


def fit_box(box: Sequence[float], photo: Photo) -> list[float]:
    """A drawn box in whole pixels inside its photo; raises InputError when it is none."""
    if len(box) != 4 or not all(math.isfinite(edge) for edge in box):
        raise InputError("A box has four numbers: left, top, right and bottom, in pixels.")
    limits = (photo.width, photo.height) * 2
    x0, y0, x1, y1 = (
        float(min(max(round(edge), 0), limit)) for edge, limit in zip(box, limits, strict=True)
    )
    if x1 - x0 < LEAST_SIDE_PX or y1 - y0 < LEAST_SIDE_PX:
        raise InputError(
            f"The box must be at least {LEAST_SIDE_PX} pixels wide and high, inside the photo,"
            f" which is {photo.width} x {photo.height} pixels."
        )
    return [x0, y0, x1, y1]


def _new_correction(garment: Garment) -> Correction:
    return Correction(
        photo_id=garment.photo_id,
        box=list(garment.box),
        seen=garment.category,
        excluded=garment.excluded,
    )


def _check_category(session: Session, segmenter: str | ScalarSelect[str], category: str) -> None:
    known = known_categories(session, segmenter)
    if category not in known:
        raise InputError(f"no category {category!r}; known are {', '.join(known)}")


def _is_as_found(garment: Garment, box: Sequence[float]) -> bool:
    """Numbers on a page are rounded: the box that was found comes back as whole pixels."""
    if garment.correction is not None and garment.found is None:
        return False
    found = garment.found["box"] if garment.found else garment.box
    return all(abs(ours - theirs) < 1 for ours, theirs in zip(found, box, strict=True))


def _apply_to_others(
    session: Session, garment: Garment, correction: Correction
) -> Iterable[Garment]:
    """What other segmenters saw of the same garment: those of an index that is being built, too."""
    others = session.scalars(
        select(Garment)
        .where(Garment.photo_id == garment.photo_id, Garment.segmenter != garment.segmenter)
        .order_by(Garment.segmenter, Garment.id)
        .options(undefer(Garment.found))
    ).all()
    for _, group in groupby(others, key=lambda other: other.segmenter):
        seen = list(group)
        mine = [other for other in seen if other.correction_id == correction.id]
        free = [other for other in seen if other.correction_id is None]
        for other in mine or [other for _, other in match_corrections([correction], free)]:
            apply_correction(other, correction)
            yield other


def _restore(garment: Garment, found: dict[str, Any]) -> None:
    garment.category = found["category"]
    garment.excluded = False
    garment.correction = None
    _move(garment, found["box"])
    if not garment.stale:
        garment.found = None


def _move(garment: Garment, box: Sequence[float]) -> None:
    if list(garment.box) != list(box):
        garment.box = list(box)
        garment.stale = True


def _settle(session: Session, photo_id: int, changed: Sequence[Garment]) -> None:
    """Tell the index, and the workers where something is to be cut anew."""
    session.flush()
    mark_dirty(session, [garment.id for garment in changed])
    if any(garment.stale for garment in changed):
        request_recut(session, photo_id)


def _hold_garment(session: Session, garment_id: UUID) -> Garment:
    """The garment as it is once its photo is locked: a worker may just be replacing it."""
    photo_id = session.scalar(select(Garment.photo_id).where(Garment.id == garment_id))
    if photo_id is not None:
        _hold_photo(session, photo_id)
    garment = session.scalars(
        select(Garment)
        .where(Garment.id == garment_id)
        .options(undefer(Garment.found))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if garment is None:
        raise NotFoundError("garment", garment_id)
    return garment


def _hold_photo(session: Session, photo_id: int) -> Photo:
    hold_generations(session)
    photo = session.get(
        Photo, photo_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if photo is None:
        raise NotFoundError("photo", photo_id)
    lock_items(session, (), [photo_id])
    return photo


def _likeness(correction: Correction, garment: Seen) -> float:
    """How much they overlap; a garment may be found where it was before, or where it was drawn.

    Of garments in nearly the same box the one is meant that is called what the person called it, or
    else what it was taken for.
    """
    boxes = [correction.box, *([correction.new_box] if correction.new_box else [])]
    overlap = max(box_iou(known, garment.box) for known in boxes)
    if overlap < SAME_GARMENT_IOU:
        return 0.0
    names = {correction.seen: _TAKEN_FOR, correction.category: _CALLED}
    return overlap + names.get(garment.category, 0.0)
