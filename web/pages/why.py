"""Why a similar item is similar: a page of its own for each pair, or a part of its card.

Hangs its routes beside those of the item page and of the search by photo. Public like them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from flask import Response, make_response, render_template, request, url_for

from catalog.errors import BusyError, ConflictError, NotFoundError, UnavailableError
from catalog.explaining import explain_found, explain_garments
from catalog.tables import Explanation, ExplanationState
from web import queries
from web.pages import browse, search
from web.services import services, session
from web.uploads import get_search
from web.why import (
    find_item_of,
    get_found_heat,
    heat_urls,
    is_slow,
    read_descriptors,
    similarity_of,
    stand_out,
)

_AGAIN_S = "2"


@dataclass(frozen=True)
class Side:
    """One garment of a pair: what it is and where its crop is shown."""

    category: str
    crop: str


@browse.blueprint.get("/items/<int:item_id>/why/<uuid:garment_id>/<uuid:other_id>")
def why(item_id: int, garment_id: UUID, other_id: UUID) -> Response:
    """Why a garment of an item and one of another match."""
    garment = browse.own_garment(queries.get_item(session(), item_id), garment_id)
    sides = {"query": Side(garment.category, _crop(garment_id)), "other": _other(other_id)}
    back = url_for("browse.item", item_id=item_id, garment=garment_id, _anchor="similar")
    asked = _ask(lambda: explain_garments(session(), services().queue, garment_id, other_id))
    return _show(sides, back, other_id, *asked)


@search.blueprint.get("/<uuid:upload_id>/why/<uuid:garment_id>/<uuid:other_id>", endpoint="why")
def why_found(upload_id: UUID, garment_id: UUID, other_id: UUID) -> Response:
    """Why a garment of a visitor's photo and one of the catalog match."""
    garments = get_search(session(), upload_id).garments
    garment = next((each for each in garments if each.id == garment_id), None)
    if garment is None:
        raise NotFoundError("garment", garment_id)
    crop = url_for("search.crop", upload_id=upload_id, garment_id=garment_id)
    sides = {"query": Side(garment.category, crop), "other": _other(other_id)}
    back = url_for("search.show", upload_id=upload_id, garment=garment_id)
    asked = _ask(lambda: explain_found(session(), services().queue, garment, other_id))
    return _show(sides, back, other_id, *asked, upload_id)


@search.blueprint.get("/<uuid:upload_id>/heat/<uuid:explanation_id>/<side>.webp")
def heat(upload_id: UUID, explanation_id: UUID, side: str) -> Response:
    """Where a garment of the visitor's photo, or the one found, is like the other."""
    data = get_found_heat(session(), upload_id, explanation_id, side)
    return Response(data, mimetype="image/webp", headers={"Cache-Control": "private, max-age=600"})


def _other(garment_id: UUID) -> Side:
    return Side(queries.get_garment(session(), garment_id).category, _crop(garment_id))


def _crop(garment_id: UUID) -> str:
    return url_for("images.crop", garment_id=garment_id)


def _ask(ask: Callable[[], Explanation]) -> tuple[Explanation | None, str]:
    """The explanation, or why it can't be had now: the garments are shown all the same."""
    try:
        return ask(), ""
    except BusyError:
        return None, "So many matches are being explained at the moment. Please try again shortly."
    except UnavailableError:
        return None, "Matches can't be explained at the moment. Please try again shortly."
    except (ConflictError, NotFoundError):
        return None, "The index has changed since these items were found. Please search again."


def _show(
    sides: dict[str, Side],
    back: str,
    other_id: UUID,
    explanation: Explanation | None,
    problem: str,
    upload_id: UUID | None = None,
) -> Response:
    """The pair as a page, which looks again by itself while it is pending, or as a fragment."""
    fragment = request.args.get("fragment") == "1"
    waiting = explanation is not None and explanation.state is ExplanationState.PENDING
    descriptors = read_descriptors(explanation) if explanation else []
    page = render_template(
        "_why_pair.html" if fragment else "why.html",
        sides=sides,
        back=back,
        other=find_item_of(session(), other_id),
        other_id=other_id,
        explanation=explanation,
        problem=problem or (explanation.reason if explanation else None),
        waiting=waiting,
        slow=explanation is not None and is_slow(explanation),
        descriptors=descriptors,
        score=similarity_of(descriptors),
        sentence=stand_out(descriptors),
        heat=heat_urls(explanation, upload_id) if explanation else {},
    )
    response = make_response(page)
    response.headers["Cache-Control"] = "private, no-store"
    if waiting and not fragment:
        response.headers["Refresh"] = _AGAIN_S
    return response
