"""The review queue: one photo after another that a person should look at. Administrators only.

What changes something is a form with a CSRF token; `catalog.reviewing` does it, and the answer
leads on to the next photo once nothing is left to decide in this one.
"""

from collections.abc import Callable
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    flash,
    json,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from catalog import operations, reviewing
from catalog.corrections_export import export_corrections, what_was_said
from catalog.errors import ConflictError, InputError, LookalikeError, NotFoundError
from catalog.item_words import ShopWords
from catalog.known_categories import known_categories
from catalog.queue import TaskQueue
from catalog.review import (
    OPEN,
    Entry,
    Place,
    Why,
    count_entries,
    find_entry,
    list_entries,
    load_details,
    read_place,
)
from catalog.summaries import active_segmenter
from catalog.tables import Verdict
from web.login import admin_required
from web.services import services, session

_UPCOMING = 8

LABELS = {
    None: "All",
    Why.LOW_CONFIDENCE: "Not sure",
    Why.NOTHING_FOUND: "Nothing found",
    Why.OTHER_CATEGORY: "Other than the shop says",
    Why.FAILED: "Not indexed",
    Why.NOT_CUT: "Not cut out",
    Why.REVIEWED: "Reviewed",
}

blueprint = Blueprint("review", __name__, url_prefix="/admin/review")


@blueprint.get("/")
@admin_required
def queue() -> str | BaseResponse:
    """One entry with what comes after it; the address holds filter and place."""
    why = _read_why(request.values.get("reason"))
    try:
        entry, after, before = _find_place(why)
    except (InputError, NotFoundError):
        flash("That photo is not there any more.", "warning")
        return redirect(url_for("review.queue", reason=why))
    details = load_details(session(), [entry, *after] if entry else [])
    shown = details[0] if entry and details and details[0].entry is entry else None
    return render_template(
        "review.html",
        why=why,
        labels=LABELS,
        counts=count_entries(session()),
        shown=shown,
        upcoming=details[1:] if shown else [],
        before=before,
        at=str(entry.place) if entry else "",
        alone=_is_alone(),
        past_end="cursor" in request.args,
        categories=known_categories(session(), active_segmenter()),
        said=what_was_said,
    )


@blueprint.get("/corrections.json")
@admin_required
def download() -> Response:
    """What was reviewed as a COCO file."""
    content = json.dumps(export_corrections(session()).content)
    response = Response(content, mimetype="application/json")
    response.headers["Content-Disposition"] = 'attachment; filename="train.json"'
    return response


@blueprint.post("/garments/<uuid:garment_id>/accept")
@admin_required
def accept(garment_id: UUID) -> BaseResponse:
    return _act(lambda: reviewing.accept(*_stores(), garment_id, _words()), "Accepted.")


@blueprint.post("/garments/<uuid:garment_id>/category")
@admin_required
def category(garment_id: UUID) -> BaseResponse:
    chosen = request.form.get("category", "")
    return _act(
        lambda: reviewing.correct(*_stores(), garment_id, category=chosen, words=_words()),
        f"Its category is “{chosen}” now.",
    )


@blueprint.post("/garments/<uuid:garment_id>/box")
@admin_required
def box(garment_id: UUID) -> BaseResponse:
    return _act(
        lambda: reviewing.correct(*_stores(), garment_id, box=_read_box(), words=_words()),
        "The box is saved. Its crop is being re-cut.",
        stay=True,
        garment_id=garment_id,
    )


@blueprint.post("/garments/<uuid:garment_id>/exclude")
@admin_required
def exclude(garment_id: UUID) -> BaseResponse:
    return _act(
        lambda: reviewing.correct(*_stores(), garment_id, excluded=True, words=_words()),
        "Excluded: it is recommended no more.",
    )


@blueprint.post("/garments/<uuid:garment_id>/undo")
@admin_required
def undo(garment_id: UUID) -> BaseResponse:
    return _act(
        lambda: reviewing.undo(*_stores(), garment_id, _words()),
        "Taken back: it is as the models saw it.",
        stay=True,
        garment_id=garment_id,
    )


@blueprint.post("/added/<int:correction_id>/undo")
@admin_required
def undo_added(correction_id: int) -> BaseResponse:
    return _act(
        lambda: reviewing.take_back_added(*_stores(), correction_id, _words()),
        "The added garment is taken back.",
        stay=True,
    )


