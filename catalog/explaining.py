"""Asks workers why two garments match, once for each pair, and forgets the answers in time.

Called by the pages and the API; the sweep drops what is old.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.errors import BusyError, ConflictError, NotFoundError, QueueUnavailableError
from catalog.queue import EXPLAIN_MATCH, INTERACTIVE, TaskQueue
from catalog.search.generations import active_generation
from catalog.tables import (
    Embedding,
    Explanation,
    ExplanationState,
    Generation,
    UploadGarment,
)

KEPT = timedelta(days=1)
"""How long an explanation is kept; those of a visitor's photo go with it."""

MAX_PENDING = 60
"""With so many on the queue no more are taken on: visitors' searches wait behind them."""

_LOST_AFTER = timedelta(seconds=30)
_FAILED_AGAIN_AFTER = timedelta(minutes=1)
_COUNTED_FOR = timedelta(minutes=5)
_AT_ONCE = 5000


def explain_garments(
    session: Session, queue: TaskQueue, garment_id: UUID, other_id: UUID
) -> Explanation:
    """Why two garments of the catalog match; pending until a worker has worked it out. Commits.

    Raises NotFoundError when one of them has no vector in the active index, BusyError,
    QueueUnavailableError.
    """
    generation = _active(session)
    _check_vectors(session, generation, {garment_id, other_id})
    key = {"garment_id": garment_id, "other_id": other_id, "embedder": generation.embedder}
    return _ask(session, queue, key)


def explain_found(
    session: Session, queue: TaskQueue, found: UploadGarment, other_id: UUID
) -> Explanation:
    """The same for a garment of a visitor's photo.

    Raises ConflictError, too, when the photo was seen by another embedder than the active one.
    """
    generation = _active(session)
    if found.embedder != generation.embedder:
        raise ConflictError("the index has changed since this photo was looked at; search again")
    _check_vectors(session, generation, {other_id})
    key = {"upload_garment_id": found.id, "other_id": other_id, "embedder": found.embedder}
    return _ask(session, queue, key)


def expire_explanations(session: Session) -> int:
    """Forget explanations that are older than `KEPT`; returns how many. Doesn't commit."""
    old = (
        select(Explanation.id)
        .where(Explanation.created_at < func.now() - KEPT)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    gone = session.scalars(
        delete(Explanation).where(Explanation.id.in_(old)).returning(Explanation.id),
        execution_options={"synchronize_session": False},
    )
    return len(gone.all())


def _active(session: Session) -> Generation:
    generation = active_generation(session)
    if generation is None:
        raise NotFoundError("active index", "yet")
    return generation


def _check_vectors(session: Session, generation: Generation, garment_ids: set[UUID]) -> None:
    present = set(
        session.scalars(
            select(Embedding.garment_id).where(
                Embedding.garment_id.in_(garment_ids), Embedding.embedder == generation.embedder
            )
        )
    )
    for garment_id in garment_ids - present:
        raise NotFoundError("garment with a vector in the active index", garment_id)


def _ask(session: Session, queue: TaskQueue, key: dict[str, Any]) -> Explanation:
    explanation_id = _claim(session, key)
    session.commit()
    if explanation_id is not None:
        _enqueue(session, queue, explanation_id)
    same = [getattr(Explanation, name) == value for name, value in key.items()]
    found = session.scalars(
        select(Explanation).where(*same).execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFoundError("explanation", key["other_id"])
    return found


def _claim(session: Session, key: dict[str, Any]) -> UUID | None:
    """The id of the explanation to put on the queue; None when it is done or on its way.

    Of many who ask at once only one gets it.
    """
    same = and_(*(getattr(Explanation, name) == value for name, value in key.items()))
    again = session.scalar(
        update(Explanation)
        .where(same, _is_due())
        .values(state=ExplanationState.PENDING, asked_at=func.now(), reason=None)
        .returning(Explanation.id),
        execution_options={"synchronize_session": False},
    )
    if again is not None or session.scalar(select(Explanation.id).where(same)) is not None:
        return again
    _refuse_when_busy(session)
    return session.scalar(
        insert(Explanation).values(**key).on_conflict_do_nothing().returning(Explanation.id)
    )


def _is_due() -> ColumnElement[bool]:
    """What was lost with its worker or broker, or failed for a reason that may have passed."""
    return or_(
        and_(
            Explanation.state == ExplanationState.PENDING,
            Explanation.asked_at < func.now() - _LOST_AFTER,
        ),
        and_(
            Explanation.state == ExplanationState.FAILED,
            Explanation.asked_at < func.now() - _FAILED_AGAIN_AFTER,
        ),
    )


def _refuse_when_busy(session: Session) -> None:
    waiting = select(Explanation.id).where(
        Explanation.state == ExplanationState.PENDING,
        Explanation.asked_at > func.now() - _COUNTED_FOR,
    )
    some = waiting.limit(MAX_PENDING).subquery()
    if (session.scalar(select(func.count()).select_from(some)) or 0) >= MAX_PENDING:
        raise BusyError("so many explanations are being worked out that no more are taken on now")


def _enqueue(session: Session, queue: TaskQueue, explanation_id: UUID) -> None:
    try:
        queue.enqueue(EXPLAIN_MATCH, str(explanation_id), queue=INTERACTIVE)
    except QueueUnavailableError:
        # Who asks next puts it on the queue, without waiting for it to count as lost.
        session.execute(delete(Explanation).where(Explanation.id == explanation_id))
        session.commit()
        raise
