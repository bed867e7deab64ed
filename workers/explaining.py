"""Works out why two garments match: heat on both crops, and what each descriptor says.

Called by the `explain_match` task of the interactive worker.
"""

import uuid
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from catalog.errors import CheckpointError, InputError, UnavailableError
from catalog.masks import Mask, decode_mask, fill_outline
from catalog.photos.decode import decode_crop, encode_heat
from catalog.tables import (
    Embedding,
    Explanation,
    ExplanationState,
    Garment,
    Upload,
    UploadGarment,
)
from models.crops import cut_mask
from workers.resources import Resources
from workers.seeing import Pixels

HEAT_SIDE_PX = 256
"""The network sees 14 places a side: more pixels would show nothing more."""

_GONE = "one of the two garments is not there any more"
_MODELS_AWAY = "matches can't be explained at the moment; try again later"
_BEING_CUT = "one of the two garments is just being cut out anew; look again in a moment"
_FAILED = "this match could not be explained"


class _BeingCutError(Exception):
    """A person has redrawn the garment's box, and its crop does not follow it yet."""


@dataclass(frozen=True)
class Side:
    """One garment of a pair: its crop as the embedder saw it, its pixels there, its vector."""

    crop: Pixels
    garment: Mask
    vector: NDArray[np.float32]


@dataclass(frozen=True)
class Pair:
    embedder: str
    query: Side
    other: Side


def explain_match(resources: Resources, explanation_id: uuid.UUID) -> None:
    """Work out an explanation that is pending; one that is gone or over is left alone.

    The task may come twice. One on which the models fail, or its worker dies too often, has failed.
    """
    if not _begin(resources, explanation_id):
        return
    values: dict[str, object]
    try:
        with resources.services.sessions() as session:
            pair = _load_pair(session, explanation_id)
        values = {"reason": _GONE} if pair is None else _explain(resources, pair)
    except (UnavailableError, OperationalError):
        _release(resources, explanation_id)
        raise
    except _BeingCutError:
        values = {"reason": _BEING_CUT}
    except InputError as error:
        values = {"reason": f"one of the two garments can't be read: {error}"}
    except CheckpointError:
        _save(resources, explanation_id, {"reason": _MODELS_AWAY})
        raise
    except Exception:  # the edge of the task: a visitor must not wait for what never comes
        _save(resources, explanation_id, {"reason": _FAILED})
        raise
    _save(resources, explanation_id, values)


def _begin(resources: Resources, explanation_id: uuid.UUID) -> bool:
    """Count an attempt before anything can kill this process; False when nothing is to be done."""
    with resources.services.sessions.begin() as session:
        row = session.get(Explanation, explanation_id, with_for_update=True)
        if row is None or row.state is not ExplanationState.PENDING:
            return False
        if row.attempts >= resources.settings.photo_attempts:
            row.state, row.reason = ExplanationState.FAILED, _FAILED
            return False
        row.attempts += 1
        return True


def _load_pair(session: Session, explanation_id: uuid.UUID) -> Pair | None:
    """Both garments with their vectors; None when a row is gone. Raises _BeingCutError."""
    row = session.get(Explanation, explanation_id)
    if row is None:
        return None
    query = (
        _load_garment(session, row.garment_id, row.embedder)
        if row.garment_id
        else _load_found(session, row.upload_garment_id)
    )
    other = _load_garment(session, row.other_id, row.embedder)
    return Pair(row.embedder, query, other) if query and other else None


def _load_garment(session: Session, garment_id: uuid.UUID, embedder: str) -> Side | None:
    row = session.execute(
        select(Garment.crop, Garment.mask, Garment.box, Garment.stale, Embedding.vector)
        .join(Embedding, Embedding.garment_id == Garment.id)
        .where(Garment.id == garment_id, Embedding.embedder == embedder)
    ).one_or_none()
    if row is None:
        return None
    if row.stale:
        raise _BeingCutError
    return _make_side(row.crop, decode_mask(row.mask), row.box, row.vector)


def _load_found(session: Session, garment_id: uuid.UUID | None) -> Side | None:
    """A garment of a visitor's photo; of its mask only the outline is kept."""
    row = session.execute(
        select(UploadGarment.crop, UploadGarment.outline, UploadGarment.box)
        .add_columns(UploadGarment.vector, Upload.height, Upload.width)
        .join(Upload, Upload.id == UploadGarment.upload_id)
        .where(UploadGarment.id == garment_id)
    ).one_or_none()
    if row is None:
        return None
    mask = fill_outline(row.outline, row.height, row.width)
    return _make_side(row.crop, mask, row.box, row.vector)


def _make_side(data: bytes, mask: Mask, box: list[float], vector: NDArray[np.float32]) -> Side:
    crop = decode_crop(data)
    garment = cut_mask(mask, box)
    if garment.shape != crop.shape[:2]:
        raise InputError(f"a crop of {crop.shape[:2]} does not fit its mask of {garment.shape}")
    return Side(crop, garment, vector)


def _explain(resources: Resources, pair: Pair) -> dict[str, object]:
    """What is saved of a pair."""
    from models.embedding import explain

    embedder = resources.embedder(pair.embedder)
    sides = (pair.query, pair.other)
    heat, other_heat = explain.explain_match(
        embedder, [side.crop for side in sides], [side.garment for side in sides]
    )
    vectors = (pair.query.vector, pair.other.vector)
    return {
        "descriptors": explain.compare_descriptors(embedder.descriptors, *vectors),
        "place": explain.name_place(heat, pair.query.garment),
        "other_place": explain.name_place(other_heat, pair.other.garment),
        "heat": encode_heat(heat, HEAT_SIDE_PX),
        "other_heat": encode_heat(other_heat, HEAT_SIDE_PX),
    }


def _save(resources: Resources, explanation_id: uuid.UUID, values: dict[str, object]) -> None:
    """What came out; whoever gets so far has survived, so the attempts begin anew."""
    state = ExplanationState.FAILED if "reason" in values else ExplanationState.DONE
    with resources.services.sessions.begin() as session:
        _update(session, explanation_id, {"state": state, "attempts": 0, **values})


def _release(resources: Resources, explanation_id: uuid.UUID) -> None:
    """A part that was away is no fault of the pair's: it stays pending."""
    with suppress(OperationalError), resources.services.sessions.begin() as session:
        _update(session, explanation_id, {"attempts": 0})


def _update(session: Session, explanation_id: uuid.UUID, values: dict[str, object]) -> None:
    pending = Explanation.state == ExplanationState.PENDING
    session.execute(
        update(Explanation).where(Explanation.id == explanation_id, pending).values(values)
    )
