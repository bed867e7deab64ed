"""Search by photo for programs: send a photo, ask until it is analyzed, ask what is similar."""

from typing import Any
from uuid import UUID

from flask import url_for

from catalog.errors import NotFoundError
from catalog.search.similar import find_similar_to_vector
from web.api import schemas
from web.api.blueprint import blueprint, requires
from web.api.items import filters_of, similar_page
from web.limits import PHOTO
from web.present import search_json
from web.services import services, session
from web.uploads import get_search, read_search_photo
from web.uploads import start_search as keep_and_enqueue


@blueprint.post("/search")
@requires("read", limit=PHOTO)
@blueprint.output(schemas.SearchStarted, status_code=202)
def start_search() -> dict[str, Any]:
    """Search by a photo in steps: send it, ask for its garments, ask what is similar to one.

    Send the photo as the body, or as the file `photo` of a multipart form; poll `url` until
    `state` is done or failed. The photo is kept without its metadata, and only until it expires.
    """
    upload = keep_and_enqueue(session(), services(), read_search_photo())
    return {"id": upload.id, "url": url_for("api.read_search", upload_id=upload.id)}


@blueprint.get("/search/<uuid:upload_id>")
@requires("read")
@blueprint.output(schemas.SearchOut)
def read_search(upload_id: UUID) -> dict[str, Any]:
    """The garments found in the photo, once `state` is done."""
    return search_json(get_search(session(), upload_id))


@blueprint.get("/search/<uuid:upload_id>/garments/<uuid:garment_id>/similar")
@requires("read")
@blueprint.input(schemas.SimilarQuery, location="query")
@blueprint.output(schemas.SimilarPage)
def similar_to_upload(
    upload_id: UUID, garment_id: UUID, query_data: schemas.SimilarQuery
) -> dict[str, Any]:
    """Items with a garment that looks like one in the photo."""
    garments = get_search(session(), upload_id).garments
    garment = next((each for each in garments if each.id == garment_id), None)
    if garment is None:
        raise NotFoundError("garment", garment_id)
    hits = find_similar_to_vector(
        session(),
        services().index,
        garment.vector,
        filters_of(query_data),
        limit=query_data.limit,
        sold_only=not query_data.all_roles,
        embedder=garment.embedder,
        variety=query_data.variety,
    )
    query = {"search": str(upload_id), "garment": str(garment_id)}
    return similar_page(query, hits, query_data)
