"""Photos whose bytes are gone from the image store, and their way back.

Called by the API that takes photos in; the workers and `lookalike check` find them.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from catalog.tables import Photo, PhotoState

BYTES_LOST = "its bytes are not in the image store; upload it again"
"""The reason of a failed photo that the next ingest of its feed sends anew."""


def find_missing(session: Session, hashes: Sequence[str]) -> list[str]:
    """Which of these SHA-256 the server needs the bytes of, in the order given."""
    there = select(Photo.sha256).where(Photo.sha256.in_(hashes), ~_is_lost())
    known = set(session.scalars(there))
    return [sha256 for sha256 in hashes if sha256 not in known]


def revive_photo(session: Session, sha256: str) -> None:
    """Have a photo indexed whose bytes were lost and are back; any other stays as it is."""
    session.execute(
        update(Photo)
        .where(Photo.sha256 == sha256, _is_lost())
        .values(state=PhotoState.PENDING, attempts=0, reason=None, claimed_by=None, claimed_at=None)
    )


def _is_lost() -> ColumnElement[bool]:
    return (Photo.state == PhotoState.FAILED) & Photo.reason.is_not_distinct_from(BYTES_LOST)
