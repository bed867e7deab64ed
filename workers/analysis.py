"""Search by photo: finds the garments of an upload and keeps their vectors until it expires.

Called by the `analyze_photo` task of the interactive worker.
"""

import uuid
from contextlib import suppress

from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from catalog.errors import (
    CheckpointError,
    ConfigError,
    NotFoundError,
    PhotoError,
    UnavailableError,
)
from catalog.photos.decode import decode_photo, photo_limits
from catalog.photos.image_store import upload_key
from catalog.tables import Generation, Upload, UploadGarment, UploadState
from workers.resources import Resources
from workers.seeing import SeenPhoto, see_photos

_MODELS_FAILED = "the garments in it could not be looked for; try another photo"

_MODELS_AWAY = "searching by photo does not work at the moment; try again later"


def analyze_upload(resources: Resources, upload_id: uuid.UUID) -> None:
    """See an upload with the active generation's models; a photo without garments is done too.

    An upload that has expired or is analysed already is left alone: the task may come twice. One
    on which the models fail, or its worker dies too often, has failed.
    """
    if not _begin(resources, upload_id):
        return
    try:
        generation = resources.active_generation()
        seen = _see(resources, upload_id, generation)
    except (PhotoError, NotFoundError) as error:
        _finish(resources, upload_id, [], reason=str(error))
        return
    except (UnavailableError, OperationalError):
        _uncount(resources, upload_id)
        raise
    except (CheckpointError, ConfigError):
        _finish(resources, upload_id, [], reason=_MODELS_AWAY)
        raise
    except Exception:  # the edge of the task: a visitor must not wait for what never comes
        _finish(resources, upload_id, [], reason=_MODELS_FAILED)
        raise
    _finish(resources, upload_id, _garments(seen, generation.embedder))


def _begin(resources: Resources, upload_id: uuid.UUID) -> bool:
    """Count an attempt before anything can kill this process; False when nothing is to be done."""
    with resources.services.sessions.begin() as session:
        upload = session.get(Upload, upload_id, with_for_update=True)
        if upload is None or upload.state is not UploadState.PENDING:
            return False
        if upload.attempts >= resources.settings.photo_attempts:
            upload.state, upload.reason = UploadState.FAILED, _MODELS_FAILED
            return False
        upload.attempts += 1
        return True


def _uncount(resources: Resources, upload_id: uuid.UUID) -> None:
    """A part that was away is no fault of the photo's."""
    with suppress(OperationalError), resources.services.sessions.begin() as session:
        session.execute(
            update(Upload).where(Upload.id == upload_id).values(attempts=Upload.attempts - 1)
        )


def _see(resources: Resources, upload_id: uuid.UUID, generation: Generation) -> SeenPhoto:
    data = resources.services.images.get(upload_key(upload_id))
    photo = decode_photo(data, photo_limits(resources.settings))
    embedders = {generation.embedder: resources.embedder(generation.embedder)}
    segmenter = resources.segmenter(generation.segmenter)
    return see_photos([photo], segmenter, embedders, resources.settings.embed_batch)[0]


def _garments(seen: SeenPhoto, embedder: str) -> list[UploadGarment]:
    return [
        UploadGarment(
            category=garment.category,
            score=garment.score,
            box=list(garment.box),
            outline=garment.outline,
            crop=garment.crop,
            embedder=embedder,
            vector=vector,
        )
        for garment, vector in zip(seen.garments, seen.vectors[embedder], strict=True)
    ]


def _finish(
    resources: Resources,
    upload_id: uuid.UUID,
    garments: list[UploadGarment],
    reason: str | None = None,
) -> None:
    with resources.services.sessions.begin() as session:
        upload = session.get(Upload, upload_id, with_for_update=True)
        if upload is None or upload.state is not UploadState.PENDING:
            return
        upload.garments = garments
        upload.state = UploadState.FAILED if reason else UploadState.DONE
        upload.reason = reason
