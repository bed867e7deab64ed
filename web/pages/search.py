"""Search by photo: drop a photo, wait a moment, see its garments and what looks like them.

Public. The photo is known by an unguessable id and gone when it expires.
"""

from uuid import UUID

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from catalog.errors import ConflictError, IndexUnavailableError, NotFoundError, PhotoError
from catalog.photos.image_store import upload_key
from catalog.search.points import Filters
from catalog.search.similar import SimilarItem, find_similar_to_vector
from catalog.tables import Upload, UploadGarment, UploadState
from web import queries
from web.forms import PhotoForm
from web.pages.browse import SIMILAR_LIMIT
from web.services import services, session
from web.uploads import get_search, start_search

blueprint = Blueprint("search", __name__, url_prefix="/search")


@blueprint.get("/")
def start() -> str:
    return render_template("search_start.html", form=PhotoForm())


@blueprint.post("/")
def upload() -> AnyResponse | tuple[str, int]:
    """Take the photo and go to its page; a photo that can't be used is explained on the form."""
    form = PhotoForm()
    if not form.validate_on_submit():
        return render_template("search_start.html", form=form), 422
    try:
        search = start_search(session(), services(), form.photo.data.read())
    except PhotoError as error:
        form.photo.errors = [*form.photo.errors, str(error)]
        return render_template("search_start.html", form=form), 422
    return redirect(url_for("search.show", upload_id=search.id), 303)


@blueprint.get("/<uuid:upload_id>")
def show(upload_id: UUID) -> str:
    """The photo with its garments outlined; a script reloads the page when they are found."""
    found = get_search(session(), upload_id)
    selected = _select(found, request.args.get("garment"))
    hits, unavailable = _find_similar(selected) if selected else ([], False)
    return render_template(
        "search.html",
        search=found,
        waiting=found.state is UploadState.PENDING,
        selected=selected,
        any_category=request.args.get("any") == "1",
        hits=hits,
        covers=queries.photos_of(session(), [hit.garment.id for hit in hits]),
        unavailable=unavailable,
    )


@blueprint.get("/<uuid:upload_id>/state")
def state(upload_id: UUID) -> Response:
    return jsonify(state=get_search(session(), upload_id).state)


@blueprint.get("/<uuid:upload_id>/photo.webp")
def photo(upload_id: UUID) -> Response:
    """The visitor's own photo, kept out of shared caches."""
    get_search(session(), upload_id)
    data = services().images.get(upload_key(upload_id))
    return Response(data, mimetype="image/webp", headers={"Cache-Control": "private, max-age=600"})


def _select(search: Upload, asked: str | None) -> UploadGarment | None:
    """The garment asked for, otherwise the surest."""
    chosen = (garment for garment in search.garments if str(garment.id) == asked)
    return next(chosen, search.garments[0] if search.garments else None)


def _find_similar(garment: UploadGarment) -> tuple[list[SimilarItem], bool]:
    """Similar items, and whether the index could not be asked."""
    any_category = request.args.get("any") == "1"
    filters = Filters(category=None if any_category else garment.category)
    try:
        hits = find_similar_to_vector(
            session(),
            services().index,
            garment.vector,
            filters,
            limit=SIMILAR_LIMIT,
            embedder=garment.embedder,
        )
    except (ConflictError, IndexUnavailableError, NotFoundError):
        return [], True
    return list(hits), False
