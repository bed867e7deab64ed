"""Remembers the first answer to a write, so that the same call again does nothing twice.

Called by the API for writes with an `Idempotency-Key`, and by the tidying. The semantics are those
of the IETF's draft-ietf-httpapi-idempotency-key-header.
"""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.errors import ConflictError, InputError
from catalog.tables import IdempotentAnswer

KEPT_FOR = timedelta(hours=24)
_GIVEN_UP_AFTER = timedelta(minutes=2)
"""Longer than any request may take: whoever had the key then has died over it."""


class KeyInUseError(ConflictError):
    """The first call with this key is still being answered."""


def claim_key(
    session: Session, token_id: int, key: str, request: str, request_hash: str
) -> tuple[int, IdempotentAnswer | None]:
    """Take a key: its row's id and, when the call was answered before, that answer. Commits.

    Raises KeyInUseError while the first call is being answered, InputError when the key was used
    for another call.
    """
    mine = IdempotentAnswer.token_id == token_id, IdempotentAnswer.key == key
    session.execute(
        delete(IdempotentAnswer).where(*mine, IdempotentAnswer.created_at < func.now() - KEPT_FOR)
    )
    added = session.scalar(
        insert(IdempotentAnswer)
        .values(token_id=token_id, key=key, request=request, request_hash=request_hash)
        .on_conflict_do_nothing(index_elements=["token_id", "key"])
        .returning(IdempotentAnswer.id)
    )
    session.commit()
    if added is not None:
        return added, None
    return _find_answer(
        session, session.scalar(select(IdempotentAnswer).where(*mine)), request_hash
    )


def keep_answer(
    session: Session, answer_id: int, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    """Keep what was answered under a key. Commits."""
    session.execute(
        update(IdempotentAnswer)
        .where(IdempotentAnswer.id == answer_id)
        .values(status=status, headers=dict(headers), body=body)
    )
    session.commit()


def release_key(session: Session, answer_id: int) -> None:
    """Give a key back unanswered: the same call may be tried again. Commits."""
    session.execute(delete(IdempotentAnswer).where(IdempotentAnswer.id == answer_id))
    session.commit()


def forget_answers(session: Session) -> None:
    """Drop answers that are past their time. Doesn't commit."""
    session.execute(
        delete(IdempotentAnswer).where(IdempotentAnswer.created_at < func.now() - KEPT_FOR)
    )


def _find_answer(
    session: Session, found: IdempotentAnswer | None, request_hash: str
) -> tuple[int, IdempotentAnswer | None]:
    if found is not None and found.request_hash != request_hash:
        raise InputError("This Idempotency-Key was sent with another request: use a new one.")
    if found is not None and found.status is not None:
        return found.id, found
    if found is None or not _take_over(session, found.id):
        raise KeyInUseError("The first request with this Idempotency-Key is still being answered.")
    return found.id, None


def _take_over(session: Session, answer_id: int) -> bool:
    taken = session.scalar(
        update(IdempotentAnswer)
        .where(
            IdempotentAnswer.id == answer_id,
            IdempotentAnswer.status.is_(None),
            IdempotentAnswer.created_at < func.now() - _GIVEN_UP_AFTER,
        )
        .values(created_at=func.now())
        .returning(IdempotentAnswer.id)
    )
    session.commit()
    return taken is not None
