"""Cuts out what people drew: a mask inside the given box, the crop, its colours and its vectors.

Called by the `recut_photo` task, by the sweep through it, and by the re-index of photos at once.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from catalog.errors import CheckpointError, ConfigError, LookalikeError, UnavailableError
from catalog.garments import NewGarment
from catalog.masks import decode_mask
from catalog.photos.decode import decode_crop
from catalog.recuts import (
    Cut,
    begin_recut,
    enqueue_recuts,
    find_cuts,
    note_failure,
    requested_among,
    save_cut,
    settle_recut,
    uncount,
)
from catalog.roles import assign_roles, lock_items
from catalog.search.generations import hold_live_generations
from catalog.tables import Photo
from workers.indexing import PhotoRef, Target, decode, live_targets
from workers.resources import Resources
from workers.seeing import Pixels, describe_garment, embed_in_batches

LEAST_SHARE = 0.01
"""A mask that covers less of its box counts as none."""

_REASON_LENGTH = 300

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recropped:
    """A cut with all that is stored of it; vectors by embedder."""

    cut: Cut
    garment: NewGarment
    vectors: Mapping[str, NDArray[np.float32]]
    boxed: bool


def recut_photo(resources: Resources, photo_id: int, looked: Collection[str] = ()) -> int:
    """Cut what people drew in one photo for the indexes that live; returns how many were saved.

    `looked` names segmenters that are known to have looked at the photo. What is changed or begun
    meanwhile stays requested. Raises what may work later, and anything unexpected, with the reason
    noted and, for the latter, the attempt counted.
    """
    attempts = resources.settings.photo_attempts
    with resources.services.sessions.begin() as session:
        if not begin_recut(session, photo_id, attempts):
            return 0
    try:
        return _recut(resources, photo_id, looked)
    except (UnavailableError, OperationalError):
        _note(resources, photo_id, None, counted=False)
        raise
    except (CheckpointError, ConfigError) as error:
        _note(resources, photo_id, f"waits for its models: {error}", counted=False)
        raise
    except LookalikeError as error:  # the photo's bytes are gone or can't be read
        _note(resources, photo_id, str(error), final=True)
        return 0
    except Exception as error:  # the edge of the task: a person should see why
        _note(resources, photo_id, f"{type(error).__name__}: {error}")
        raise


def recut_at_once(resources: Resources, photo_ids: Sequence[int], segmenter: str) -> None:
    """Cut what is requested in photos that this segmenter has just seen; the rest is the sweep's.

    A re-index must not fail over it, so whatever goes wrong is only logged.
    """
    with resources.services.sessions() as session:
        requested = requested_among(session, photo_ids)
    for photo_id in requested:
        try:
            recut_photo(resources, photo_id, [segmenter])
        except Exception as error:
            _log.warning("photo %d is cut anew later: %s", photo_id, error)


def enqueue_requested(resources: Resources, photo_ids: Collection[int]) -> None:
    """Have cut what saving these photos has requested."""
    services = resources.services
    with services.sessions() as session:
        if requested := requested_among(session, photo_ids):
            enqueue_recuts(services.queue, session, requested)


def _recut(resources: Resources, photo_id: int, looked: Collection[str]) -> int:
    targets = live_targets(resources)
    segmenters = [target.segmenter for target in targets]
    with resources.services.sessions() as session:
        cuts = find_cuts(session, photo_id, segmenters, looked)
        photo = session.get(Photo, photo_id)
        ref = PhotoRef(photo_id, photo.sha256) if photo else None
    done: list[Recropped] = []
    if cuts and ref is not None:
        decoded = decode(resources, ref)
        if decoded.error is not None:
            raise decoded.error
        assert decoded.pixels is not None, "it has either pixels or an error"
        for target in targets:
            mine = [cut for cut in cuts if cut.segmenter == target.segmenter]
            done += recrop(resources, decoded.pixels, target, mine)
    with resources.services.sessions.begin() as session:
        return _save(resources, session, photo_id, targets, looked, done)


def recrop(
    resources: Resources, photo: Pixels, target: Target, cuts: Sequence[Cut]
) -> list[Recropped]:
    """Mask, crop, colours and vectors of some boxes of one photo, as this target sees them."""
    if not cuts:
        return []
    from models.segmentation.infer import FoundGarment  # brings torch along

    masks = _find_masks(resources, photo, target.segmenter, cuts)
    described, boxed = [], []
    for cut, mask in zip(cuts, masks, strict=True):
        whole = _box_mask(photo.shape[:2], cut.box)
        empty = (mask & whole).sum() < LEAST_SHARE * whole.sum()
        found = FoundGarment(cut.category, cut.score, cut.box, whole if empty else mask)
        described.append(describe_garment(photo, found))
        boxed.append(bool(empty))
    crops = [decode_crop(garment.crop) for garment in described]
    vectors = {
        name: embed_in_batches(crops, resources.embedder(name), resources.settings.embed_batch)
        for name in target.embedders
    }
    return [
        Recropped(cut, garment, {name: rows[place] for name, rows in vectors.items()}, whole)
        for place, (cut, garment, whole) in enumerate(zip(cuts, described, boxed, strict=True))
    ]


def _find_masks(
    resources: Resources, photo: Pixels, segmenter_id: str, cuts: Sequence[Cut]
) -> list[NDArray[np.bool_]]:
    """Masks of the photo's size; those that were found in the very box are taken as they are."""
    asked = [cut for cut in cuts if cut.mask is None]
    segmenter = resources.segmenter(segmenter_id)
    seen = iter(
        segmenter.masks_in_boxes(photo, [cut.box for cut in asked], [cut.category for cut in asked])
    )
    return [next(seen) if cut.mask is None else decode_mask(dict(cut.mask)) for cut in cuts]


def _box_mask(shape: tuple[int, ...], box: Sequence[float]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, dtype=bool)
    x0, y0, x1, y1 = (round(edge) for edge in box)
    mask[max(0, y0) : y1, max(0, x0) : x1] = True
    return mask


def _save(
    resources: Resources,
    session: Session,
    photo_id: int,
    targets: Sequence[Target],
    looked: Collection[str],
    done: Sequence[Recropped],
) -> int:
    """Store the cuts, unless an index lives that they do not serve: the sweep comes again."""
    live = {(each.segmenter, each.embedder) for each in hold_live_generations(session)}
    served = {(target.segmenter, name) for target in targets for name in target.embedders}
    held = session.scalar(
        select(Photo.id).where(Photo.id == photo_id).with_for_update(key_share=True)
    )
    if held is None or not served >= live:
        return 0
    lock_items(session, (), [photo_id])
    saved = [
        save_cut(session, photo_id, one.cut, one.garment, one.vectors, boxed=one.boxed)
        for one in done
    ]
    assign_roles(session, [photo_id], resources.settings.shop_words)
    settle_recut(session, photo_id, [target.segmenter for target in targets], looked)
    return sum(garment_id is not None for garment_id in saved)


def _note(
    resources: Resources,
    photo_id: int,
    reason: str | None,
    *,
    counted: bool = True,
    final: bool = False,
) -> None:
    """With the database away the sweep tries again by itself."""
    words = reason[:_REASON_LENGTH] if reason else None
    with suppress(OperationalError), resources.services.sessions.begin() as session:
        if counted:
            last = resources.settings.photo_attempts if final else None
            note_failure(session, photo_id, words, last)
        else:
            uncount(session, photo_id, words)
