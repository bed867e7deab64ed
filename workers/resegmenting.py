"""The re-index from photos: a new segmenter looks at every photo that an item shows.

Called by `advance_reindex`. The job's parameters hold the last photo done (`after`) and the ones
being tried (`trying`): a photo that takes its worker down is left out after a few tries.
"""

import time
import uuid
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from catalog.jobs import advance_job, log_job
from catalog.roles import assign_roles
from catalog.tables import Garment, Generation, ItemPhoto, Job, Photo, PhotoState
from workers.indexing import PhotoRef, Target, decode, save_seen
from workers.resources import Resources
from workers.seeing import see_photos


def resegment_some(
    resources: Resources, job_id: uuid.UUID, generation: Generation, until: float
) -> bool:
    """Segment photos that the generation's segmenter has not seen; true when some are left."""
    while time.monotonic() < until:
        photos = _next_photos(resources, job_id, generation)
        if not photos:
            return False
        _resegment(resources, job_id, generation, photos)
    return True


def _next_photos(resources: Resources, job_id: uuid.UUID, generation: Generation) -> list[PhotoRef]:
    """The next photos by id, written down as being tried before anything can go wrong.

    If the last try died, its photos come one at a time, each at most `photo_attempts` times.
    """
    with resources.services.sessions.begin() as session:
        job = session.get_one(Job, job_id, with_for_update=True)
        place = dict(job.parameters)
        _count_deaths(session, job, place, resources.settings.photo_attempts)
        careful = bool(place.get("deaths"))
        limit = 1 if careful else resources.settings.segment_batch
        rows = session.execute(_behind(place.get("after", 0)).limit(limit)).all()
        rows = rows or session.execute(_came_late(job, generation).limit(limit)).all()
        photos = [PhotoRef(row.id, row.sha256) for row in rows]
        place["trying"] = [photo.id for photo in photos]
        job.parameters = place
    return photos


def _count_deaths(session: Session, job: Job, place: dict[str, Any], attempts: int) -> None:
    """What is still being tried now was tried by a process that died."""
    tried = place.pop("trying", [])
    if not tried:
        return
    place["deaths"] = place.get("deaths", 0) + 1
    if len(tried) == 1 and place["deaths"] >= attempts:
        log_job(session, job.id, "error", f"photo {tried[0]} left out: its worker died {attempts}x")
        place["after"] = max(place.get("after", 0), tried[0])
        place["late"] = [*place.get("late", []), *tried]
        place["deaths"] = 0


def _resegment(
    resources: Resources, job_id: uuid.UUID, generation: Generation, photos: list[PhotoRef]
) -> None:
    target = Target(generation.segmenter, (generation.embedder,))
    decoded = [decode(resources, photo) for photo in photos]
    good = [(one.photo, one.pixels) for one in decoded if one.pixels is not None]
    seen = see_photos(
        [pixels for _, pixels in good],
        resources.segmenter(target.segmenter),
        {generation.embedder: resources.embedder(generation.embedder)},
        resources.settings.embed_batch,
    )
    with resources.services.sessions.begin() as session:
        for (ref, _), what in zip(good, seen, strict=True):
            photo = session.get(Photo, ref.id, with_for_update=True)
            if photo is not None:
                save_seen(session, photo, target, what)
        session.flush()
        assign_roles(session, [ref.id for ref, _ in good], resources.settings.shop_words)
        for one in decoded:
            if one.error:
                log_job(session, job_id, "error", f"photo {one.photo.sha256}: {one.error}")
        _move_on(session, job_id, photos)


def _move_on(session: Session, job_id: uuid.UUID, photos: list[PhotoRef]) -> None:
    job = session.get_one(Job, job_id, with_for_update=True)
    place = dict(job.parameters)
    ids = [photo.id for photo in photos]
    if ids[-1] > place.get("after", 0):
        place["after"] = ids[-1]
    else:
        place["late"] = [*place.get("late", []), *ids]
    place["deaths"] = 0
    place.pop("trying", None)
    job.parameters = place
    left = session.scalar(select(func.count()).select_from(_behind(photos[-1].id).subquery()))
    total = session.scalar(select(func.count()).select_from(_behind(0).subquery())) or 0
    advance_job(session, job_id, done=total - (left or 0), total=total)


def _behind(after: int) -> Select[int, str]:
    """(id, sha256) of the indexed photos behind that id, by id."""
    return _shown().where(Photo.id > after).order_by(Photo.id)


def _came_late(job: Job, generation: Generation) -> Select[int, str]:
    """Photos that a worker had in hand when the job began and saved behind its back.

    Whoever claims a photo later sees the building generation and looks with both segmenters.
    """
    found = select(Garment.id).where(
        Garment.photo_id == Photo.id, Garment.segmenter == generation.segmenter
    )
    looked_at = job.parameters.get("late", [])
    return (
        _shown()
        .where(Photo.indexed_at >= job.created_at, ~found.exists(), Photo.id.not_in(looked_at))
        .order_by(Photo.id)
    )


def _shown() -> Select[int, str]:
    shown = select(ItemPhoto.photo_id).where(ItemPhoto.photo_id == Photo.id).exists()
    return select(Photo.id, Photo.sha256).where(Photo.state == PhotoState.INDEXED, shown)
