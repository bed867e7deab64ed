"""Reads what the last audits have found, a page at a time; a page's last row is its cursor.

Called by the admin pages and the API.
"""

import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVarTuple
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session, joinedload

from catalog.audit.options import Part
from catalog.errors import InputError
from catalog.jobs import OPEN_STATES
from catalog.tables import Finding, FindingKind, Item, ItemView, Job, JobKind, JobState

Row = TypeVarTuple("Row")


class FewSort(enum.StrEnum):
    """In which order items with few look-alikes come."""

    VIEWED = "viewed"
    FEWEST = "fewest"


@dataclass(frozen=True)
class Few:
    """An item with few look-alikes."""

    finding: Finding
    item: Item
    views: int


def find_open_audit(session: Session) -> Job | None:
    """The audit that is waiting or running."""
    audits = select(Job).where(Job.kind == JobKind.AUDIT, Job.state.in_(OPEN_STATES))
    return session.scalars(audits).one_or_none()


def find_last_audit(session: Session) -> Job | None:
    """The newest audit, however it has ended."""
    audits = select(Job).where(Job.kind == JobKind.AUDIT)
    return session.scalar(audits.order_by(Job.created_at.desc(), Job.id).limit(1))


def find_report(session: Session, part: Part) -> Job | None:
    """The newest audit that has finished this part: its findings are what is known."""
    audits = select(Job).where(
        Job.kind == JobKind.AUDIT, Job.state == JobState.DONE, Job.result.has_key(part.value)
    )
    return session.scalar(audits.order_by(Job.finished_at.desc(), Job.id).limit(1))


def list_few(
    session: Session,
    job_id: UUID,
    sort: FewSort = FewSort.VIEWED,
    category: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> list[Few]:
    """Items with few look-alikes that are still on sale; raises InputError for a bad cursor."""
    views = func.coalesce(ItemView.views, 0)
    order = [-views, Finding.weight] if sort is FewSort.VIEWED else [Finding.weight, -views]
    query = (
        select(Finding, Item, views)
        .join(Item, Item.id == Finding.item_id)
        .outerjoin(ItemView, ItemView.item_id == Item.id)
        .options(joinedload(Item.catalog))
        .where(
            Finding.job_id == job_id,
            Finding.kind == FindingKind.COVERAGE,
            Item.deleted_at.is_(None),
        )
    )
    if category is not None:
        query = query.where(Finding.category == category)
    query = _page(query, (*order, Finding.id), cursor, limit)
    return [Few(*row) for row in session.execute(query)]


def few_cursor(few: Few, sort: FewSort) -> str:
    """What continues after this row."""
    order = (-few.views, few.finding.weight)
    return _cursor(*(order if sort is FewSort.VIEWED else order[::-1]), few.finding.id)


def count_few(session: Session, job_id: UUID) -> dict[str, int]:
    """How many of the items with few look-alikes each category of garments has."""
    query = (
        select(Finding.category, func.count())
        .join(Item, Item.id == Finding.item_id)
        .where(
            Finding.job_id == job_id,
            Finding.kind == FindingKind.COVERAGE,
            Finding.category.is_not(None),
            Item.deleted_at.is_(None),
        )
        .group_by(Finding.category)
        .order_by(Finding.category)
    )
    return {category or "": count for category, count in session.execute(query)}


def list_groups(
    session: Session,
    job_id: UUID,
    same_photo: bool | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Sequence[Finding]:
    """Groups of items with near-identical garments, the most alike first."""
    query = select(Finding).where(Finding.job_id == job_id, Finding.kind == FindingKind.DUPLICATES)
    if same_photo is not None:
        query = query.where(Finding.detail["same_photo"].as_boolean() == same_photo)
    query = _page(query, (-Finding.weight, Finding.id), cursor, limit)
    return session.scalars(query).all()


def group_cursor(finding: Finding) -> str:
    return _cursor(-finding.weight, finding.id)


def count_groups(session: Session, job_id: UUID) -> dict[bool, int]:
    """How many groups share a photo and how many do not."""
    shared = Finding.detail["same_photo"].as_boolean()
    query = select(shared, func.count()).where(
        Finding.job_id == job_id, Finding.kind == FindingKind.DUPLICATES
    )
    return dict(session.execute(query.group_by(shared)).all())


def list_differences(
    session: Session, job_id: UUID, cursor: str | None = None, limit: int = 50
) -> Sequence[Finding]:
    """What differs between the stores."""
    query = select(Finding).where(Finding.job_id == job_id, Finding.kind == FindingKind.INDEX)
    return session.scalars(_page(query, (Finding.id,), cursor, limit)).all()


def difference_cursor(finding: Finding) -> str:
    return _cursor(finding.id)


def load_shown_items(session: Session, ids: Collection[int]) -> dict[int, Item]:
    """The items that groups name, those that are gone left out."""
    query = select(Item).where(Item.id.in_(ids), Item.deleted_at.is_(None))
    return {item.id: item for item in session.scalars(query.options(joinedload(Item.catalog)))}


def _page(
    query: Select[*Row], order: Sequence[Any], cursor: str | None, limit: int
) -> Select[*Row]:
    """The rows after the cursor, in this order."""
    if cursor:
        query = query.where(tuple_(*order) > tuple_(*_read_cursor(cursor, len(order))))
    return query.order_by(*order).limit(limit)


def _cursor(*values: float) -> str:
    return "_".join(repr(value) for value in values)


def _read_cursor(cursor: str, size: int) -> list[float]:
    """Numbers of the last row; ids are whole."""
    try:
        *first, last = cursor[:200].split("_")
        values = [*(float(text) for text in first), int(last)]
    except ValueError:
        values = []
    if len(values) != size or not all(abs(value) < 2**62 for value in values):
        raise InputError("The cursor is not one that was given out.")
    return values
