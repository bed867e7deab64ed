"""The admin's pages of what audits find: index health, coverage, near-identical garments.

What they show was found by a background job, so that no page has to look for it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    flash,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from catalog.audit import dismissing, reports
from catalog.audit.options import AuditOptions, Part
from catalog.audit.reports import FewSort
from catalog.background import start_background_job
from catalog.errors import ConflictError, InputError, NotFoundError
from catalog.tables import Finding, Job, JobKind
from web import audit_tables, queries
from web.audit_forms import FORMS, DismissForm
from web.audit_words import MEANINGS
from web.forms import ButtonForm
from web.index_counts import count_generations
from web.login import admin_required
from web.services import services, session

_SHOWN = 24
_DISMISSED_SHOWN = 100

_PAGES = {Part.INDEX: "audit.health", Part.COVERAGE: "audit.coverage"}
_PAGES[Part.DUPLICATES] = "audit.duplicates"

blueprint = Blueprint("audit", __name__, url_prefix="/admin")


@blueprint.get("/health")
@admin_required
def health() -> str:
    report = reports.find_report(session(), Part.INDEX)
    cursor = request.args.get("after")
    page = (
        _read_page(
            lambda after: reports.list_differences(session(), report.id, after, _SHOWN + 1), cursor
        )
        if report
        else []
    )
    return render_template(
        "audit_health.html",
        meanings=MEANINGS,
        generations=count_generations(session(), services().index),
        findings=page[:_SHOWN],
        following=reports.difference_cursor(page[_SHOWN - 1]) if len(page) > _SHOWN else None,
        **_frame(Part.INDEX, report),
    )


@blueprint.get("/coverage")
@admin_required
def coverage() -> str:
    report = reports.find_report(session(), Part.COVERAGE)
    sort, category = _read_sort(), request.args.get("category") or None
    page = (
        _read_page(
            lambda after: reports.list_few(session(), report.id, sort, category, after, _SHOWN + 1),
            request.args.get("after"),
        )
        if report
        else []
    )
    shown = page[:_SHOWN]
    return render_template(
        "audit_coverage.html",
        few=shown,
        covers=queries.covers_of(session(), [each.item.id for each in shown]),
        categories=reports.count_few(session(), report.id) if report else {},
        category=category,
        sort=sort,
        following=reports.few_cursor(shown[-1], sort) if len(page) > _SHOWN else None,
        **_frame(Part.COVERAGE, report),
    )


@blueprint.get("/coverage.csv")
@admin_required
def coverage_csv() -> Response:
    report = _get_report(Part.COVERAGE)
    category = request.args.get("category") or None
    job_id, sort = report.id, _read_sort()
    return _as_file(
        lambda own: audit_tables.few_as_csv(own, job_id, sort, category), "few-look-alikes.csv"
    )


@blueprint.get("/duplicates")
@admin_required
def duplicates() -> str:
    report = reports.find_report(session(), Part.DUPLICATES)
    same_photo = _read_same_photo()
    page = (
        _read_page(
            lambda after: reports.list_groups(session(), report.id, same_photo, after, _SHOWN + 1),
            request.args.get("after"),
        )
        if report
        else []
    )
    shown = page[:_SHOWN]
    ids = {item_id for finding in shown for item_id in finding.detail["items"]}
    return render_template(
        "audit_duplicates.html",
        groups=shown,
        shown=_photos_of(shown),
        items=reports.load_shown_items(session(), ids),
        covers=queries.covers_of(session(), ids),
        counts=reports.count_groups(session(), report.id) if report else {},
        same_photo=same_photo,
        photo=request.args.get("photo"),
        following=reports.group_cursor(shown[-1]) if len(page) > _SHOWN else None,
        dismissed=dismissing.count_dismissed(session()),
        **_frame(Part.DUPLICATES, report),
    )


@blueprint.get("/duplicates.csv")
@admin_required
def duplicates_csv() -> Response:
    report = _get_report(Part.DUPLICATES)
    job_id, same_photo = report.id, _read_same_photo()
    return _as_file(
        lambda own: audit_tables.groups_as_csv(own, job_id, same_photo), "near-identical.csv"
    )


@blueprint.post("/duplicates/<int:finding_id>/dismiss")
@admin_required
def dismiss(finding_id: int) -> AnyResponse:
    form = DismissForm()
    if not form.validate():
        flash("That form could not be read. Please try again.", "danger")
        return redirect(url_for("audit.duplicates"))
    try:
        dismissing.dismiss(session(), finding_id, form.item.data)
    except NotFoundError:
        session().rollback()
        flash("This group is gone: somebody has dismissed it, or a new audit has begun.", "warning")
    else:
        flash(
            "Noted: later audits leave them alone. Under “Dismissed” it can be undone.", "success"
        )
    return redirect(url_for("audit.duplicates", photo=request.args.get("photo")))


@blueprint.get("/duplicates/dismissed")
@admin_required
def dismissed() -> str:
    pairs = dismissing.list_dismissed(session(), _DISMISSED_SHOWN)
    ids = {item.id for pair in pairs for item in (pair.item, pair.other)}
    return render_template(
        "audit_dismissed.html",
        pairs=pairs,
        covers=queries.covers_of(session(), ids),
        total=dismissing.count_dismissed(session()),
        button=ButtonForm(),
    )


@blueprint.post("/duplicates/dismissed/<int:item_id>/<int:other_id>/restore")
@admin_required
def restore(item_id: int, other_id: int) -> AnyResponse:
    try:
        dismissing.restore(session(), item_id, other_id)
    except NotFoundError as error:
        session().rollback()
        flash(str(error), "warning")
    else:
        flash("The next audit looks at these two again.", "success")
    return redirect(url_for("audit.dismissed"))


@blueprint.post("/audit/<any(index, coverage, duplicates):part>")
@admin_required
def start(part: str) -> AnyResponse:
    """Start an audit of one part, or of all, with what the part's form says."""
    back = redirect(url_for(_PAGES[Part(part)]))
    form = FORMS[Part(part)]()
    if not form.validate():
        for field in form:
            for message in field.errors:
                flash(f"{field.label.text}: {message}", "danger")
        return back
    asked = {name: value for name, value in form.data.items() if name != "csrf_token"}
    asked["parts"] = tuple(Part) if request.form.get("all") else (Part(part),)
    asked["repair"] = part == Part.INDEX and bool(request.form.get("repair"))
    parameters = AuditOptions.model_validate(asked).model_dump(mode="json")
    try:
        start_background_job(session(), services().queue, JobKind.AUDIT, parameters)
    except ConflictError:
        session().rollback()
        flash("An audit is under way already: wait for its end, or cancel it.", "warning")
    return back


