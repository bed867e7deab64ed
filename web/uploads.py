"""Takes in photos: those of a catalog, kept byte for byte, and those somebody searches with.

Called by the API and by the search page.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from flask import abort, request
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, selectinload

from catalog.errors import NotFoundError, QueueUnavailableError
from catalog.photos.decode import encode_variant, inspect_photo, photo_limits
from catalog.photos.discarding import hold_bytes
from catalog.photos.image_store import ImageStore, photo_key, upload_key
from catalog.photos.lost import revive_photo
from catalog.queue import ANALYZE_PHOTO, INTERACTIVE
from catalog.services import Services
from catalog.settings import Settings
from catalog.tables import Photo, Upload, UploadGarment

_SEARCH_SIDE_PX = 1600


def hash_photo(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def receive_photo(
    session: Session, images: ImageStore, data: bytes, settings: Settings
) -> tuple[Photo, bool]:
    """Check and keep a catalog's photo; returns its row and whether it is new. Commits.

    The bytes are written before the row, so that a row never promises what is not there; a photo
    that is known already is written again, and one whose bytes were lost is pending once more.
    Raises PhotoError.
    """
    info = inspect_photo(data, photo_limits(settings))
    sha256 = hash_photo(data)
    hold_bytes(session, sha256)
    images.put(photo_key(sha256), data, info.media_type)
    added = session.execute(
        insert(Photo)
        .values(
            sha256=sha256,
            bytes=len(data),
            media_type=info.media_type,
            width=info.width,
            height=info.height,
        )
        .on_conflict_do_nothing(index_elements=[Photo.sha256])
        .returning(Photo.id)
    ).first()
    revive_photo(session, sha256)
    session.commit()
    return session.scalars(select(Photo).where(Photo.sha256 == sha256)).one(), added is not None


def read_search_photo() -> bytes:
    """The photo that a program searches with: the body, or the file `photo` of a form."""
    if request.mimetype == "multipart/form-data":
        file = request.files.get("photo")
        data = file.read() if file else b""
    else:
        data = request.get_data(cache=False)
    if not data:
        abort(400, "Send the photo as the body, or as the file `photo` of a multipart form.")
    return data


def start_search(session: Session, services: Services, data: bytes) -> Upload:
    """Keep a photo to search with until it expires and have it analyzed. Commits.

    Only a re-encoded copy without metadata is kept. Raises PhotoError, QueueUnavailableError.
    """
    limits = photo_limits(services.settings)
    copy = encode_variant(data, _SEARCH_SIDE_PX, limits)
    info = inspect_photo(copy, limits)
    expires_at = datetime.now(UTC) + timedelta(seconds=services.settings.upload_expires_s)
    upload = Upload(id=uuid4(), width=info.width, height=info.height, expires_at=expires_at)
    services.images.put(upload_key(upload.id), copy, info.media_type)
    session.add(upload)
    session.commit()
    try:
        services.queue.enqueue(ANALYZE_PHOTO, str(upload.id), queue=INTERACTIVE)
    except QueueUnavailableError:
        # Nobody would ever look at it, and a stranger's photo is not kept without need.
        session.delete(upload)
        session.commit()
        services.images.delete(upload_key(upload.id))
        raise
    return upload


def get_search(session: Session, upload_id: UUID) -> Upload:
    """A search with what was found in its photo; raises NotFoundError, also once expired."""
    upload = session.scalars(
        select(Upload)
        .where(Upload.id == upload_id, Upload.expires_at > datetime.now(UTC))
        .options(selectinload(Upload.garments))
    ).one_or_none()
    if upload is None:
        raise NotFoundError("search", upload_id)
    return upload


def get_search_crop(session: Session, upload_id: UUID, garment_id: UUID) -> bytes:
    """The crop of a garment in a search's photo; raises NotFoundError, also once expired."""
    crop = session.scalar(
        select(UploadGarment.crop)
        .join(Upload, Upload.id == UploadGarment.upload_id)
        .where(
            UploadGarment.id == garment_id,
            Upload.id == upload_id,
            Upload.expires_at > datetime.now(UTC),
        )
    )
    if crop is None:
        raise NotFoundError("garment", garment_id)
    return crop
