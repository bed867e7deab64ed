"""Boxes that people drew and that are not cut out yet: who must cut what, and saving it.

A request is a row of `Recut`, one for each photo; what there is to cut follows from garments and
corrections. Called by corrections, by the workers' `recut_photo` and by the sweep. Nothing commits.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import CompoundSelect, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased, undefer

from catalog.errors import QueueUnavailableError
from catalog.queue import INTERACTIVE, RECUT_PHOTO, TaskQueue
from catalog.search.outbox import mark_dirty
from catalog.summaries import active_segmenter
from catalog.tables import (
    Correction,
    Embedding,
    Explanation,
    Garment,
    Photo,
    PhotoState,
    Recut,
    Role,
)

if TYPE_CHECKING:
    from catalog.garments import NewGarment

_AT_ONCE = 500

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cut:
    """One box to cut out of a photo for one segmenter."""

    segmenter: str
    category: str
    score: float
    box: tuple[float, float, float, float]
    garment_id: UUID | None
    """None where a person drew what this segmenter has not seen: the garment is to be made."""
    correction_id: int | None
    mask: Mapping[str, Any] | None = None
    """The mask that was found in this very box, after an undo; otherwise it is to be looked for."""


def request_recut(session: Session, photo_id: int) -> None:
    """Have a photo's drawn boxes cut out, also where earlier tries were given up."""
    request = insert(Recut).values(photo_id=photo_id)
    anew = {"attempts": 0, "enqueued_at": None, "reason": None}
    session.execute(request.on_conflict_do_update(index_elements=[Recut.photo_id], set_=anew))


def request_lacking(session: Session, photo_id: int, segmenter: str) -> None:
    """The same where this segmenter's garments do not follow what people drew in the photo."""
    lacking = _lacking(segmenter).subquery()
    if session.scalar(select(exists().where(lacking.c.photo_id == photo_id))):
        request_recut(session, photo_id)


def reopen_recuts(session: Session) -> None:
    """Request what the serving segmenter's garments lack: a switch or a rollback brings it up."""
    lacking = _lacking(active_segmenter()).subquery()
    photos = (
        select(Photo.id)
        .join(lacking, lacking.c.photo_id == Photo.id)
        .where(Photo.state == PhotoState.INDEXED)
    )
    session.execute(insert(Recut).from_select(["photo_id"], photos).on_conflict_do_nothing())


def find_due(session: Session, stale_after_s: float, max_attempts: int) -> list[int]:
    """Photos whose task was never enqueued, or was lost, at its last attempt too: a person must
    learn of that.
    """
    lost = func.now() - timedelta(seconds=stale_after_s)
    due = (
        select(Recut.photo_id)
        .join(Photo, Photo.id == Recut.photo_id)
        .where(
            Photo.state == PhotoState.INDEXED,
            or_(Recut.attempts < max_attempts, Recut.reason.is_(None)),
            or_(Recut.enqueued_at.is_(None), Recut.enqueued_at < lost),
        )
    )
    return list(session.scalars(due.order_by(Recut.photo_id).limit(_AT_ONCE)))


def requested_among(session: Session, photo_ids: Collection[int]) -> list[int]:
    """Those of the photos that somebody has yet to cut and has not begun with."""
    mine = select(Recut.photo_id).where(Recut.photo_id.in_(photo_ids), Recut.attempts == 0)
    return list(session.scalars(mine.order_by(Recut.photo_id)))


def enqueue_recuts(queue: TaskQueue, session: Session, photo_ids: Sequence[int]) -> None:
    """Enqueue photos after the commit that requested them, note when, commit.

    With the broker away they wait for the sweep.
    """
    sent: list[int] = []
    try:
        for photo_id in photo_ids:
            queue.enqueue(RECUT_PHOTO, photo_id, queue=INTERACTIVE)
            sent.append(photo_id)
    except QueueUnavailableError as error:
        _log.warning("%d photos wait for the sweep to be cut anew: %s", len(photo_ids), error)
    if sent:
        _note(session, sent, enqueued_at=func.now())
        session.commit()


def begin_recut(session: Session, photo_id: int, max_attempts: int) -> bool:
    """Count an attempt; False when there is nothing to do. The caller commits before it works.

    What has taken its worker down at each attempt is given up, with the reason noted.
    """
    request = session.get(Recut, photo_id, with_for_update=True)
    if request is None:
        return False
    if request.attempts >= max_attempts:
        request.reason = request.reason or f"given up: {request.attempts} workers have died over it"
        return False
    request.attempts += 1
    request.enqueued_at = func.now()
    return True


def note_failure(
    session: Session, photo_id: int, reason: str | None, max_attempts: int | None = None
) -> None:
    """Say why a photo could not be cut; with `max_attempts` it is not tried again by itself."""
    values: dict[str, Any] = {"reason": reason}
    if max_attempts is not None:
        values["attempts"] = max_attempts
    _note(session, [photo_id], **values)


def uncount(session: Session, photo_id: int, reason: str | None = None) -> None:
    """A part that was away is no fault of the photo's."""
    _note(session, [photo_id], attempts=func.greatest(Recut.attempts - 1, 0), reason=reason)


