"""How an explanation of a match reads: descriptors in words, addresses of crops and heat.

Used by the pages and the API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import url_for
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from catalog.errors import NotFoundError
from catalog.tables import (
    Explanation,
    ExplanationState,
    Garment,
    Item,
    ItemPhoto,
    Upload,
    UploadGarment,
)

SIDES = {"query": Explanation.heat, "other": Explanation.other_heat}
"""The garment that was asked with, and the one that was found."""

_SLOW_AFTER = timedelta(seconds=15)
_DESCRIPTORS = {
    "S": ("mean", "Overall look"),
    "M": ("max", "Strongest details"),
    "G": ("generalised mean", "Between the two"),
}

_USUAL = {"S": (-0.1, -0.45), "M": (0.09, 0.35)}
"""How far a descriptor usually is from the whole: at most the first, less (the second times what is
missing to 1) where garments are nearly the same. Measured between garments seen by the shipped
embedder; maxima agree more easily than means."""

_UNUSUAL = 0.07

_STANDS_OUT = {
    "S": "More alike in the overall look than such matches usually are.",
    "M": "Rests on a few strong details more than such matches usually do.",
}


@dataclass(frozen=True)
class Descriptor:
    """What one of CGD's descriptors says of two garments: `similarity` is a cosine."""

    letter: str
    name: str
    words: str
    similarity: float


def read_descriptors(explanation: Explanation) -> list[Descriptor]:
    """What each descriptor says, in the order S, M, G; empty until it is done."""
    said: Mapping[str, float] = explanation.descriptors
    return [
        Descriptor(letter, *words, said[letter])
        for letter, words in _DESCRIPTORS.items()
        if letter in said
    ]


def similarity_of(descriptors: Sequence[Descriptor]) -> float | None:
    """The similarity of the whole, which is the descriptors' mean; None while nothing is known."""
    if not descriptors:
        return None
    return sum(each.similarity for each in descriptors) / len(descriptors)


def stand_out(descriptors: Sequence[Descriptor]) -> str:
    """A sentence about a match in which one descriptor says unusually much; otherwise empty."""
    score = similarity_of(descriptors) or 0.0
    more = {
        each.letter: each.similarity - score - _usual(each.letter, score)
        for each in descriptors
        if each.letter in _USUAL
    }
    most = max(more, key=more.__getitem__, default="")
    return _STANDS_OUT[most] if len(more) == len(_USUAL) and more[most] > _UNUSUAL else ""


def _usual(letter: str, score: float) -> float:
    furthest, share = _USUAL[letter]
    return min(furthest, share * (1 - score), key=abs)


def is_slow(explanation: Explanation) -> bool:
    """Whether somebody waits for it so long that no worker may be there."""
    waiting = explanation.state is ExplanationState.PENDING
    return waiting and explanation.created_at < datetime.now(UTC) - _SLOW_AFTER


def heat_urls(explanation: Explanation, upload_id: UUID | None = None) -> dict[str, str]:
    """The addresses of both sides' heat; none until it is done. Of an upload they are private."""
    if explanation.state is not ExplanationState.DONE:
        return {}
    return {side: _heat_url(explanation.id, side, upload_id) for side in SIDES}


def get_heat(session: Session, explanation_id: UUID, side: str) -> bytes:
    """Heat of a match in the catalog, as WebP; raises NotFoundError, also until it is done."""
    return _get_heat(session, explanation_id, side, Explanation.upload_garment_id.is_(None))


def get_found_heat(session: Session, upload_id: UUID, explanation_id: UUID, side: str) -> bytes:
    """The same of a garment in a visitor's photo, whose `upload_id` only the visitor knows."""
    theirs = (
        select(UploadGarment.id)
        .join(Upload, Upload.id == UploadGarment.upload_id)
        .where(Upload.id == upload_id, Upload.expires_at > datetime.now(UTC))
    )
    own = Explanation.upload_garment_id.in_(theirs)
    return _get_heat(session, explanation_id, side, own)


def find_item_of(session: Session, garment_id: UUID) -> Item | None:
    """An item whose photo shows a garment; its first, where several do."""
    return session.scalars(
        select(Item)
        .join(ItemPhoto, ItemPhoto.item_id == Item.id)
        .join(Garment, Garment.photo_id == ItemPhoto.photo_id)
        .where(Garment.id == garment_id, Item.deleted_at.is_(None))
        .order_by(Item.id)
        .limit(1)
    ).one_or_none()


def why_json(
    explanation: Explanation, crops: Mapping[str, str], upload_id: UUID | None = None
) -> dict[str, Any]:
    """An explanation for the API; `crops` has the addresses of both sides' crops, where public."""
    descriptors = read_descriptors(explanation)
    heat = heat_urls(explanation, upload_id)
    places = {"query": explanation.place, "other": explanation.other_place}
    return {
        "state": explanation.state,
        "reason": explanation.reason,
        "score": similarity_of(descriptors),
        "descriptors": [vars(each) for each in descriptors],
    } | {
        side: {
            "crop_url": crops[side],
            "heat_url": heat.get(side),
            "strongest": places[side],
        }
        for side in SIDES
    }


def _heat_url(explanation_id: UUID, side: str, upload_id: UUID | None) -> str:
    if upload_id is None:
        return url_for("images.heat", explanation_id=explanation_id, side=side)
    return url_for("search.heat", upload_id=upload_id, explanation_id=explanation_id, side=side)


def _get_heat(session: Session, explanation_id: UUID, side: str, own: ColumnElement[bool]) -> bytes:
    if side not in SIDES:
        raise NotFoundError("heat", side)
    heat = session.scalar(select(SIDES[side]).where(Explanation.id == explanation_id, own))
    if heat is None:
        raise NotFoundError("heat", explanation_id)
    return heat
