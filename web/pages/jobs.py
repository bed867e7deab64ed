"""The pages of jobs: a list, and each with its progress, what failed in it, and its log.

Administrators only; the routes hang on the admin's blueprint.
"""

import re
from typing import Any
from uuid import UUID

from flask import Response, render_template, request
from sqlalchemy import func, select
from werkzeug.wrappers import Response as AnyResponse

from catalog import operations
from catalog.errors import LookalikeError, NotFoundError
from catalog.ingest_photos import (
    count_ingest_photos,
    list_ingest_failures,
    retry_all_photos,
    retry_ingest_photos,
)
from catalog.jobs import OPEN_STATES, get_job, list_jobs
from catalog.photos.decode import encode_variant, photo_limits
from catalog.photos.image_store import photo_key
from catalog.search.generations import building_generation
from catalog.tables import Job, JobKind
from web.filters import format_count
from web.forms import ButtonForm
from web.images import VARIANTS
from web.login import admin_required
from web.pages.admin import act, blueprint, catalog_names
from web.pages.paging import clamp_page
from web.services import services, session

_SHA256 = re.compile(r"[0-9a-f]{64}")
_JOBS_PER_PAGE = 50
_FAILURES_SHOWN = 50

_NO_PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" '
    'fill="#8a8f8d" opacity=".18"/><path d="M24 66 40 44l11 14 8-9 13 17Z" fill="#8a8f8d"/>'
    '<circle cx="62" cy="34" r="6" fill="#8a8f8d"/><path d="m20 20 56 56" stroke="#8a8f8d" '
    'stroke-width="4"/></svg>'
)


@blueprint.get("/jobs")
@admin_required
def jobs() -> str:
    total = session().scalar(select(func.count()).select_from(Job)) or 0
    paging = clamp_page(request.args.get("page"), total, _JOBS_PER_PAGE)
    shown = list_jobs(session(), paging.per_page, paging.offset)
    return render_template(
        "jobs.html",
        jobs=shown,
        catalog=catalog_names(shown),
        paging=paging,
        running=OPEN_STATES,
        button=ButtonForm(),
    )


@blueprint.get("/jobs/<uuid:job_id>")
@admin_required
def job(job_id: UUID) -> str:
    """One job; with `fragment` the part of the page that changes by itself, for its script."""
    found = get_job(session(), job_id)
    template = "_job.html" if request.args.get("fragment") else "job.html"
    return render_template(template, **_of_job(found))


@blueprint.post("/jobs/<uuid:job_id>/cancel")
@admin_required
def cancel(job_id: UUID) -> AnyResponse:
    return act(
        lambda: operations.cancel_job(session(), services().index, job_id),
        operations.describe_cancel,
        "admin.job",
        job_id=job_id,
    )


@blueprint.post("/jobs/<uuid:job_id>/retry")
@admin_required
def retry_of_job(job_id: UUID) -> AnyResponse:
    """Give all photos of an ingest that failed, or one of them, a new start."""
    sha256 = request.form.get("sha256")
    if sha256:
        return act(
            lambda: operations.retry_photo(session(), services().queue, sha256),
            "The photo is waiting to be indexed again.",
            "admin.job",
            job_id=job_id,
        )
    return act(
        lambda: retry_ingest_photos(session(), services().queue, job_id),
        _describe_retry,
        "admin.job",
        job_id=job_id,
    )


@blueprint.post("/failures/retry")
@admin_required
def retry_all() -> AnyResponse:
    return act(
        lambda: retry_all_photos(session(), services().queue), _describe_retry, "admin.failures"
    )


@blueprint.get("/failures/<sha256>/picture")
@admin_required
def picture(sha256: str) -> Response:
    """A failed photo's thumbnail, or a drawn placeholder where its bytes can't be decoded."""
    limits = photo_limits(services().settings)
    if not _SHA256.fullmatch(sha256):
        raise NotFoundError("photo", sha256)
    try:
        data = encode_variant(services().images.get(photo_key(sha256)), VARIANTS["thumb"], limits)
    except LookalikeError:
        return Response(_NO_PICTURE, mimetype="image/svg+xml")
    return Response(data, mimetype="image/webp", headers={"Cache-Control": "private, max-age=600"})


def _of_job(found: Job) -> dict[str, Any]:
    """What the templates show of a job; an ingest's photos are counted and its failures listed."""
    is_ingest = found.kind is JobKind.INGEST
    failed = list_ingest_failures(session(), found.id, _FAILURES_SHOWN) if is_ingest else []
    building = building_generation(session())
    return {
        "job": found,
        "catalog": catalog_names([found]),
        "photos": count_ingest_photos(session(), found.id) if is_ingest else None,
        "failed": failed,
        "rejected": found.result.get("rejected_rows", []),
        "waits": building is not None
        and found.generation_id == building.id
        and found.state not in OPEN_STATES,
        "is_open": found.state in OPEN_STATES,
        "button": ButtonForm(),
    }


def _describe_retry(retried: int) -> str:
    if not retried:
        return "No photo has failed any more: there is nothing to retry."
    return f"{format_count(retried, 'photo')} will be indexed again."
