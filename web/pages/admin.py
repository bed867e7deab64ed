"""The admin's pages: how indexing goes, jobs, re-index, failures. Administrators only.

What changes something is a form with a CSRF token; `catalog.operations` does it.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from catalog import operations
from catalog.errors import ConflictError, LookalikeError, NotFoundError
from catalog.jobs import get_job, list_jobs
from catalog.tables import GenerationState, Job, JobState, ReindexKind
from web import queries
from web.forms import ButtonForm, ReindexForm
from web.login import admin_required
from web.services import services, session

_JOBS_SHOWN = 25

T = TypeVar("T")

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


@blueprint.get("/")
@admin_required
def overview() -> str:
    return render_template("admin.html", reindex=ReindexForm(), button=ButtonForm(), **_progress())


@blueprint.get("/progress")
@admin_required
def progress() -> str:
    """The part of the overview that changes by itself, for its script."""
    return render_template("_progress.html", button=ButtonForm(), **_progress())


@blueprint.get("/jobs/<uuid:job_id>")
@admin_required
def job(job_id: UUID) -> str:
    found = get_job(session(), job_id)
    template = "_job.html" if request.args.get("fragment") else "job.html"
    return render_template(template, job=found, catalog=_names([found]), button=ButtonForm())


@blueprint.post("/jobs/<uuid:job_id>/cancel")
@admin_required
def cancel(job_id: UUID) -> Response:
    return _act(
        lambda: operations.cancel_job(session(), services().index, job_id),
        operations.describe_cancel,
    )


@blueprint.post("/reindex")
@admin_required
def reindex() -> Response:
    form = ReindexForm()
    if not form.validate():
        for field in form:
            for message in field.errors:
                flash(f"{field.label.text}: {message}", "danger")
        return redirect(url_for("admin.overview"))
    wanted = (
        *(ReindexKind(form.kind.data), form.switch.data),
        *(form.segmenter.data or None, form.embedder.data or None),
    )
    return _act(
        lambda: operations.start_reindex(session(), services().queue, *wanted),
        "The re-index has started. Searches keep using the present index meanwhile.",
    )


@blueprint.post("/reindex/activate")
@admin_required
def activate() -> Response:
    return _act(
        lambda: operations.activate_building(session(), services().index),
        "The new index is active. The old one is kept for a rollback.",
    )


@blueprint.post("/reindex/discard")
@admin_required
def discard() -> Response:
    return _act(
        lambda: operations.discard_building(session(), services().index),
        "The new index is dropped. The present one stays active.",
    )


@blueprint.post("/reindex/rollback")
@admin_required
def roll_back() -> Response:
    return _act(
        lambda: operations.roll_back_generation(session(), services().index),
        "The previous index is active again.",
    )


@blueprint.get("/failures")
@admin_required
def failures() -> str:
    photos = queries.list_failures(session())
    return render_template("failures.html", photos=photos, button=ButtonForm())


@blueprint.post("/failures/<sha256>/retry")
@admin_required
def retry(sha256: str) -> Response:
    return _act(
        lambda: operations.retry_photo(session(), services().queue, sha256),
        "The photo is waiting to be indexed again.",
        back="admin.failures",
    )


def _act(
    action: Callable[[], T], done: str | Callable[[T], str], back: str = "admin.overview"
) -> Response:
    """Do it and say so, or say why not: on a page both belong into a message."""
    try:
        result = action()
    except (ConflictError, NotFoundError) as error:
        session().rollback()
        flash(str(error), "warning")
    except LookalikeError as error:
        session().rollback()
        flash(f"That did not work: {error}", "danger")
    else:
        flash(done if isinstance(done, str) else done(result), "success")
    return redirect(url_for(back))


def _progress() -> dict[str, Any]:
    jobs = list_jobs(session(), limit=_JOBS_SHOWN)
    generations = queries.list_generations(session())
    states = {generation.state for generation in generations}
    return {
        "jobs": jobs,
        "catalog": _names(jobs),
        "photos": queries.count_photos(session()),
        "generations": generations,
        "behind": queries.count_behind(session()),
        "building": GenerationState.BUILDING in states,
        "can_roll_back": GenerationState.RETIRED in states,
        "running": (JobState.QUEUED, JobState.RUNNING),
    }


def _names(jobs: Sequence[Job]) -> dict[int, str]:
    return queries.catalog_names(session(), jobs)
