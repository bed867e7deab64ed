"""What a reviewer does, for the review page and the API: accept, correct, exclude, add, undo.

Each function commits, and enqueues only then. Items' summaries follow in the same transaction.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.corrections import (
    add_garment,
    correct_garment,
    judge_photo,
    take_back,
    undo_correction,
)
from catalog.errors import NotFoundError
from catalog.item_words import ShopWords
from catalog.queue import TaskQueue
from catalog.recuts import enqueue_recuts, request_recut, requested_among
from catalog.roles import assign_roles
from catalog.tables import Correction, Photo, Recut, Verdict


def correct(
    session: Session,
    queue: TaskQueue,
    garment_id: UUID,
    *,
    category: str | None = None,
    box: Sequence[float] | None = None,
    excluded: bool | None = None,
    words: ShopWords | None = None,
) -> None:
    """Change one garment; with nothing to change it is only accepted."""
    garment = correct_garment(session, garment_id, category, box, excluded)
    _finish(session, queue, garment.photo_id, words)


def accept(
    session: Session, queue: TaskQueue, garment_id: UUID, words: ShopWords | None = None
) -> None:
    """A garment is right as it is seen, and one to recommend."""
    correct(session, queue, garment_id, excluded=False, words=words)


def undo(
    session: Session, queue: TaskQueue, garment_id: UUID, words: ShopWords | None = None
) -> None:
    """Take back all that was said of a garment."""
    _finish(session, queue, undo_correction(session, garment_id), words)


def take_back_added(
    session: Session, queue: TaskQueue, correction_id: int, words: ShopWords | None = None
) -> None:
    """Take back a garment that was added and that nobody has cut out yet."""
    _finish(session, queue, take_back(session, correction_id), words)


def add(
    session: Session,
    queue: TaskQueue,
    sha256: str,
    category: str,
    box: Sequence[float],
    words: ShopWords | None = None,
) -> Correction:
    """Add a garment to a photo; its row follows when a worker has cut it out."""
    photo_id = _photo_id(session, sha256)
    correction = add_garment(session, photo_id, category, box)
    _finish(session, queue, photo_id, words)
    return correction


def judge(
    session: Session,
    queue: TaskQueue,
    sha256: str,
    verdict: Verdict | None,
    words: ShopWords | None = None,
) -> None:
    """Say of a whole photo that nothing is to be done about it, or take that back."""
    photo_id = _photo_id(session, sha256)
    judge_photo(session, photo_id, verdict)
    _finish(session, queue, photo_id, words)


def retry_cut(session: Session, queue: TaskQueue, sha256: str) -> None:
    """Have a photo cut again that was given up; raises NotFoundError when none waits."""
    photo_id = _photo_id(session, sha256)
    if session.get(Recut, photo_id) is None:
        raise NotFoundError("photo that waits to be cut", sha256)
    request_recut(session, photo_id)
    session.commit()
    enqueue_recuts(queue, session, [photo_id])


def _finish(session: Session, queue: TaskQueue, photo_id: int, words: ShopWords | None) -> None:
    assign_roles(session, [photo_id], words)
    requested = requested_among(session, [photo_id])
    session.commit()
    if requested:
        enqueue_recuts(queue, session, requested)


def _photo_id(session: Session, sha256: str) -> int:
    photo_id = session.scalar(select(Photo.id).where(Photo.sha256 == sha256))
    if photo_id is None:
        raise NotFoundError("photo", sha256)
    return photo_id
