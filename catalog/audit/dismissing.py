"""What people say about groups of near-identical garments: that some are not the same, after all.

Called by the admin pages and the API. What is dismissed stays so in later audits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased, joinedload

from catalog.audit.duplicates import Pair, group_pairs, pair_of_json
from catalog.audit.findings import group_row
from catalog.errors import NotFoundError
from catalog.tables import DismissedPair, Finding, FindingKind, Item


@dataclass(frozen=True)
class Dismissed:
    """Two items that somebody has said to be different."""

    item: Item
    other: Item
    at: datetime


def dismiss(session: Session, finding_id: int, item_id: int | None = None) -> int:
    """Say that a group is of different items, or that one item is different from the others.

    Commits. What is left of the group stays a finding. Returns how many pairs were dismissed;
    raises NotFoundError.
    """
    finding = session.get(Finding, finding_id, with_for_update=True)
    if finding is None or finding.kind is not FindingKind.DUPLICATES:
        raise NotFoundError("group of near-identical garments", finding_id)
    pairs = [pair_of_json(stored) for stored in finding.detail["pairs"]]
    dismissed = [each for each in pairs if item_id in (None, each.item_id, each.other_id)]
    if not dismissed:
        raise NotFoundError("item in this group", item_id)
    _remember(session, dismissed)
    _replace(session, finding, [each for each in pairs if each not in dismissed])
    session.commit()
    return len(dismissed)


def restore(session: Session, item_id: int, other_id: int) -> None:
    """Take a dismissal back: the next audit names the pair again. Commits; raises NotFoundError."""
    gone = session.scalar(
        delete(DismissedPair)
        .where(DismissedPair.item_id == item_id, DismissedPair.other_id == other_id)
        .returning(DismissedPair.item_id)
    )
    if gone is None:
        raise NotFoundError("dismissed pair", f"{item_id} and {other_id}")
    session.commit()


def count_dismissed(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(DismissedPair)) or 0


def list_dismissed(session: Session, limit: int) -> list[Dismissed]:
    """The newest dismissals of items that are still there."""
    item, other = aliased(Item), aliased(Item)
    query = (
        select(item, other, DismissedPair.created_at)
        .join(item, item.id == DismissedPair.item_id)
        .join(other, other.id == DismissedPair.other_id)
        .options(joinedload(item.catalog), joinedload(other.catalog))
        .where(item.deleted_at.is_(None), other.deleted_at.is_(None))
        .order_by(DismissedPair.created_at.desc(), DismissedPair.item_id, DismissedPair.other_id)
        .limit(limit)
    )
    return [Dismissed(*row) for row in session.execute(query)]


def _remember(session: Session, pairs: Iterable[Pair]) -> None:
    rows = [{"item_id": pair.item_id, "other_id": pair.other_id} for pair in pairs]
    session.execute(insert(DismissedPair).values(rows).on_conflict_do_nothing())


def _replace(session: Session, finding: Finding, pairs: Sequence[Pair]) -> None:
    """The group falls into what still hangs together."""
    groups = group_pairs(pairs)
    job_id = finding.job_id
    session.delete(finding)
    session.flush()
    for group in groups:
        session.add(Finding(job_id=job_id, kind=FindingKind.DUPLICATES, **group_row(group)))
    session.flush()