@blueprint.post("/photos/<sha256>/add")
@admin_required
def add(sha256: str) -> BaseResponse:
    chosen = request.form.get("category", "")
    return _act(
        lambda: reviewing.add(*_stores(), sha256, chosen, _read_box(), _words()),
        "The garment is added. It is being cut out.",
        stay=True,
    )


@blueprint.post("/photos/<sha256>/empty")
@admin_required
def empty(sha256: str) -> BaseResponse:
    return _judge(sha256, Verdict.EMPTY, "Noted: there is nothing to find in it.")


@blueprint.post("/photos/<sha256>/ignore")
@admin_required
def ignore(sha256: str) -> BaseResponse:
    return _judge(sha256, Verdict.IGNORED, "Out of the queue. It is still among the failures.")


@blueprint.post("/photos/<sha256>/unjudge")
@admin_required
def unjudge(sha256: str) -> BaseResponse:
    return _judge(sha256, None, "Taken back.")


@blueprint.post("/photos/<sha256>/retry")
@admin_required
def retry(sha256: str) -> BaseResponse:
    return _act(
        lambda: operations.retry_photo(*_stores(), sha256),
        "The photo is waiting to be indexed again.",
    )


@blueprint.post("/photos/<sha256>/cut")
@admin_required
def cut(sha256: str) -> BaseResponse:
    return _act(
        lambda: reviewing.retry_cut(*_stores(), sha256), "It is being cut again.", stay=True
    )


def _judge(sha256: str, verdict: Verdict | None, done: str) -> BaseResponse:
    return _act(
        lambda: reviewing.judge(*_stores(), sha256, verdict, _words()), done, stay=verdict is None
    )


def _act(
    action: Callable[[], object], done: str, stay: bool = False, garment_id: UUID | None = None
) -> BaseResponse:
    """Do it and say so, or say why not; then on to the next entry, or back to this one."""
    try:
        action()
    except (ConflictError, NotFoundError, InputError) as error:
        session().rollback()
        flash(str(error), "warning")
        stay = True
    except LookalikeError as error:
        session().rollback()
        flash(f"That did not work: {error}", "danger")
        stay = True
    else:
        flash(done, "success")
    return redirect(_where_next(stay, garment_id))


def _where_next(stay: bool, garment_id: UUID | None) -> str:
    anchor = f"garment-{garment_id}" if garment_id else None
    why, at = _read_why(request.form.get("reason")), request.form.get("at", "")
    if _is_alone():
        return url_for("review.queue", at=at, alone=1, _anchor=anchor)
    if stay:
        return url_for("review.queue", reason=why, at=at, _anchor=anchor)
    try:
        entry = find_entry(session(), read_place(at))
    except (InputError, NotFoundError):
        return url_for("review.queue", reason=why)
    if _is_open(entry, why):
        return url_for("review.queue", reason=why, at=at)
    return url_for("review.queue", reason=why, cursor=at)


def _is_open(entry: Entry, why: Why | None) -> bool:
    return why in entry.reasons if why else any(each in OPEN for each in entry.reasons)


def _find_place(why: Why | None) -> tuple[Entry | None, list[Entry], Place | None]:
    """The entry asked for or the first behind the cursor, those after it, the place before it."""
    at, cursor = request.args.get("at"), request.args.get("cursor")
    if at:
        entries = [find_entry(session(), read_place(at))]
        entries += list_entries(session(), why, entries[0].place, _UPCOMING)
    else:
        behind = read_place(cursor) if cursor else None
        entries = list_entries(session(), why, behind, 1 + _UPCOMING)
    if not entries:
        return None, [], None
    entry, *after = entries
    before = list_entries(session(), why, limit=1, before=entry.place)
    return entry, after, before[0].place if before else None


def _read_why(text: str | None) -> Why | None:
    return Why(text) if text in set(Why) else None


def _is_alone() -> bool:
    """Whether the photo was looked up by itself: then there is no next one."""
    return request.values.get("alone") == "1"


def _read_box() -> list[float]:
    try:
        return [float(request.form.get(name, "")) for name in ("x0", "y0", "x1", "y1")]
    except ValueError as error:
        raise InputError("Give all four edges of the box as numbers.") from error


def _stores() -> tuple[Session, TaskQueue]:
    return session(), services().queue


def _words() -> ShopWords:
    return services().settings.shop_words
