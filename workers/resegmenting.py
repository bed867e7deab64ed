"""The re-index from photos: a new segmenter looks at every photo that an item shows.

Called by `advance_reindex`. The job's parameters hold the last photo done (`after`) and the ones
being tried (`trying`): a photo that takes its worker down is left out after a few tries.
"""

import time
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from catalog.errors import UnavailableError
from catalog.jobs import advance_job, log_job
from catalog.roles import assign_roles
from catalog.tables import Garment, Generation, ItemPhoto, Job, Photo, PhotoState, Work
from workers.indexing import (
    PhotoRef,
    Result,
    Target,
    decode,
    live_targets,
    save_seen,
    see_batch,
)
from workers.recropping import recut_at_once
from workers.resources import Resources


def resegment_some(
    resources: Resources, job_id: uuid.UUID, generation: Generation, until: float
) -> bool:
    """Segment photos that the generation's segmenter has not seen; true when some are left."""
    while time.monotonic() < until:
        photos = _next_photos(resources, job_id, generation)
        if not photos:
            return False
        try:
            _resegment(resources, job_id, generation, photos)
        except UnavailableError:
            _forget_try(resources, job_id)
            raise
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


def _forget_try(resources: Resources, job_id: uuid.UUID) -> None:
    """A store that was down is no fault of the photos: nobody died of them."""
    with resources.services.sessions.begin() as session:
        job = session.get_one(Job, job_id, with_for_update=True)
        job.parameters = {key: value for key, value in job.parameters.items() if key != "trying"}


def _resegment(
    resources: Resources, job_id: uuid.UUID, generation: Generation, photos: list[PhotoRef]
) -> None:
    target = _find_target(resources, generation)
    resources.segmenter(target.segmenter)  # loaded before the time is taken
    started = time.monotonic()
    decoded = [decode(resources, photo) for photo in photos]
    results = see_batch(resources, decoded, [target])
    with resources.services.sessions.begin() as session:
        _save(session, target, results)
        session.flush()
        assign_roles(session, [photo.id for photo in photos], resources.settings.shop_words)
        for result in results:
            if result.error:
                log_job(session, job_id, "error", f"photo {result.photo.sha256}: {result.error}")
        _move_on(session, job_id, photos)
        passed_s = time.monotonic() - started
        resources.pace.note(Work.PHOTOS, len(photos), passed_s, target.segmenter)
    # What people drew wins over what was seen, before this index serves.
    recut_at_once(resources, [photo.id for photo in photos], generation.segmenter)
    _save_pace(resources)


def _save_pace(resources: Resources) -> None:
    with resources.services.sessions.begin() as session:
        resources.pace.save(session)


def _find_target(resources: Resources, generation: Generation) -> Target:
    """The generation's pair; with the embedder that serves, where both share the segmenter.

    Its garments lose their vectors then, and without new ones searches would lose them.
    """
    targets = live_targets(resources)
    serving = (each.embedders for each in targets if each.segmenter == generation.segmenter)
    embedders = dict.fromkeys([generation.embedder, *next(serving, ())])
    return Target(generation.segmenter, tuple(embedders))


def _save(session: Session, target: Target, results: Sequence[Result]) -> None:
    """All photos are locked first, in order of id, as those who index photos do."""
    seen = {result.photo.id: result.seen[0] for result in results if result.error is None}
    photos = session.scalars(
        select(Photo).where(Photo.id.in_(seen)).order_by(Photo.id).with_for_update(key_share=True)
    ).all()
    for photo in photos:
        save_seen(session, photo, target, seen[photo.id])


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