@blueprint.get("/audit/<any(index, coverage, duplicates):part>/progress")
@admin_required
def progress(part: str) -> str:
    """How far the audit is, for the pages' script."""
    return render_template("_audit_run.html", **_frame(Part(part), None, fragment=True))


def _frame(part: Part, report: Job | None, fragment: bool = False) -> dict[str, Any]:
    """What all three pages have: the last run and a way to start another."""
    last = reports.find_last_audit(session())
    return {
        "part": part,
        "page": _PAGES[part],
        "report": reports.find_report(session(), part) if fragment else report,
        "last": last,
        "fragment": fragment,
        "form": FORMS[part](data=report.parameters if report else None),
        "button": ButtonForm(),
        "running": ("queued", "running"),
        "seen": request.args.get("seen") if fragment else str(report.id if report else ""),
    }


def _photos_of(groups: Sequence[Finding]) -> dict[tuple[int, int], queries.Cover]:
    """By group and item the photo that shows the garment in question; absent after a re-index."""
    garments = {
        (group.id, item_id): UUID(garment_id)
        for group in groups
        for pair in reversed(group.detail["pairs"])
        for item_id, garment_id in zip(pair["items"], pair["garments"], strict=True)
    }
    photos = queries.photos_of(session(), set(garments.values()))
    return {key: photos[id_] for key, id_ in garments.items() if id_ in photos}


def _read_page(load: Callable[[str | None], Any], cursor: str | None) -> list[Any]:
    """The rows after the cursor; one that was made up counts as none."""
    try:
        return list(load(cursor))
    except InputError:
        return list(load(None))


def _read_sort() -> FewSort:
    asked = request.args.get("sort", "")
    return FewSort(asked) if asked in set(FewSort) else FewSort.VIEWED


def _read_same_photo() -> bool | None:
    return {"same": True, "different": False}.get(request.args.get("photo", ""))


def _get_report(part: Part) -> Job:
    report = reports.find_report(session(), part)
    if report is None:
        raise NotFoundError("audit", part.value)
    return report


def _as_file(write: Callable[[Session], Iterator[str]], name: str) -> Response:
    """A file that is written while it is sent, by when the request's own session is closed."""
    sessions = services().sessions

    def rows() -> Iterator[str]:
        with sessions() as own:
            yield from write(own)

    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(stream_with_context(rows()), mimetype="text/csv", headers=headers)
