"""The gate: what must hold before a new generation serves. One definition for all who switch.

Called by the worker that has filled it, by `catalog.operations` and by the pages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.search.generations import belonging_without_entry, is_behind
from catalog.tables import Comparison, Generation, Job, JobKind

MIN_SELF_MATCH = 0.98
"""At least this share of sampled garments must find themselves in the new collection."""
MIN_KEPT = 0.8
"""At least this share of the old collection's count must be in the new one.

Another segmenter may well find a few garments fewer; where a fifth is gone, photos could not be
read or the models are no good, and a person has to look.
"""


@dataclass(frozen=True)
class Check:
    """One condition: what is asked, what was found, and what speaks against the switch if any."""

    question: str
    found: str
    objection: str | None = None

    @property
    def passed(self) -> bool:
        return self.objection is None


@dataclass(frozen=True)
class Gate:
    """All conditions for one generation; `missing` garments are not in it yet."""

    checks: list[Check]
    missing: int
    comparison: Comparison | None

    @property
    def holds(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def objections(self) -> list[str]:
        return [check.objection for check in self.checks if check.objection]


def judge(session: Session, generation: Generation) -> Gate:
    """The gate of a generation that is being built, by what was compared last."""
    missing = count_missing(session, generation)
    comparison = session.get(Comparison, generation.id)
    checks = [_is_complete(missing)]
    if comparison is None:
        checks.append(Check("Compared with the index that serves?", "not yet", "not compared yet"))
    else:
        checks += check_report(comparison.report, max_changed_of(job_of(session, generation)))
    return Gate(checks, missing, comparison)


def check_report(report: Mapping[str, Any], max_changed: float | None = None) -> list[Check]:
    """The conditions that a comparison answers; `max_changed` None lets any change pass."""
    return [_counts_agree(report), _finds_itself(report), _little_changed(report, max_changed)]


def find_objections(report: Mapping[str, Any], max_changed: float | None = None) -> list[str]:
    """Why the compared generation must not serve before a person has looked; none when it may."""
    return [c.objection for c in check_report(report, max_changed) if c.objection]


def count_missing(session: Session, generation: Generation) -> int:
    """Garments that its collection still has to learn about, marked for it or not."""
    without_entry = select(func.count()).select_from(belonging_without_entry(generation).subquery())
    return is_behind(session, generation) + (session.scalar(without_entry) or 0)


def job_of(session: Session, generation: Generation) -> Job | None:
    """The re-index that has built it."""
    built = select(Job).where(Job.kind == JobKind.REINDEX, Job.generation_id == generation.id)
    return session.scalar(built.order_by(Job.created_at.desc()).limit(1))


def max_changed_of(job: Job | None) -> float | None:
    """The share of changed neighbours that the job's owner lets pass; None for any."""
    value = job.parameters.get("max_changed") if job else None
    return None if value is None else float(value)


def _is_complete(missing: int) -> Check:
    found = f"{missing:,} garments are missing" if missing else "nothing is behind"
    return Check("Is it complete?", found, found if missing else None)


def _counts_agree(report: Mapping[str, Any]) -> Check:
    old, new = report["old_count"], report["new_count"]
    few = new < MIN_KEPT * old
    return Check(
        f"Does it hold at least {MIN_KEPT:.0%} as many garments?",
        f"{new:,} now, {old:,} in the index that serves",
        f"{new} garments where the old index has {old}" if few else None,
    )


def _finds_itself(report: Mapping[str, Any]) -> Check:
    share, sampled = report["self_match"], report["sampled"]
    objection = None
    if report["old_count"] and not sampled:
        objection = "no garment could be compared"
    elif share < MIN_SELF_MATCH:
        objection = "too few garments find themselves"
    found = f"{share:.1%} of {sampled:,} sampled" if sampled else "none could be sampled"
    return Check(f"Do at least {MIN_SELF_MATCH:.0%} of garments find themselves?", found, objection)


def _little_changed(report: Mapping[str, Any], max_changed: float | None) -> Check:
    changed, items = report.get("changed_items"), report.get("compared_items", 0)
    found = "no item could be compared" if changed is None else f"{changed:.0%} over {items} items"
    if max_changed is None:
        return Check("Have few neighbours changed?", f"{found}; no limit is set")
    objection = None
    if changed is None and report["old_count"]:
        objection = "no item's neighbours could be compared"
    elif changed is not None and changed > max_changed:
        objection = f"{changed:.0%} of neighbours changed, at most {max_changed:.0%} may"
    return Check(f"Have at most {max_changed:.0%} of neighbours changed?", found, objection)
