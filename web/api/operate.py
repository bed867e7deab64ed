"""What operators call: jobs, re-index, generations."""

from typing import Any
from uuid import UUID

from catalog import jobs, operations
from catalog.tables import Job
from web import queries
from web.api import schemas
from web.api.blueprint import blueprint, requires
from web.api.paging import link_next, make_moment_cursor, read_moment_cursor
from web.present import generation_json, job_json, job_with_log
from web.services import services, session


@blueprint.get("/jobs")
@requires("admin")
@blueprint.input(schemas.JobsQuery, location="query")
@blueprint.output(schemas.JobsOut)
def list_jobs(query_data: schemas.JobsQuery) -> dict[str, Any]:
    """Jobs, newest first; hand `next` back as `cursor` for more."""
    after = read_moment_cursor(query_data.cursor) if query_data.cursor else None
    rows = jobs.list_jobs_after(session(), query_data.limit, after)
    names = queries.catalog_names(session(), rows)
    more = None
    if len(rows) == query_data.limit:
        more = make_moment_cursor(rows[-1].created_at, rows[-1].id)
    return {"items": [job_json(row, names) for row in rows], "next": link_next(more)}


@blueprint.get("/jobs/<uuid:job_id>")
@requires("admin")
@blueprint.output(schemas.JobWithLog)
def read_job(job_id: UUID) -> dict[str, Any]:
    """One job with its log."""
    return _job_with_log(jobs.get_job(session(), job_id))


@blueprint.post("/jobs/<uuid:job_id>/cancel")
@requires("admin")
@blueprint.output(schemas.JobWithLog)
def cancel_job(job_id: UUID) -> dict[str, Any]:
    """End an ingest, or an audit or a map that has not begun, at once; else at its next step."""
    return _job_with_log(operations.cancel_job(session(), services().index, job_id))


@blueprint.get("/generations")
@requires("admin")
@blueprint.output(schemas.GenerationsOut)
def list_generations() -> dict[str, Any]:
    """The active index, the one being built and the retired ones that are still kept."""
    behind = queries.count_behind(session())
    rows = queries.list_generations(session())
    return {"items": [generation_json(row, behind) for row in rows]}


def _job_with_log(job: Job) -> dict[str, Any]:
    return job_with_log(job, queries.catalog_names(session(), [job]))
