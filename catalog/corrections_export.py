"""What people have said about garments as a COCO file, to train segmenters on.

Called by `lookalike corrections export`, the review page and the API. Photos that somebody has
looked at are in it with all their garments: one without a label would be taught as background.
"""

import enum
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pycocotools import mask as coco_mask
from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload, with_loader_criteria

from catalog.errors import ConflictError, NotFoundError
from catalog.known_categories import known_categories
from catalog.photos.image_store import ImageStore, photo_key
from catalog.summaries import active_segmenter
from catalog.tables import (
    Correction,
    Garment,
    Item,
    ItemPhoto,
    Photo,
    PhotoReview,
    Recut,
    Verdict,
)

IMAGES = "images"
"""The folder beside the file that photos are copied into, where training looks for them."""

_ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}
_AT_ONCE = 200


class Said(enum.StrEnum):
    """What a person said about a garment, in an annotation's `correction`."""

    ACCEPTED = "accepted"
    CATEGORY = "category"
    BOX = "box"
    EXCLUDED = "excluded"
    ADDED = "added"
    UNREVIEWED = "unreviewed"


@dataclass
class Export:
    """A COCO file's content, and what had to be left out of it."""

    content: dict[str, Any]
    waiting: int = 0
    """Photos with boxes that are still to be cut out: they are in the next export."""
    photos: Sequence[Photo] = field(default_factory=list)

    @property
    def garments(self) -> int:
        return len(self.content["annotations"])


def export_corrections(session: Session) -> Export:
    """All photos with a correction that an item shows, as the serving segmenter's garments.

    Excluded garments are marked as crowds (`iscrowd`), which training passes over. Photos of which
    a person said that they show none have no annotations.
    """
    categories = known_categories(session, active_segmenter())
    ids = {name: place for place, name in enumerate(categories, start=1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    export = Export({"images": images, "annotations": annotations})
    photos: list[Photo] = []
    for photo, waits in _reviewed_photos(session):
        if waits:
            export.waiting += 1
            continue
        photos.append(photo)
        images.append(_image(photo))
        for garment in photo.garments:
            category = ids.setdefault(garment.category, len(ids) + 1)
            annotations.append(_annotation(len(annotations) + 1, garment, category))
    export.content["categories"] = [{"id": place, "name": name} for name, place in ids.items()]
    export.photos = photos
    return export


def copy_photos(images: ImageStore, photos: Sequence[Photo], folder: Path) -> int:
    """Copy photos into a folder under their names in the file; returns how many were new.

    Raises ConflictError when a photo's bytes are lost: a file without them can't be trained on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copied = 0
    for photo in photos:
        path = folder / file_name(photo)
        if path.is_file() and path.stat().st_size == photo.bytes:
            continue
        try:
            data = images.get(photo_key(photo.sha256))
        except NotFoundError as error:
            raise ConflictError(
                f"the bytes of photo {photo.sha256} are lost; upload it again first"
            ) from error
        written = path.with_suffix(".writing")
        written.write_bytes(data)
        shutil.move(written, path)
        copied += 1
    return copied


def file_name(photo: Photo) -> str:
    return photo.sha256 + _ENDINGS.get(photo.media_type, "")


def _reviewed_photos(session: Session) -> Iterator[tuple[Photo, bool]]:
    """Each photo with its garments, and whether something in it is still to be cut."""
    waits = exists().where(Recut.photo_id == Photo.id)
    said = or_(
        exists().where(Correction.photo_id == Photo.id),
        exists().where(PhotoReview.photo_id == Photo.id, PhotoReview.verdict == Verdict.EMPTY),
    )
    shown = (
        exists()
        .where(ItemPhoto.photo_id == Photo.id, Item.id == ItemPhoto.item_id)
        .where(Item.deleted_at.is_(None))
    )
    query = (
        select(Photo, waits)
        .where(said, shown)
        .options(
            selectinload(Photo.garments).options(joinedload(Garment.correction)),
            selectinload(Photo.links).joinedload(ItemPhoto.item),
            with_loader_criteria(Garment, Garment.segmenter == active_segmenter()),
        )
        .order_by(Photo.id)
        .limit(_AT_ONCE)
        .execution_options(populate_existing=True)
    )
    last = 0
    while rows := session.execute(query.where(Photo.id > last)).all():
        yield from ((photo, bool(waiting)) for photo, waiting in rows)
        last = rows[-1][0].id


def _image(photo: Photo) -> dict[str, Any]:
    skus = sorted(link.item.sku for link in photo.links if link.item.deleted_at is None)
    return {
        "id": photo.id,
        "file_name": file_name(photo),
        "width": photo.width,
        "height": photo.height,
        "item": skus[0] if skus else "",
    }


def _annotation(place: int, garment: Garment, category_id: int) -> dict[str, Any]:
    rle = dict(garment.mask)
    said = what_was_said(garment.correction)
    return {
        "id": place,
        "image_id": garment.photo_id,
        "category_id": category_id,
        "bbox": [float(value) for value in coco_mask.toBbox(rle)],
        "area": int(coco_mask.area(rle)),
        "segmentation": rle,
        "iscrowd": int(said is Said.EXCLUDED),
        "correction": said.value,
        "garment": str(garment.id),
    }


def what_was_said(correction: Correction | None) -> Said:
    """The one word that says most about a correction."""
    if correction is None:
        return Said.UNREVIEWED
    if correction.excluded:
        return Said.EXCLUDED
    if correction.seen is None:
        return Said.ADDED
    if correction.new_box is not None:
        return Said.BOX
    return Said.CATEGORY if correction.category is not None else Said.ACCEPTED
