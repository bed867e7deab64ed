"""Crops of garments on disk with their identity and category: what CGD is trained and judged on.

Written by `prepare_crops` from COCO files, read by training and evaluation.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.masks import decode_mask
from models.crops import cut_crop
from models.pixels import read_pixels

_INDEX = "crops.jsonl"
_MIN_SIDE_PX = 24


@dataclass(frozen=True)
class CropRecord:
    """One crop: files `<key>.jpg` (background kept) and `<key>.png` (mask) in the set's folder.

    `identity` is the same for all crops that show the same item, `source` names the data set.
    """

    key: str
    identity: str
    category: str
    source: str
    photo: str
    view: str = ""


def prepare_crops(
    annotations: Path, photos: Path, out: Path, source: str, side_px: int = 256
) -> int:
    """Cut every garment of a COCO file and add it to the set in `out`; returns how many.

    An annotation's `item` is its identity; without one every garment is an identity of its own.
    Crops are stored with their longer side at most `side_px` pixels.
    """
    content = json.loads(annotations.read_text(encoding="utf-8"))
    categories = {entry["id"]: entry["name"] for entry in content["categories"]}
    files = {image["id"]: image["file_name"] for image in content["images"]}
    out.mkdir(parents=True, exist_ok=True)
    by_photo: dict[str, list[Mapping[str, Any]]] = {}
    for entry in content["annotations"]:
        by_photo.setdefault(files[entry["image_id"]], []).append(entry)
    count = 0
    with (out / _INDEX).open("a", encoding="utf-8") as index:
        for name, entries in by_photo.items():
            photo = read_pixels(photos / name)
            for entry in entries:
                key = f"{source}-{annotations.stem}-{entry['id']:06d}"
                if not _write_crop(out / key, photo, entry, side_px):
                    continue
                record = CropRecord(
                    key=key,
                    identity=f"{source}:{entry.get('item', key)}",
                    category=categories[entry["category_id"]],
                    source=source,
                    photo=name,
                    view=entry.get("view", ""),
                )
                index.write(json.dumps(asdict(record)) + "\n")
                count += 1
    return count


def _write_crop(
    path: Path, photo: NDArray[np.uint8], entry: Mapping[str, Any], side_px: int
) -> bool:
    """Write one crop and its mask; False when there is too little of it to tell anything."""
    mask = decode_mask(entry["segmentation"])
    left, top, width, height = entry["bbox"]
    if max(width, height) < _MIN_SIDE_PX:
        return False
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


def read_records(folder: Path) -> list[CropRecord]:
    """The set's records in the order in which they were added."""
    lines = (folder / _INDEX).read_text(encoding="utf-8").splitlines()
    return [CropRecord(**json.loads(line)) for line in lines]


def read_crop(folder: Path, record: CropRecord) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A crop with its background, (h, w, 3) uint8 RGB, and its (h, w) bool mask."""
    crop = read_pixels(folder / f"{record.key}.jpg")
    mask = read_pixels(folder / f"{record.key}.png")[..., 0] > 127
    return crop, mask


def plain_crop(crop: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """What a worker would store for this garment: the background made plain."""
    height, width = mask.shape
    return cut_crop(crop, (0, 0, width, height), mask, margin=0.0)
