"""Keeps what audits find: a bounded number of each kind, each thing once.

Called by the worker that audits and by the tidying; `catalog.audit.reports` reads. Nothing here
commits.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.audit.duplicates import (
    Group,
    Pair,
    drop_dismissed,
    group_pairs,
    pair_as_json,
    pair_of_json,
)
from catalog.audit.items import AuditedItem
from catalog.check import Report
from catalog.tables import Finding, FindingKind, Job, JobKind, JobState

MOST_DIFFERENCES = 1000
"""Kept of each kind of difference; the job's result has the true number, here as below."""
MOST_FEW = 50_000
MOST_PAIRS = 100_000

_BATCH = 1000


def keep_differences(session: Session, job_id: UUID, report: Report) -> None:
    """What differs between the stores."""
    rows = [
        {
            "key": f"{kind.name.lower()}:{key}",
            "detail": {"difference": kind.name.lower(), "of": key},
        }
        for kind, keys in report.found.items()
        for key in keys[:MOST_DIFFERENCES]
    ]
    _insert(session, job_id, FindingKind.INDEX, rows)


def keep_few(
    session: Session, job_id: UUID, items: Sequence[AuditedItem], found: Mapping[int, int]
) -> None:
    """Items with few look-alikes: `found` says how few, by id."""
    rows = [
        {
            "key": str(item.id),
            "item_id": item.id,
            "category": item.category,
            "weight": found[item.id],
            "detail": {"found": found[item.id], "reason": "few" if item.garments else "unseen"},
        }
        for item in items
        if item.id in found
    ]
    _insert(session, job_id, FindingKind.COVERAGE, rows)


def keep_pairs(session: Session, job_id: UUID, pairs: Sequence[Pair]) -> None:
    """Pairs as they are found; a pair that is there keeps its better score."""
    rows = [
        {
            "key": pair.key,
            "category": pair.category,
            "weight": pair.score,
            "detail": pair_as_json(pair),
        }
        for pair in pairs
    ]
    _insert(session, job_id, FindingKind.PAIR, rows)


def gather_pairs(session: Session, job_id: UUID) -> list[Group]:
    """Turn the pairs of an audit, without those that were dismissed, into groups."""
    stored = select(Finding.detail).where(
        Finding.job_id == job_id, Finding.kind == FindingKind.PAIR
    )
    pairs = [pair_of_json(detail) for detail in session.scalars(stored)]
    groups = group_pairs(drop_dismissed(session, pairs))
    drop_findings(session, job_id, [FindingKind.PAIR])
    _insert(session, job_id, FindingKind.DUPLICATES, [group_row(group) for group in groups])
    return groups


def group_row(group: Group) -> dict[str, Any]:
    """The columns of a group's finding."""
    return {
        "key": str(group.items[0]),
        "category": group.best.category,
        "weight": group.best.score,
        "detail": {
            "items": list(group.items),
            "size": group.size,
            "same_photo": any(pair.same_photo for pair in group.pairs),
            "pairs": [pair_as_json(pair) for pair in group.pairs],
        },
    }


def drop_findings(session: Session, job_id: UUID, kinds: Iterable[FindingKind]) -> None:
    session.execute(
        delete(Finding).where(Finding.job_id == job_id, Finding.kind.in_(list(kinds))),
        execution_options={"synchronize_session": False},
    )


def drop_earlier_findings(session: Session, job_id: UUID, kinds: Iterable[FindingKind]) -> None:
    """What this audit has looked at anew makes the findings of all others stale."""
    session.execute(
        delete(Finding).where(Finding.job_id != job_id, Finding.kind.in_(list(kinds))),
        execution_options={"synchronize_session": False},
    )


def drop_abandoned_findings(session: Session) -> None:
    """What audits have left that were cancelled or failed: no report ever names it."""
    ended = [JobState.CANCELLED, JobState.FAILED]
    abandoned = select(Job.id).where(Job.kind == JobKind.AUDIT, Job.state.in_(ended))
    session.execute(
        delete(Finding).where(Finding.job_id.in_(abandoned)),
        execution_options={"synchronize_session": False},
    )


def _insert(
    session: Session, job_id: UUID, kind: FindingKind, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Add rows; one that is there is replaced unless it weighs more."""
    for start in range(0, len(rows), _BATCH):
        part = [
            {"job_id": job_id, "kind": kind, "weight": 0.0, "item_id": None, "category": None} | row
            for row in map(dict, rows[start : start + _BATCH])
        ]
        statement = insert(Finding).values(part)
        changed = {name: statement.excluded[name] for name in ("weight", "category", "detail")}
        session.execute(
            statement.on_conflict_do_update(
                index_elements=[Finding.job_id, Finding.kind, Finding.key],
                set_=changed,
                where=statement.excluded.weight >= Finding.weight,
            )
        )