def find_cuts(
    session: Session, photo_id: int, segmenters: Sequence[str], looked: Collection[str]
) -> list[Cut]:
    """What is to be cut for these segmenters, the first of which serves.

    A garment that nobody has seen is made only for segmenters that have looked at the photo: the
    serving one, those named in `looked`, and those with other garments there.
    """
    photo = session.get(Photo, photo_id)
    if photo is None or photo.state is not PhotoState.INDEXED:
        return []
    garments = session.scalars(
        select(Garment)
        .where(Garment.photo_id == photo_id, Garment.segmenter.in_(segmenters))
        .order_by(Garment.id)
        .options(undefer(Garment.found))
    ).all()
    ready = {*segmenters[:1], *looked, *(garment.segmenter for garment in garments)}
    drawn = session.scalars(
        select(Correction).where(Correction.photo_id == photo_id, *_drawn()).order_by(Correction.id)
    ).all()
    made = {(garment.segmenter, garment.correction_id) for garment in garments}
    missing = [
        _to_make(segmenter, correction)
        for segmenter in segmenters
        if segmenter in ready
        for correction in drawn
        if (segmenter, correction.id) not in made
    ]
    return [_to_cut(garment) for garment in garments if garment.stale] + missing


def save_cut(
    session: Session,
    photo_id: int,
    cut: Cut,
    new: "NewGarment",
    vectors: Mapping[str, NDArray[np.float32]],
    *,
    boxed: bool,
) -> UUID | None:
    """Store a cut with its vectors by embedder; None when it is not asked for any more.

    The caller holds generations, photo and items, and calls `assign_roles` afterwards.
    """
    garment = _find_or_make(session, photo_id, cut)
    if garment is None:
        return None
    garment.mask, garment.outline, garment.crop = new.mask, new.outline, new.crop
    garment.colours, garment.boxed, garment.stale = new.colours, boxed, False
    garment.crop_version = (garment.crop_version or 0) + 1
    if garment.correction_id is None:
        garment.found = None
    session.add(garment)
    session.flush()
    values = [
        {"garment_id": garment.id, "embedder": embedder, "vector": vector}
        for embedder, vector in vectors.items()
    ]
    upsert = insert(Embedding).values(values)
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=[Embedding.garment_id, Embedding.embedder],
            set_={"vector": upsert.excluded.vector},
        )
    )
    forget_explanations(session, [garment.id])
    mark_dirty(session, [garment.id])
    return garment.id


def forget_explanations(session: Session, garment_ids: Collection[UUID]) -> None:
    """Why garments matched said their former crops: asked again, the new ones tell."""
    about = or_(Explanation.garment_id.in_(garment_ids), Explanation.other_id.in_(garment_ids))
    session.execute(
        delete(Explanation).where(about), execution_options={"synchronize_session": False}
    )


def settle_recut(
    session: Session, photo_id: int, segmenters: Sequence[str], looked: Collection[str]
) -> None:
    """Forget the request when nothing is left to cut."""
    if not find_cuts(session, photo_id, segmenters, looked):
        session.execute(delete(Recut).where(Recut.photo_id == photo_id))


def _find_or_make(session: Session, photo_id: int, cut: Cut) -> Garment | None:
    if cut.garment_id is not None:
        garment = session.get(Garment, cut.garment_id, populate_existing=True)
        wanted = garment is not None and garment.stale and tuple(garment.box) == cut.box
        return garment if wanted else None
    wanted_still = select(Correction).where(
        Correction.id == cut.correction_id, *_drawn(), _unmade(cut.segmenter)
    )
    correction = session.scalars(wanted_still).one_or_none()
    if correction is None or tuple(correction.new_box or ()) != cut.box:
        return None
    return Garment(
        photo_id=photo_id,
        segmenter=cut.segmenter,
        category=correction.drawn_category,
        score=cut.score,
        box=list(cut.box),
        role=Role.WORN_WITH,
        excluded=False,
        correction_id=correction.id,
    )


def _to_cut(garment: Garment) -> Cut:
    found = garment.found
    same = found is not None and list(found["box"]) == list(garment.box)
    return Cut(
        segmenter=garment.segmenter,
        category=garment.category,
        score=garment.score,
        box=_corners(garment.box),
        garment_id=garment.id,
        correction_id=garment.correction_id,
        mask=found["mask"] if found is not None and same else None,
    )


def _to_make(segmenter: str, correction: Correction) -> Cut:
    assert correction.new_box is not None, "only drawn ones are asked for"
    return Cut(
        segmenter=segmenter,
        category=correction.drawn_category,
        score=1.0,
        box=_corners(correction.new_box),
        garment_id=None,
        correction_id=correction.id,
    )


def _corners(box: Sequence[float]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = box
    return x0, y0, x1, y1


def _lacking(segmenter: Any) -> CompoundSelect[int]:
    """Photos in which something is to be made or to be cut anew for a segmenter, each once."""
    missing = select(Correction.photo_id).where(*_drawn(), _unmade(segmenter))
    stale = select(Garment.photo_id).where(Garment.stale, Garment.segmenter == segmenter)
    return missing.union(stale)


def _drawn() -> tuple[Any, ...]:
    """Corrections that a garment has to exist for, whatever a segmenter sees."""
    named = or_(Correction.category.is_not(None), Correction.seen.is_not(None))
    return Correction.new_box.is_not(None), Correction.excluded.is_(False), named


def _unmade(segmenter: Any) -> Any:
    made = aliased(Garment)
    return ~exists().where(made.correction_id == Correction.id, made.segmenter == segmenter)


def _note(session: Session, photo_ids: Sequence[int], **values: Any) -> None:
    session.execute(update(Recut).where(Recut.photo_id.in_(photo_ids)).values(**values))
