"""The admin's pages: how indexing goes, failures. Administrators only.

What changes something is a form with a CSRF token; `catalog.operations` does it. The jobs' and the
re-index pages hang their routes here.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from catalog import operations
from catalog.errors import ConflictError, LookalikeError, NotFoundError
from catalog.jobs import list_jobs
from catalog.known_checkpoints import checkpoint_names
from catalog.tables import GenerationState, Job, JobState
from web import queries
from web.forms import ButtonForm
from web.login import admin_required
from web.services import services, session

_JOBS_SHOWN = 25

T = TypeVar("T")

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


@blueprint.get("/")
@admin_required
def overview() -> str:
    return render_template("admin.html", button=ButtonForm(), **_progress())


@blueprint.get("/progress")
@admin_required
def progress() -> str:
    """The part of the overview that changes by itself, for its script."""
    return render_template("_progress.html", button=ButtonForm(), **_progress())


@blueprint.get("/failures")
@admin_required
def failures() -> str:
    photos = queries.list_failures(session())
    failed = queries.count_failures(session())
    return render_template("failures.html", photos=photos, failed=failed, button=ButtonForm())


@blueprint.post("/failures/<sha256>/retry")
@admin_required
def retry(sha256: str) -> Response:
    return act(
        lambda: operations.retry_photo(session(), services().queue, sha256),
        "The photo is waiting to be indexed again.",
        back="admin.failures",
    )


def act(
    action: Callable[[], T],
    done: str | Callable[[T], str],
    back: str = "admin.overview",
    **place: Any,
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
    return redirect(url_for(back, **place))


def _progress() -> dict[str, Any]:
    jobs = list_jobs(session(), limit=_JOBS_SHOWN)
    generations = queries.list_generations(session())
    states = {generation.state for generation in generations}
    return {
        "jobs": jobs,
        "catalog": catalog_names(jobs),
        "photos": queries.count_photos(session()),
        "generations": generations,
        "known": checkpoint_names(session()),
        "behind": queries.count_behind(session()),
        "building": GenerationState.BUILDING in states,
        "can_roll_back": GenerationState.RETIRED in states,
        "running": (JobState.QUEUED, JobState.RUNNING),
    }


def catalog_names(jobs: Sequence[Job]) -> dict[int, str]:
    """The names of the catalogs that these jobs are about."""
    return queries.catalog_names(session(), jobs)
