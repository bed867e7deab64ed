"""The re-index wizard: choose, forecast, watch, compare, switch, roll back.

Administrators only; the routes hang on the admin's blueprint. The page is always the step that the
database is at, so it can be left and come back to.
"""

from enum import StrEnum
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from catalog import operations
from catalog.errors import LookalikeError, NotFoundError
from catalog.forecast import forecast_reindex
from catalog.jobs import OPEN_STATES
from catalog.known_checkpoints import checkpoint_names, list_checkpoints
from catalog.search.gate import job_of, judge, max_changed_of
from catalog.search.generations import (
    active_generation,
    building_generation,
    retired_generation,
)
from catalog.tables import Comparison, Generation, Job, ReindexKind
from web import queries
from web.comparisons import show_items
from web.forms import ButtonForm, ReindexForm
from web.login import admin_required
from web.pages.admin import act, blueprint
from web.services import services, session

_SHOWN = (6, 12, 24, 48)
_DEFAULT_SHOWN = 12


class Stage(StrEnum):
    CHOOSE = "choose"
    FORECAST = "forecast"
    WATCH = "watch"
    COMPARE = "compare"


@blueprint.get("/reindex")
@admin_required
def reindex() -> str:
    building, job = building_generation(session()), queries.find_last_reindex(session())
    if job is not None and job.state in OPEN_STATES:
        return _page(Stage.WATCH, job=job)
    if building is not None:
        return _page(Stage.COMPARE, **_comparison(building))
    if request.args.get("kind") in list(ReindexKind):
        return _forecast()
    return _page(Stage.CHOOSE, **_choices(), last=job)


@blueprint.get("/reindex/watch")
@admin_required
def watch_reindex() -> str:
    """The part of the page that changes by itself while a new index is filled."""
    job = queries.find_last_reindex(session())
    if job is None:
        raise NotFoundError("job", "re-index")
    return render_template("_reindex_watch.html", job=job, button=ButtonForm())


@blueprint.post("/reindex")
@admin_required
def start_reindex() -> Response:
    form = ReindexForm()
    if not form.validate():
        for field in form:
            for message in field.errors:
                flash(f"{field.label.text}: {message}", "danger")
        return redirect(url_for("admin.reindex"))
    wanted = (
        *(ReindexKind(form.kind.data), form.switch.data),
        *(form.segmenter.data or None, form.embedder.data or None),
    )
    return act(
        lambda: operations.start_reindex(
            session(), services().queue, *wanted, max_changed=_share(form.max_changed.data)
        ),
        "The re-index has started. Searches keep using the present index meanwhile.",
        "admin.reindex",
    )


@blueprint.post("/reindex/compare")
@admin_required
def compare_reindex() -> Response:
    return act(
        lambda: operations.compare_again(session(), services().index),
        "Compared anew, with the items that are viewed most now.",
        "admin.reindex",
    )


@blueprint.post("/reindex/limit")
@admin_required
def limit_reindex() -> Response:
    """Set how many of the neighbours may have changed for the gate to hold."""
    percent = request.form.get("max_changed", "").strip()
    if percent and not (percent.isdecimal() and len(percent) < 4):
        flash("Give a whole number of percent from 0 to 100, or nothing for no limit.", "danger")
        return redirect(url_for("admin.reindex"))
    return act(
        lambda: operations.set_max_changed(session(), _share(int(percent) if percent else None)),
        "The gate has its new limit.",
        "admin.reindex",
    )


@blueprint.post("/reindex/activate")
@admin_required
def activate() -> Response:
    anyway = request.form.get("reason", "").strip()[:1000] if "anyway" in request.form else ""
    if "anyway" in request.form and not anyway:
        flash("Say why you switch although the gate does not hold: it goes into the log.", "danger")
        return redirect(url_for("admin.reindex", _anchor="switch"))
    return act(
        lambda: operations.activate_building(
            session(), services().index, anyway or None, current_user.email
        ),
        "The new index is active. The old one is kept for a rollback.",
        "admin.reindex",
    )


@blueprint.post("/reindex/discard")
@admin_required
def discard() -> Response:
    return act(
        lambda: operations.discard_building(session(), services().index),
        "The new index is dropped. The present one stays active.",
        "admin.reindex",
    )


@blueprint.post("/reindex/rollback")
@admin_required
def roll_back() -> Response:
    return act(
        lambda: operations.roll_back_generation(session(), services().index),
        "The previous index is active again.",
        "admin.reindex",
    )


def _page(stage: Stage, **values: Any) -> str:
    return render_template(
        "reindex.html",
        stage=stage,
        button=ButtonForm(),
        known=checkpoint_names(session()),
        **values,
    )


def _choices() -> dict[str, Any]:
    active = active_generation(session())
    return {
        "active": active,
        "retired": retired_generation(session()),
        "built": session().get(Comparison, active.id) if active else None,
        "segmenters": list_checkpoints(session(), "segmentation"),
        "embedders": list_checkpoints(session(), "embedding"),
        "kind": request.args.get("back", ReindexKind.VECTORS.value),
    }


def _forecast() -> str:
    """The second step: what would happen, before anything does."""
    kind = ReindexKind(request.args["kind"])
    segmenter = _named("segmenter") if kind is ReindexKind.PHOTOS else None
    embedder = _named("embedder") if kind is not ReindexKind.VECTORS else None
    names = {"segmenter": segmenter, "embedder": embedder}
    try:
        forecast = forecast_reindex(session(), kind, segmenter, embedder)
    except LookalikeError as error:
        flash(str(error), "warning")
        return _page(Stage.CHOOSE, **_choices(), last=None)
    return _page(
        Stage.FORECAST,
        forecast=forecast,
        active=active_generation(session()),
        form=ReindexForm(formdata=None, kind=kind.value, **names),
        names=names,
    )


def _named(field: str) -> str | None:
    """A checkpoint that was typed, otherwise the one that was chosen; None for the configured."""
    return request.args.get(f"{field}_typed", "").strip() or request.args.get(field) or None


def _comparison(building: Generation) -> dict[str, Any]:
    gate = judge(session(), building)
    job: Job | None = job_of(session(), building)
    asked = request.args.get("items", type=int)
    limit = asked if asked in _SHOWN else _DEFAULT_SHOWN
    return {
        "building": building,
        "active": active_generation(session()),
        "gate": gate,
        "job": job,
        "max_changed": max_changed_of(job),
        "comparison": gate.comparison,
        "items": show_items(session(), gate.comparison, limit) if gate.comparison else [],
        "limit": limit,
        "limits": _SHOWN,
    }


def _share(percent: int | None) -> float | None:
    return None if percent is None else percent / 100
