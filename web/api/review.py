"""What reviewers do by program: read the queue, correct garments, take corrections as data."""

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from catalog import reviewing
from catalog.corrections_export import Said, export_corrections, what_was_said
from catalog.errors import InputError
from catalog.review import (
    EntryDetails,
    Why,
    count_entries,
    list_entries,
    load_details,
    read_place,
)
from catalog.tables import Garment, PhotoState, Verdict
from web import queries
from web.api import schemas
from web.api.blueprint import blueprint, requires
from web.api.paging import link_next
from web.present import garment_json, item_brief, variant_url
from web.queries import Cover
from web.services import services, session

Box = tuple[float, float, float, float]


class ReviewQuery(schemas.In):
    reason: Why | None = None
    """Without it all photos that ask for a person; `reviewed` lists what is done."""
    cursor: schemas.Cursor | None = None
    """`next` of the page before."""
    limit: int = Field(default=20, ge=1, le=100)
    """How many at most."""


class ReviewGarment(schemas.GarmentOut):
    excluded: bool
    correction: Said
    """`unreviewed` where nobody has said anything."""
    seen_category: str | None
    """What the segmenter called it, where a person says otherwise."""
    doubted: bool
    """A reason of the entry is about it."""
    stale: bool
    """Its box has changed; crop and vector follow."""
    boxed: bool
    """Its mask is all of its box: no garment was seen in what a person drew."""


class ReviewPhoto(schemas.Out):
    sha256: str
    url: str
    width: int
    height: int
    state: PhotoState
    reason: str | None
    verdict: Verdict | None


class AddedOut(schemas.Out):
    """A garment that a person added and that is not cut out yet."""

    id: int
    category: str
    box: list[float]


class EntryOut(schemas.Out):
    reasons: list[Why]
    item: schemas.ItemBrief
    photo: ReviewPhoto
    garments: list[ReviewGarment]
    added: list[AddedOut]


class ReviewPage(schemas.Out):
    items: list[EntryOut]
    next: str | None
    counts: dict[Why, int]


class CorrectionIn(schemas.In):
    """What is wrong with a garment, or that nothing is."""

    category: schemas.Category | None = None
    box: Box | None = None
    excluded: bool | None = None
    accepted: Literal[True] | None = None


class AddIn(schemas.In):
    category: schemas.Category
    box: Box


class VerdictIn(schemas.In):
    verdict: Verdict | None
    """`empty`: nothing to find in it; `ignored`: failed, and never mind; null takes it back."""


class CocoOut(schemas.Out):
    images: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    categories: list[dict[str, Any]]


@blueprint.get("/review")
@requires("admin")
@blueprint.input(ReviewQuery, location="query")
@blueprint.output(ReviewPage)
def list_review(query_data: ReviewQuery) -> dict[str, Any]:
    """Photos that a person should look at, by item; hand `next` back as `cursor` for more."""
    asked = query_data
    after = read_place(asked.cursor) if asked.cursor else None
    entries = list_entries(session(), asked.reason, after, asked.limit)
    counts = count_entries(session())
    return {
        "items": [_entry_json(one) for one in load_details(session(), entries)],
        "next": link_next(str(entries[-1].place) if len(entries) == asked.limit else None),
        "counts": {why.value: count for why, count in counts.items() if why is not None},
    }


@blueprint.post("/garments/<uuid:garment_id>/correction")
@requires("admin")
@blueprint.input(CorrectionIn)
@blueprint.output(ReviewGarment)
def correct_garment(garment_id: UUID, json_data: CorrectionIn) -> dict[str, Any]:
    """Correct a garment, or accept it. After a new box its crop is cut anew: `stale` until then."""
    asked = json_data
    changes = (asked.category, asked.box, asked.excluded)
    if asked.accepted is None and all(change is None for change in changes):
        raise InputError("Give category, box or excluded, or accepted where all is right.")
    if asked.accepted and asked.excluded:
        raise InputError("A garment is either accepted or excluded.")
    reviewing.correct(
        *(session(), services().queue, garment_id),
        category=asked.category,
        box=asked.box,
        excluded=False if asked.accepted else asked.excluded,
        words=services().settings.shop_words,
    )
    return _garment_json(queries.get_garment(session(), garment_id))


@blueprint.delete("/garments/<uuid:garment_id>/correction")
@requires("admin")
@blueprint.output({}, status_code=204)
def undo_correction(garment_id: UUID) -> str:
    """Take back all that was said of a garment; one that a person added is gone then."""
    words = services().settings.shop_words
    reviewing.undo(session(), services().queue, garment_id, words)
    return ""


@blueprint.post("/photos/<sha256>/garments")
@requires("admin")
@blueprint.input(AddIn)
@blueprint.output(AddedOut, status_code=202)
def add_garment(sha256: str, json_data: AddIn) -> dict[str, Any]:
    """Add a garment that was not found; it is among the photo's garments once it is cut out."""
    words = services().settings.shop_words
    added = reviewing.add(
        session(), services().queue, sha256, json_data.category, json_data.box, words
    )
    return {"id": added.id, "category": added.category, "box": added.new_box}


@blueprint.delete("/corrections/<int:correction_id>")
@requires("admin")
@blueprint.output({}, status_code=204)
def take_back_added(correction_id: int) -> str:
    """Take back an added garment by the id that adding it answered."""
    words = services().settings.shop_words
    reviewing.take_back_added(session(), services().queue, correction_id, words)
    return ""


@blueprint.put("/photos/<sha256>/verdict")
@requires("admin")
@blueprint.input(VerdictIn)
@blueprint.output({}, status_code=204)
def judge_photo(sha256: str, json_data: VerdictIn) -> str:
    """Take a photo out of the queue as a whole, or put it back; 409 if it is not in that state."""
    words = services().settings.shop_words
    reviewing.judge(session(), services().queue, sha256, json_data.verdict, words)
    return ""


@blueprint.get("/corrections")
@requires("admin")
@blueprint.output(CocoOut)
def export_corrected() -> dict[str, Any]:
    """What was reviewed as a COCO file, to train segmenters on."""
    return export_corrections(session()).content


def _entry_json(details: EntryDetails) -> dict[str, Any]:
    photo = details.photo
    cover = Cover(photo.sha256, photo.width, photo.height)
    return {
        "reasons": details.entry.reasons,
        "item": item_brief(details.item, cover),
        "photo": {
            "sha256": photo.sha256,
            "url": variant_url(photo.sha256, "large"),
            "width": photo.width,
            "height": photo.height,
            "state": photo.state,
            "reason": photo.reason,
            "verdict": details.review.verdict if details.review else None,
        },
        "garments": [
            _garment_json(garment, garment.id in details.doubted) for garment in details.garments
        ],
        "added": [
            {"id": added.id, "category": added.category, "box": added.new_box}
            for added in details.added
        ],
    }


def _garment_json(garment: Garment, doubted: bool = False) -> dict[str, Any]:
    said = garment.correction
    return garment_json(garment, garment.photo.sha256) | {
        "excluded": garment.excluded,
        "correction": what_was_said(said),
        "seen_category": said.seen if said and said.category else None,
        "doubted": doubted,
        "stale": garment.stale,
        "boxed": garment.boxed,
    }
