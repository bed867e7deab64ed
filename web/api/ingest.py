"""What the ingest CLI calls: photos in, item rows in, the job around them, deletes.

Each view commits before it enqueues: a task never sees an id whose row is not there yet.
"""

import logging
from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import abort, request
from werkzeug.exceptions import RequestEntityTooLarge

from catalog.errors import ConflictError, InputError, StoreUnavailableError
from catalog.items import delete_item, mark_seen, pending_photo_ids, prune_catalog, upsert_items
from catalog.jobs import OPEN_STATES, advance_job, finish_job, get_job, start_job
from catalog.photos.discarding import discard_bytes
from catalog.photos.lost import find_missing
from catalog.queue import enqueue_photos, enqueue_webhooks
from catalog.tables import Catalog, Job, JobKind, JobState
from web.api import ingest_schemas, schemas
from web.api.blueprint import answer_of, blueprint, requires
from web.present import job_json
from web.queries import catalog_names
from web.services import services, session
from web.uploads import hash_photo, receive_photo

log = logging.getLogger(__name__)


@blueprint.post("/photos/missing")
@requires("ingest")
@blueprint.input(ingest_schemas.HashesIn)
@blueprint.output(ingest_schemas.MissingOut)
def missing_photos(json_data: ingest_schemas.HashesIn) -> dict[str, Any]:
    """Which of these photos the server lacks, or has lost the bytes of, in the order given."""
    return {"missing": find_missing(session(), json_data.sha256)}


@blueprint.put("/photos/<sha256>")
@requires("ingest")
@blueprint.output(ingest_schemas.PhotoStored, description="It was there already")
@blueprint.doc(responses={201: answer_of("PhotoStored", "It is new")})
def put_photo(sha256: str) -> Any:
    """Store the bytes in the body; 201 when they are new."""
    data = _read_photo()
    if hash_photo(data) != sha256:
        abort(400, "The body's SHA-256 is not the one in the address; was it cut on its way?")
    photo, is_new = receive_photo(session(), services().images, data, services().settings)
    fields = ("sha256", "width", "height", "state")
    return {name: getattr(photo, name) for name in fields}, 201 if is_new else 200


@blueprint.post("/jobs")
@requires("ingest")
@blueprint.input(ingest_schemas.JobIn)
@blueprint.output(schemas.JobOut, status_code=201)
def start_ingest(json_data: ingest_schemas.JobIn) -> dict[str, Any]:
    """Start an ingest into a catalog, which is made when there is none yet."""
    job = start_job(session(), JobKind.INGEST, json_data.catalog, json_data.parameters)
    session().commit()
    session().refresh(job)
    return job_json(job, catalog_names(session(), [job]))


@blueprint.post("/catalogs/<name>/items")
@requires("ingest")
@blueprint.input(ingest_schemas.ItemsIn)
@blueprint.output(ingest_schemas.ItemsOut)
def put_items(name: str, json_data: ingest_schemas.ItemsIn) -> dict[str, Any]:
    """Create or update items. Each row is judged alone: a bad one fails, the others are stored."""
    words = services().settings.shop_words
    if json_data.job:
        _require_open(json_data.job)
    results = upsert_items(session(), name, json_data.items, json_data.job, words)
    if json_data.job:
        job = get_job(session(), json_data.job, lock=True)
        advance_job(session(), job.id, job.done + len(results))
    session().commit()
    skus = [result.sku for result in results if result.sku and result.status != "failed"]
    photo_ids = pending_photo_ids(session(), name, skus)
    enqueued = enqueue_photos(
        services().queue, session(), photo_ids, services().settings.photos_per_task
    )
    _discard_bytes()
    return {"results": [asdict(result) for result in results], "enqueued": enqueued}


@blueprint.post("/catalogs/<name>/seen")
@requires("ingest")
@blueprint.input(ingest_schemas.SeenIn)
@blueprint.output(ingest_schemas.SeenOut)
def note_seen(name: str, json_data: ingest_schemas.SeenIn) -> dict[str, Any]:
    """Name skus whose rows were refused before they were sent: a prune must not delete them."""
    seen = mark_seen(session(), name, json_data.skus, json_data.job)
    session().commit()
    return {"seen": seen}


@blueprint.post("/jobs/<uuid:job_id>/finish")
@requires("ingest")
@blueprint.input(ingest_schemas.FinishIn)
@blueprint.output(ingest_schemas.FinishOut)
def finish_ingest(job_id: UUID, json_data: ingest_schemas.FinishIn) -> dict[str, Any]:
    """End an ingest; with `prune`, delete the items that it did not name."""
    if json_data.prune and json_data.state != "done":
        raise InputError("Only an ingest that is done may prune: the others did not name it all.")
    job = get_job(session(), job_id, lock=True)
    if job.kind is not JobKind.INGEST:
        raise ConflictError(f"job {job_id} is no ingest")
    pruned = _prune(job) if json_data.prune else 0
    result = json_data.result | {"pruned": pruned}
    finish_job(session(), job_id, JobState(json_data.state), result, json_data.error)
    session().commit()
    enqueue_webhooks(services().queue)
    _discard_bytes()
    return {"pruned": pruned}


def _require_open(job_id: UUID) -> None:
    """Refuse the rows of an ingest that an admin has cancelled, or that has ended."""
    job = get_job(session(), job_id)
    if job.state not in OPEN_STATES:
        raise ConflictError(f"This ingest is over, it is {job.state}: start it again.")


def _prune(job: Job) -> int:
    """Prune once: the same call again, after an answer that was lost, says the same number."""
    if job.finished_at:
        return int(job.result.get("pruned", 0))
    catalog = session().get_one(Catalog, job.catalog_id)
    return len(prune_catalog(session(), catalog.name, job.id, services().settings.shop_words))


@blueprint.delete("/catalogs/<name>/items/<path:sku>")
@requires("ingest")
@blueprint.output({}, status_code=204)
def remove_item(name: str, sku: str) -> str:
    """Delete an item and everything of it, from every store."""
    delete_item(session(), name, sku, services().settings.shop_words)
    session().commit()
    _discard_bytes()
    return ""


def _read_photo() -> bytes:
    """The body; one that is too large is refused by its announced length, before it is read."""
    limit = services().settings.max_photo_bytes
    if (request.content_length or 0) > limit:
        raise RequestEntityTooLarge(f"A photo may have {limit:,} bytes at most.")
    request.max_content_length = limit
    return request.get_data(cache=False)


def _discard_bytes() -> None:
    """Remove the bytes of photos nobody shows; the sweep does what the image store won't now."""
    try:
        discard_bytes(session(), services().images)
    except StoreUnavailableError as error:
        session().rollback()
        log.warning("photo bytes are left for the sweep: %s", error)
