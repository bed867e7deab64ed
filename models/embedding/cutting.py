"""Cuts labelled garments out of their photos into a set of crops.

Called by `lookalike data crops`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.errors import InputError
from catalog.masks import decode_mask
from models.crops import cut_crop
from models.embedding.crop_set import INDEX, CropRecord, read_records, write_records
from models.pixels import read_pixels

MIN_SIDE_PX = 24
"""Of a garment's box, the longer side: a smaller one tells nothing about its look."""


@dataclass(frozen=True)
class CutReport:
    """How many crops a file gave; `too_small` and `unreadable` (a line each) gave none."""

    added: int
    replaced: int
    too_small: int
    unreadable: tuple[str, ...]


def prepare_crops(
    annotations: Path,
    photos: Path,
    out: Path,
    source: str,
    side_px: int = 256,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> CutReport:
    """Cut every garment of a COCO file and put it into the set in `out`.

    Crops that came from the same source and file name before are replaced. An annotation's `item`
    is its identity, or else its photo's; without one every garment is an identity of its own.
    Crops are stored with their longer side at most `side_px` pixels. A photo that can't be read
    is left out and named in the report. Raises InputError when the file is no COCO file.
    """
    content = _read_coco(annotations)
    out.mkdir(parents=True, exist_ok=True)
    before = read_records(out) if (out / INDEX).exists() else []
    prefix = f"{source}-{annotations.stem}"
    old = [r for r in before if r.source == source and r.key.rpartition("-")[0] == prefix]
    fresh: list[CropRecord] = []
    unreadable: list[str] = []
    too_small = 0
    for done, (image, entries) in enumerate(content.photos, start=1):
        try:
            pixels = read_pixels(photos / image["file_name"])
        except InputError as error:
            unreadable.append(str(error))
            continue
        for entry in entries:
            record = _describe(prefix, source, image, entry, entries, content.categories)
            if _write_crop(out / record.key, pixels, _checked(annotations, entry), side_px):
                fresh.append(record)
            else:
                too_small += 1
        advance(done, len(content.photos))
    gone = {record.key for record in old}
    write_records(out, [r for r in before if r.key not in gone] + fresh)
    _remove(out, gone - {record.key for record in fresh})
    return CutReport(len(fresh), len(old), too_small, tuple(unreadable))


@dataclass(frozen=True)
class _Coco:
    categories: Mapping[int, str]
    photos: Sequence[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]


def _read_coco(path: Path) -> _Coco:
    """Photos with at least one annotation, in the order of the file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        categories = {entry["id"]: entry["name"] for entry in content["categories"]}
        photos: dict[Any, tuple[Mapping[str, Any], list[Mapping[str, Any]]]]
        photos = {image["id"]: (image, []) for image in content["images"]}
        for entry in content["annotations"]:
            photos[entry["image_id"]][1].append(entry)
            categories[entry["category_id"]]
        return _Coco(categories, [pair for pair in photos.values() if pair[1]])
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no COCO file: {error!r} is missing or wrong; lookalike data prepare coco "
            "tells more"
        ) from error


def _describe(
    prefix: str,
    source: str,
    image: Mapping[str, Any],
    entry: Mapping[str, Any],
    entries: Sequence[object],
    categories: Mapping[int, str],
) -> CropRecord:
    key = f"{prefix}-{int(entry['id']):06d}"
    labels: Sequence[str] = image.get("labels") or ()
    alone = len(entries) == 1
    # A photo's words are about its one garment; among several nobody knows about which.
    kind = labels[0] if alone and len(labels) == 1 else ""
    item = entry.get("item") or (image.get("item") if alone else None) or key
    return CropRecord(
        key=key,
        identity=f"{source}:{item}",
        category=categories[entry["category_id"]],
        source=source,
        photo=image["file_name"],
        view=entry.get("view") or image.get("view") or "",
        kind=entry.get("kind") or kind,
    )


def _checked(path: Path, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(entry.get("segmentation"), dict) or len(entry.get("bbox", ())) != 4:
        raise InputError(
            f"{path}, annotation {entry.get('id')}: needs a bbox and an RLE segmentation; "
            "lookalike data prepare coco turns polygons into RLE"
        )
    return entry


def _write_crop(
    path: Path, photo: NDArray[np.uint8], entry: Mapping[str, Any], side_px: int
) -> bool:
    """Write one crop and its mask; False when there is too little of it to tell anything."""
    left, top, width, height = entry["bbox"]
    if max(width, height) < MIN_SIDE_PX:
        return False
    mask = decode_mask(entry["segmentation"])
    box = (left, top, left + width, top + height)
    crop = cut_crop(photo, box, mask, background="keep")
    layers = np.repeat(mask[..., None].astype(np.uint8) * 255, 3, axis=2)
    cut = cut_crop(layers, box, mask, background="keep")[..., 0]
    scale = min(1.0, side_px / max(crop.shape[:2]))
    if scale < 1:
        size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
        crop = _shrink(crop, size)
        cut = _shrink(cut, size)
    cv2.imwrite(
        f"{path}.jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95]
    )
    cv2.imwrite(f"{path}.png", cut)
    return True


def _shrink(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _remove(folder: Path, keys: set[str]) -> None:
    for path in _pictures(folder, keys):
        path.unlink(missing_ok=True)


def _pictures(folder: Path, keys: set[str]) -> Iterator[Path]:
    for key in keys:
        yield folder / f"{key}.jpg"
        yield folder / f"{key}.png"
