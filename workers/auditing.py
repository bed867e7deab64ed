"""Audits: looks for what is wrong with the index and the catalog, a page of items at a time.

Called by `workers.background`. Where an audit is stands in its job's result, so that it goes on
there after other work has had its turn, or after its worker has died.
"""

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from catalog.audit.coverage import count_look_alikes
from catalog.audit.duplicates import find_pairs
from catalog.audit.findings import (
    MOST_FEW,
    MOST_PAIRS,
    drop_earlier_findings,
    drop_findings,
    gather_pairs,
    keep_differences,
    keep_few,
    keep_pairs,
)
from catalog.audit.items import AuditedItem, count_items, load_items
from catalog.audit.options import AuditOptions, Part
from catalog.check import Report, check, repair
from catalog.errors import IndexUnavailableError, NotFoundError
from catalog.jobs import log_job
from catalog.search.generations import active_generation
from catalog.tables import FindingKind, Generation, Job
from workers.run import Run

_ITEMS = 100
"""At a time: some hundreds of queries in one request to the index."""

Place = dict[str, Any]
"""The results of the parts that are done, and how far the others are."""

_KINDS = {
    Part.INDEX: FindingKind.INDEX,
    Part.COVERAGE: FindingKind.COVERAGE,
    Part.DUPLICATES: FindingKind.DUPLICATES,
}


def audit(run: Run) -> dict[str, Any] | None:
    """Look at what the job's parameters ask for; None when there is more to look at."""
    options = AuditOptions.model_validate(run.parameters)
    place = dict(run.result)
    if place.pop("concluded", False):  # its worker died before it could say so
        return place
    if Part.INDEX in options.parts and Part.INDEX not in place:
        place[Part.INDEX] = _compare_stores(run, options)
        _keep_place(run, place)
    while options.scans_items and "scanned" not in place:
        if run.is_over:
            return None
        _scan_some(run, options, place)
    return _conclude(run, options, place)


def _compare_stores(run: Run, options: AuditOptions) -> dict[str, Any]:
    services = run.resources.services
    run.advance(0, _steps(run, options))
    report = check(services)
    found = _differences(report)
    repaired = options.repair and not report.is_clean
    if repaired:
        run.advance(0)
        repair(services, report)
        report = check(services)
    with services.sessions.begin() as session:
        keep_differences(session, run.job_id, report)
        if repaired:
            listed = ", ".join(f"{name} {count:,}" for name, count in found.items())
            log_job(session, run.job_id, "info", f"repaired: {listed}")
    return {
        "photos": report.photos,
        "garments": report.garments,
        "behind": report.behind,
        "differences": _differences(report),
        "collections": report.collections,
        **({"repaired": found} if repaired else {}),
    }


def _differences(report: Report) -> dict[str, int]:
    return {kind.name.lower(): len(keys) for kind, keys in report.found.items()}


def _scan_some(run: Run, options: AuditOptions, place: Place) -> None:
    """The next page of items: what is found and the new place are saved together."""
    services = run.resources.services
    with services.sessions.begin() as session:
        generation = active_generation(session)
        scan = _begin_scan(session, run, place, generation)
        items = load_items(session, generation, scan["after"], _ITEMS) if generation else []
        if generation and items:
            _look_at(session, run, options, generation, items, scan)
        place["scan"] = scan
        if not items:
            place["scanned"] = True
        _store_place(session, run, place)
    checked = int(Part.INDEX in options.parts)
    run.advance(checked + scan["items"], _steps(run, options))


def _begin_scan(
    session: Session, run: Run, place: Place, generation: Generation | None
) -> dict[str, Any]:
    """Where the scan is; it begins anew when another generation serves by now."""
    id_ = generation.id if generation else None
    scan: dict[str, Any] = dict(place.get("scan", {}))
    if not scan or scan["generation"] != id_:
        drop_findings(session, run.job_id, [FindingKind.COVERAGE, FindingKind.PAIR])
        counts = {"items": 0, "few": 0, "none": 0, "unseen": 0, "pairs": 0}
        scan = {"generation": id_, "after": 0, **counts}
    return scan


def _look_at(
    session: Session,
    run: Run,
    options: AuditOptions,
    generation: Generation,
    items: list[AuditedItem],
    scan: dict[str, Any],
) -> None:
    index = run.resources.services.index
    try:
        if Part.COVERAGE in options.parts:
            counted = count_look_alikes(session, index, generation, items, options)
            few = {item_id: number for item_id, number in counted.items() if number < options.few}
            if scan["few"] < MOST_FEW:
                keep_few(session, run.job_id, items, few)
            unseen = sum(not item.garments for item in items)
            scan["few"] += len(few)
            scan["unseen"] += unseen
            scan["none"] += sum(number == 0 for number in few.values()) - unseen
        if Part.DUPLICATES in options.parts and scan["pairs"] < MOST_PAIRS:
            pairs = find_pairs(session, index, generation, items, options)
            keep_pairs(session, run.job_id, pairs)
            scan["pairs"] += len(pairs)
    except NotFoundError as error:
        # It was lost or dropped this moment; the next sync fills it, or another one serves.
        raise IndexUnavailableError(f"{generation.collection} is being built anew") from error
    scan["items"] += len(items)
    scan["after"] = items[-1].id


def _conclude(run: Run, options: AuditOptions, place: Place) -> dict[str, Any]:
    """Gather the pairs, drop what earlier audits said, give the result."""
    result = {str(part): place[part] for part in (Part.INDEX,) if part in place}
    with run.resources.services.sessions.begin() as session:
        scan = place.get("scan", {})
        if Part.COVERAGE in options.parts:
            names = ("items", "few", "none", "unseen")
            result[Part.COVERAGE.value] = {name: scan[name] for name in names}
        if Part.DUPLICATES in options.parts:
            groups = gather_pairs(session, run.job_id)
            result[Part.DUPLICATES.value] = {
                "items": scan["items"],
                "groups": len(groups),
                "alike": sum(group.size for group in groups),
                "cut_off": scan["pairs"] >= MOST_PAIRS,
            }
        stale = [_KINDS[part] for part in options.parts]
        drop_earlier_findings(session, run.job_id, [*stale, FindingKind.PAIR])
        # With what was gathered: its pairs are gone, and nobody could gather them again.
        _store_place(session, run, result | {"concluded": True})
    return result


def _steps(run: Run, options: AuditOptions) -> int:
    """How much there is to do: a step for the stores, one for each item."""
    steps = int(Part.INDEX in options.parts)
    if options.scans_items:
        with run.resources.services.sessions() as session:
            steps += count_items(session)
    return steps


def _keep_place(run: Run, place: Place) -> None:
    with run.resources.services.sessions.begin() as session:
        _store_place(session, run, place)


def _store_place(session: Session, run: Run, place: Place) -> None:
    session.execute(update(Job).where(Job.id == run.job_id).values(result=place))
