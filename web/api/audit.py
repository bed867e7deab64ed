"""Audits for operators' programs: start one, read what it has found, dismiss what is no finding."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from catalog.audit import dismissing, reports
from catalog.audit.options import AuditOptions, Part
from catalog.audit.reports import FewSort
from catalog.background import start_background_job
from catalog.tables import Finding, Item, Job, JobKind
from web import queries
from web.api import schemas
from web.api.blueprint import blueprint, requires
from web.api.paging import link_next
from web.present import item_brief, job_json
from web.services import services, session


class FindingsQuery(schemas.In):
    kind: Part
    """What the audit looked at."""
    cursor: schemas.Cursor | None = None
    """`next` of the page before."""
    limit: int = Field(default=50, ge=1, le=200)
    """How many at most."""
    sort: FewSort = FewSort.VIEWED
    """The order of coverage; duplicates come with the most alike first."""
    category: schemas.Category | None = None
    """Of coverage: only garments of this category."""
    same_photo: bool | None = None
    """Of duplicates: only those that share a photo, or only those that don't."""


class DismissIn(schemas.In):
    item: int | None = None
    """Only this one is different from the others; without it, all of them are."""


class DismissOut(schemas.Out):
    dismissed: int
    """How many pairs later audits leave alone."""


class PairOut(schemas.Out):
    items: list[int]
    garments: list[UUID]
    score: float
    category: str
    same_photo: bool


class FindingOut(schemas.Out):
    id: int
    kind: Literal["index", "coverage", "duplicates"]
    difference: str | None = None
    """Index: what is wrong with the photo, the file or the garment `of`."""
    of: str | None = None
    category: str | None = None
    """Of the garment that coverage and duplicates are about."""
    found: int | None = None
    """Coverage: how many look-alikes there are; fewer than the audit asked for."""
    reason: Literal["few", "unseen"] | None = None
    """Coverage: `unseen` when no garment of the item was recognised."""
    views: int | None = None
    score: float | None = None
    """Duplicates: the highest cosine in the group."""
    same_photo: bool | None = None
    size: int | None = None
    """Duplicates: how many items the group has; at most 100 are named."""
    pairs: Sequence[PairOut] = ()
    items: Sequence[schemas.ItemBrief] = ()


class FindingsOut(schemas.Out):
    job: schemas.JobOut | None
    """The audit that found them, with the true totals in `result`; null before the first one."""
    items: list[FindingOut]
    next: str | None


@blueprint.post("/audit")
@requires("admin")
@blueprint.input(AuditOptions)
@blueprint.output(schemas.JobOut, status_code=202)
def start_audit(json_data: AuditOptions) -> dict[str, Any]:
    """Have a worker look through index and catalog; 409 while another audit is under way."""
    parameters = json_data.model_dump(mode="json")
    job = start_background_job(session(), services().queue, JobKind.AUDIT, parameters)
    return job_json(job, {})


@blueprint.get("/findings")
@requires("admin")
@blueprint.input(FindingsQuery, location="query")
@blueprint.output(FindingsOut)
def list_findings(query_data: FindingsQuery) -> dict[str, Any]:
    """What the newest audit of a kind has found; hand `next` back as `cursor` for more."""
    job = reports.find_report(session(), query_data.kind)
    if job is None:
        return {"job": None, "items": [], "next": None}
    found, following = _LISTS[query_data.kind](job, query_data)
    return {"job": job_json(job, {}), "items": found, "next": link_next(following)}


@blueprint.post("/findings/<int:finding_id>/dismiss")
@requires("admin")
@blueprint.input(DismissIn)
@blueprint.output(DismissOut)
def dismiss_finding(finding_id: int, json_data: DismissIn) -> dict[str, Any]:
    """Say that items of a group of duplicates are different: later audits leave them alone."""
    return {"dismissed": dismissing.dismiss(session(), finding_id, json_data.item)}


def _list_differences(job: Job, asked: FindingsQuery) -> tuple[list[dict[str, Any]], str | None]:
    rows = reports.list_differences(session(), job.id, asked.cursor, asked.limit)
    more = reports.difference_cursor(rows[-1]) if len(rows) == asked.limit else None
    return [_brief(row) | row.detail for row in rows], more


def _list_few(job: Job, asked: FindingsQuery) -> tuple[list[dict[str, Any]], str | None]:
    rows = reports.list_few(
        session(), job.id, asked.sort, asked.category, asked.cursor, asked.limit
    )
    items = _items_json([row.item for row in rows])
    more = reports.few_cursor(rows[-1], asked.sort) if len(rows) == asked.limit else None
    return [
        _brief(row.finding) | row.finding.detail | {"views": row.views, "items": [item]}
        for row, item in zip(rows, items, strict=True)
    ], more


def _list_groups(job: Job, asked: FindingsQuery) -> tuple[list[dict[str, Any]], str | None]:
    rows = reports.list_groups(session(), job.id, asked.same_photo, asked.cursor, asked.limit)
    ids = {item_id for row in rows for item_id in row.detail["items"]}
    present = reports.load_shown_items(session(), ids)
    briefs = dict(zip(present, _items_json(list(present.values())), strict=True))
    more = reports.group_cursor(rows[-1]) if len(rows) == asked.limit else None
    return [
        _brief(row)
        | row.detail
        | {"score": row.weight}
        | {"items": [briefs[id_] for id_ in row.detail["items"] if id_ in briefs]}
        for row in rows
    ], more


_LISTS = {
    Part.INDEX: _list_differences,
    Part.COVERAGE: _list_few,
    Part.DUPLICATES: _list_groups,
}


def _brief(finding: Finding) -> dict[str, Any]:
    return {"id": finding.id, "kind": finding.kind, "category": finding.category}


def _items_json(items: list[Item]) -> list[dict[str, Any]]:
    covers = queries.covers_of(session(), [item.id for item in items])
    return [item_brief(item, covers.get(item.id)) for item in items]
