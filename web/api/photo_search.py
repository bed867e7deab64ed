"""Similar items of a posted photo in one call: waits a few seconds for what is found in it.

Who can't wait, or whose photo takes longer, asks for the same answer again by its address.
"""

import threading
import time
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, jsonify, request, url_for
from pydantic import Field
from sqlalchemy.orm import Session

from catalog.search.similar import SimilarItem, find_similar_to_vector
from catalog.tables import Upload, UploadGarment, UploadState
from web import queries
from web.api import schemas
from web.api.blueprint import answer_of, blueprint, requires
from web.api.items import filters_of
from web.limits import PHOTO
from web.present import found_json, similar_json
from web.services import services, session
from web.uploads import get_search, read_search_photo, start_search

_LATER = answer_of("SearchStarted", "Still being analysed", "Location", "Retry-After")
_ASK_EVERY_S = 0.1
_RETRY_AFTER_S = "1"
_waiting = threading.BoundedSemaphore(4)
"""Half of a process's threads: the other half serves those who don't wait."""


class SimilarToPhotoQuery(schemas.SimilarQuery):
    wait_s: float = Field(default=5.0, ge=0, le=10)
    """How long to wait for the photo's analysis before the answer is 202."""


class FoundWithSimilar(schemas.FoundOut):
    similar: list[schemas.SimilarOut]


class PhotoSimilarOut(schemas.Out):
    """The garments found in a posted photo, the surest first, each with its similar items."""

    id: UUID
    state: UploadState
    """`done`, or `failed` with a reason."""
    reason: str | None
    width: int
    height: int
    expires_at: datetime
    garments: list[FoundWithSimilar]


@blueprint.post("/similar")
@requires("read", limit=PHOTO)
@blueprint.input(SimilarToPhotoQuery, location="query")
@blueprint.output(PhotoSimilarOut)
@blueprint.doc(responses={202: _LATER})
def similar_to_photo(query_data: SimilarToPhotoQuery) -> Any:
    """Garments in a photo with similar items for each.

    Send the photo as the body, or as the file `photo` of a multipart form. When its analysis
    takes longer than `wait_s`, the answer is 202: ask at `url`, or `Location`, after
    `Retry-After` seconds. The photo is kept without its metadata, and only until it expires.
    """
    upload = start_search(session(), services(), read_search_photo())
    return _answer(_wait_for(session(), upload.id, query_data.wait_s), query_data)


@blueprint.get("/similar/<uuid:upload_id>")
@requires("read")
@blueprint.input(SimilarToPhotoQuery, location="query")
@blueprint.output(PhotoSimilarOut)
@blueprint.doc(responses={202: _LATER})
def similar_to_posted_photo(upload_id: UUID, query_data: SimilarToPhotoQuery) -> Any:
    """The same for a photo that was posted before, until it expires.

    202 while it is still being analysed.
    """
    return _answer(_wait_for(session(), upload_id, query_data.wait_s), query_data)


def _wait_for(session: Session, upload_id: UUID, wait_s: float) -> Upload:
    """The search once it is analysed, or as it is after `wait_s`."""
    upload = get_search(session, upload_id)
    if upload.state is not UploadState.PENDING or not _waiting.acquire(blocking=False):
        return upload
    try:
        until = time.monotonic() + wait_s
        while upload.state is UploadState.PENDING and time.monotonic() < until:
            session.rollback()  # give the connection back while nothing is asked
            time.sleep(_ASK_EVERY_S)
            upload = get_search(session, upload_id)
    finally:
        _waiting.release()
    return upload


def _answer(upload: Upload, asked: SimilarToPhotoQuery) -> Any:
    if upload.state is UploadState.PENDING:
        return _not_yet(upload)
    names = ("id", "state", "reason", "width", "height", "expires_at")
    fields = {name: getattr(upload, name) for name in names}
    hits = [_find(garment, asked) for garment in upload.garments]
    covers = queries.photos_of(session(), [hit.garment.id for each in hits for hit in each])
    found = [
        found_json(garment) | {"similar": similar_json(similar, covers)}
        for garment, similar in zip(upload.garments, hits, strict=True)
    ]
    return fields | {"garments": found}


def _not_yet(upload: Upload) -> Response:
    args: dict[str, Any] = request.args.to_dict()
    url = url_for("api.similar_to_posted_photo", upload_id=upload.id, **args)
    response = jsonify(id=str(upload.id), url=url)
    response.status_code = 202
    response.headers.update({"Location": url, "Retry-After": _RETRY_AFTER_S})
    return response


def _find(garment: UploadGarment, asked: SimilarToPhotoQuery) -> list[SimilarItem]:
    return find_similar_to_vector(
        session(),
        services().index,
        garment.vector,
        filters_of(asked),
        limit=asked.limit,
        sold_only=not asked.all_roles,
        embedder=garment.embedder,
        variety=asked.variety,
    )
