"""Why two garments match, for programs: ask until it is worked out."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from flask import url_for

from catalog.errors import NotFoundError
from catalog.explaining import explain_found, explain_garments
from catalog.tables import Explanation, ExplanationState
from web.api import schemas
from web.api.blueprint import answer_of, blueprint, requires
from web.services import services, session
from web.uploads import get_search
from web.why import why_json

_AGAIN_S = "1"
_PENDING = {202: answer_of("WhyOut", "A worker is at it: `state` is pending", "Retry-After")}

Answer = tuple[dict[str, Any], int, dict[str, str]]


class DescriptorOut(schemas.Out):
    letter: Literal["S", "M", "G"]
    name: str
    words: str
    similarity: float
    """Cosine, in [-1, 1]."""


class WhySide(schemas.Out):
    crop_url: str
    heat_url: str | None
    """A grey WebP in the crop's proportions: the whiter, the more this place adds to the match."""
    strongest: str | None
    """Where on the garment that is most, in words."""


class WhyOut(schemas.Out):
    state: ExplanationState
    reason: str | None
    score: float | None
    """The cosine similarity of the two garments: the mean of what the descriptors say."""
    descriptors: list[DescriptorOut]
    query: WhySide
    other: WhySide


@blueprint.get("/garments/<uuid:garment_id>/why/<uuid:other_id>")
@requires("read")
@blueprint.output(WhyOut)
@blueprint.doc(responses=_PENDING)
def explain_match(garment_id: UUID, other_id: UUID) -> Answer:
    """Why two garments match: heat over both crops, and what each of CGD's descriptors says."""
    explanation = explain_garments(session(), services().queue, garment_id, other_id)
    return _answer(explanation, {"query": _crop(garment_id), "other": _crop(other_id)})


@blueprint.get("/search/<uuid:upload_id>/garments/<uuid:garment_id>/why/<uuid:other_id>")
@requires("read")
@blueprint.output(WhyOut)
@blueprint.doc(responses=_PENDING)
def explain_match_with_upload(upload_id: UUID, garment_id: UUID, other_id: UUID) -> Answer:
    """Why a garment in the photo and one of the catalog match."""
    garments = get_search(session(), upload_id).garments
    garment = next((each for each in garments if each.id == garment_id), None)
    if garment is None:
        raise NotFoundError("garment", garment_id)
    explanation = explain_found(session(), services().queue, garment, other_id)
    crop = url_for("search.crop", upload_id=upload_id, garment_id=garment_id)
    return _answer(explanation, {"query": crop, "other": _crop(other_id)}, upload_id)


def _crop(garment_id: UUID) -> str:
    return url_for("images.crop", garment_id=garment_id)


def _answer(
    explanation: Explanation, crops: Mapping[str, str], upload_id: UUID | None = None
) -> Answer:
    body = why_json(explanation, crops, upload_id)
    if explanation.state is ExplanationState.PENDING:
        return body, 202, {"Retry-After": _AGAIN_S}
    return body, 200, {}
