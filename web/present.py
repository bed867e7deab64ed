"""Rows as the plain dictionaries that the API answers.

Called by the API's views; everything they touch must be loaded already.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import url_for

from catalog.progress import progress_of
from catalog.search.similar import SimilarItem
from catalog.tables import Garment, Generation, Item, Job, Photo, Upload, UploadGarment
from web.queries import Cover

_WORDS = ("id", "sku", "title", "brand", "category", "price", "currency", "stock", "url")
_JOB = (
    "id",
    "kind",
    "state",
    "parameters",
    "done",
    "total",
    "result",
    "error",
    "cancel_requested",
    "created_at",
    "finished_at",
)

_GENERATION = (
    "id",
    "collection",
    "segmenter",
    "embedder",
    "dimensions",
    "state",
    "created_at",
    "activated_at",
)


def variant_url(sha256: str, variant: str) -> str:
    return url_for("images.photo", sha256=sha256, variant=variant)


def crop_url(garment: Garment) -> str:
    """Another address each time the crop is cut anew: what is behind one never changes."""
    return url_for("images.crop", garment_id=garment.id, v=garment.crop_version or 0)


def item_brief(item: Item, cover: Cover | None) -> dict[str, Any]:
    words = {name: getattr(item, name) for name in _WORDS}
    thumbnail = variant_url(cover.sha256, "thumb") if cover else None
    return words | {"catalog": item.catalog.name, "thumbnail_url": thumbnail}


def item_json(item: Item) -> dict[str, Any]:
    photos = [link.photo for link in item.photo_links]
    cover = Cover(photos[0].sha256, photos[0].width, photos[0].height) if photos else None
    return item_brief(item, cover) | {
        "description": item.description,
        "attributes": item.attributes,
        "photos": [photo_json(photo) for photo in photos],
    }


def photo_json(photo: Photo) -> dict[str, Any]:
    return {
        "sha256": photo.sha256,
        "url": variant_url(photo.sha256, "large"),
        "thumbnail_url": variant_url(photo.sha256, "thumb"),
        "width": photo.width,
        "height": photo.height,
        "state": photo.state,
        "reason": photo.reason,
        "garments": [garment_json(garment, photo.sha256) for garment in photo.garments],
    }


def garment_json(garment: Garment, sha256: str) -> dict[str, Any]:
    return {
        "id": garment.id,
        "category": garment.category,
        "score": garment.score,
        "box": garment.box,
        "outline": garment.outline,
        "role": garment.role,
        "colours": garment.colours,
        "photo": sha256,
        "crop_url": crop_url(garment),
    }


def similar_json(hits: Sequence[SimilarItem], covers: Mapping[Any, Cover]) -> list[dict[str, Any]]:
    """Hits as JSON; `covers` has the photo of each hit's garment by the garment's id."""
    return [
        {
            "score": hit.score,
            "garment": garment_json(hit.garment, covers[hit.garment.id].sha256),
            "item": item_brief(hit.item, covers[hit.garment.id]),
        }
        for hit in hits
        if hit.garment.id in covers
    ]


def job_json(job: Job, catalogs: Mapping[int, str]) -> dict[str, Any]:
    """A job without its log; `catalogs` has names by id."""
    catalog = catalogs.get(job.catalog_id) if job.catalog_id else None
    progress = progress_of(job)
    return {name: getattr(job, name) for name in _JOB} | {
        "catalog": catalog,
        "per_second": progress.per_second,
        "seconds_left": progress.seconds_left,
    }


def job_with_log(job: Job, catalogs: Mapping[int, str]) -> dict[str, Any]:
    log = [
        {"level": line.level, "message": line.message, "created_at": line.created_at}
        for line in job.log
    ]
    return job_json(job, catalogs) | {"log": log}


def generation_json(generation: Generation, behind: Mapping[int, int]) -> dict[str, Any]:
    fields = {name: getattr(generation, name) for name in _GENERATION}
    return fields | {"behind": behind.get(generation.id, 0)}


def search_json(upload: Upload) -> dict[str, Any]:
    names = ("id", "state", "reason", "width", "height", "expires_at")
    fields = {name: getattr(upload, name) for name in names}
    return fields | {"garments": [found_json(garment) for garment in upload.garments]}


def found_json(garment: UploadGarment) -> dict[str, Any]:
    names = ("id", "category", "score", "box", "outline")
    return {name: getattr(garment, name) for name in names}
