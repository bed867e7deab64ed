"""The map of the catalog: all garments on one picture, look-alikes side by side.

Public but for starting one. The page's script reads the points as bytes, then ids as it needs them.
"""

import gzip
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from catalog import maps
from catalog.errors import ConflictError
from catalog.search.generations import active_generation
from catalog.tables import CatalogMap, Job
from web.forms import ButtonForm
from web.login import admin_required
from web.map_colours import marks_of
from web.map_garments import get_mapped_garment
from web.services import services, session

BLOCK = 512
"""So many ids go into one answer: a spot's garments are in one or two of them."""

_FOR_EVER = "public, max-age=31536000, immutable"
_BYTES = "application/octet-stream"

blueprint = Blueprint("map", __name__, url_prefix="/map")


@blueprint.get("")
def show() -> str:
    """The map, or how to come by one; the list of its categories says the same in words."""
    made = maps.find_map(session())
    job = maps.find_map_job(session())
    making = maps.is_open(job)
    age = maps.age_of(session(), made) if made else None
    return render_template(
        "map.html",
        made=made,
        marks=marks_of(made.categories) if made else [],
        age=age,
        job=job,
        making=making,
        failed=bool(job and job.error and not making and _is_newer(job, made)),
        garments=age.garments_now if age else _count_garments(),
        block=BLOCK,
        button=ButtonForm(),
    )


@blueprint.post("")
@admin_required
def make() -> AnyResponse:
    """Start to make a map; the page shows how far it is."""
    try:
        maps.start_map(session(), services().queue)
    except ConflictError as error:
        session().rollback()
        flash(str(error), "warning")
    return redirect(url_for("map.show"), 303)


@blueprint.get("/progress")
def progress() -> Response:
    """How far the map that is being made is, for the page's script."""
    job = maps.find_map_job(session())
    answer: dict[str, Any] = {"making": maps.is_open(job)}
    if job is not None:
        answer |= {"state": job.state, "done": job.done, "total": job.total}
    response = jsonify(answer)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/<int:map_id>/points")
def points(map_id: int) -> Response:
    """All x, all y, then all numbers of categories: docs/api.md. One map's never change."""
    zipped = request.accept_encodings["gzip"] > 0
    etag = f"map-{map_id}{'-gzip' if zipped else ''}"
    if request.if_none_match.contains(etag):
        response = Response(status=304)
    else:
        data = maps.read_points(session(), map_id)
        response = Response(data if zipped else gzip.decompress(data), mimetype=_BYTES)
        if zipped:
            response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    return _cached(response, etag)


@blueprint.get("/<int:map_id>/ids/<int:block>")
def ids(map_id: int, block: int) -> Response:
    """The garments' UUIDs of one block of points, 16 bytes each."""
    found = maps.read_ids(session(), map_id, block * BLOCK, BLOCK)
    data = b"".join(garment_id.bytes for garment_id in found)
    return _cached(Response(data, mimetype=_BYTES), f"map-{map_id}-{block}")


@blueprint.get("/garments/<uuid:garment_id>")
def garment(garment_id: UUID) -> Response:
    """What one point stands for: category, title and where to read more."""
    found = get_mapped_garment(session(), garment_id)
    href = url_for("browse.item", item_id=found.item_id, garment=garment_id, _anchor="similar")
    response = jsonify(
        category=found.category, role=found.role, title=found.title, brand=found.brand, href=href
    )
    response.headers["Cache-Control"] = "private, max-age=60"
    return response


def _count_garments() -> int:
    return maps.count_mappable(session(), active_generation(session()))


def _is_newer(job: Job, made: CatalogMap | None) -> bool:
    return made is None or job.created_at > made.created_at


def _cached(response: Response, etag: str) -> Response:
    response.set_etag(etag)
    response.headers["Cache-Control"] = _FOR_EVER
    return response
