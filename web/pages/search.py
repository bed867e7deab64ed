"""Search by photo: drop a photo, wait a moment, see its garments and what looks like them.

Public. The photo is known by an unguessable id and gone when it expires.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from catalog.errors import ConflictError, IndexUnavailableError, NotFoundError, PhotoError
from catalog.photos.image_store import upload_key
from catalog.search.similar import SimilarItem, find_recommended, find_similar_to_vector
from catalog.tables import Upload, UploadGarment, UploadState
from web import queries
from web.forms import PhotoForm
from web.limits import PHOTO, limits
from web.pages.browse import SIMILAR_LIMIT
from web.services import services, session
from web.similar_options import SimilarOptions, read_options
from web.uploads import get_search, get_search_crop, start_search

blueprint = Blueprint("search", __name__, url_prefix="/search")


@blueprint.get("/")
def start() -> str:
    return render_template("search_start.html", form=PhotoForm())


@blueprint.post("/")
def upload() -> AnyResponse | tuple[str, int]:
    """Take the photo and go to its page; a photo that can't be used is explained on the form."""
    limits().spend(PHOTO)
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
    return render_template(
        "search.html",
        search=found,
        waiting=found.state is UploadState.PENDING,
        **_results(found),
    )


@blueprint.get("/<uuid:upload_id>/similar")
def similar_fragment(upload_id: UUID) -> str:
    """The similar items alone, for the page's script."""
    found = get_search(session(), upload_id)
    return render_template("_search_similar.html", search=found, **_results(found))


@blueprint.get("/<uuid:upload_id>/state")
def state(upload_id: UUID) -> Response:
    return jsonify(state=get_search(session(), upload_id).state)


@blueprint.get("/<uuid:upload_id>/photo.webp")
def photo(upload_id: UUID) -> Response:
    """The visitor's own photo, kept out of shared caches."""
    get_search(session(), upload_id)
    data = services().images.get(upload_key(upload_id))
    return Response(data, mimetype="image/webp", headers={"Cache-Control": "private, max-age=600"})


@blueprint.get("/<uuid:upload_id>/crops/<uuid:garment_id>.webp")
def crop(upload_id: UUID, garment_id: UUID) -> Response:
    """One garment of the visitor's photo."""
    data = get_search_crop(session(), upload_id, garment_id)
    return Response(data, mimetype="image/webp", headers={"Cache-Control": "private, max-age=600"})


def _results(search: Upload) -> dict[str, Any]:
    """What the templates show of a search: the picked garments and what looks like each."""
    options = read_options(request.args)
    picked = _pick(search, request.args.getlist("garment"))
    limit = SIMILAR_LIMIT if len(picked) < 2 else SIMILAR_LIMIT // 2
    results = [(garment, *_find_similar(garment, options, limit)) for garment in picked]
    ids = [hit.garment.id for _, hits, _ in results for hit in hits]
    return {
        "picked": picked,
        "results": results,
        "options": options,
        "covers": queries.photos_of(session(), ids),
    }


def _pick(search: Upload, asked: Sequence[str]) -> list[UploadGarment]:
    """The garments asked for, otherwise the surest."""
    chosen = [garment for garment in search.garments if str(garment.id) in asked]
    return chosen or search.garments[:1]


def _find_similar(
    garment: UploadGarment, options: SimilarOptions, limit: int
) -> tuple[Sequence[SimilarItem], bool]:
    """Similar items, and whether the index could not be asked."""
    filters = options.filters(garment.category)
    variety = options.variety / 100
    try:
        if options.is_steered:
            hits = find_recommended(
                session(),
                services().index,
                options.likes,
                options.dislikes,
                filters,
                limit,
                variety=variety,
                liked_vectors=[garment.vector],
                embedder=garment.embedder,
            )
        else:
            hits = find_similar_to_vector(
                session(),
                services().index,
                garment.vector,
                filters,
                limit,
                embedder=garment.embedder,
                variety=variety,
            )
    except (ConflictError, IndexUnavailableError, NotFoundError):
        return [], True
    return hits, False
