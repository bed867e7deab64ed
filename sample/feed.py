"""Writes the drawn shop to a folder: a feed for `lookalike ingest`, photos and COCO masks."""

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from catalog.taxonomy import CATEGORIES
from sample.shop import DrawnItem, draw_items
from sample.views import DrawnGarment, DrawnPhoto

FEED_COLUMNS = ("sku", "title", "brand", "category", "price", "currency", "stock", "url",
                "description", "photos")  # fmt: skip
DRAWING_VERSION = 1
"""Raise it when the drawings change, so that a folder written before is written anew."""

_JPEG_QUALITY = 92
_STAMP = "sample.json"

Progress = Callable[[int, int], None]


def write_sample(
    folder: Path,
    items: int = 48,
    seed: int = 7,
    side_px: int = 512,
    progress: Progress | None = None,
) -> Path:
    """Write `feed.csv`, `photos/` and `annotations.json`; return the feed's path.

    The folder appears whole or not at all, and the same arguments on a folder already written do
    nothing. `progress` is called with (items done, items in all).
    """
    stamp = {"version": DRAWING_VERSION, "items": items, "seed": seed, "side_px": side_px}
    if _read_stamp(folder) == stamp:
        return folder / "feed.csv"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        draft = Path(scratch) / "sample"
        (draft / "photos").mkdir(parents=True)
        _write_items(draft, draw_items(items, seed, side_px), items, progress)
        (draft / _STAMP).write_text(json.dumps(stamp))
        _replace(folder, draft)
    return folder / "feed.csv"


def _read_stamp(folder: Path) -> dict[str, int] | None:
    """The arguments that the folder was written with, or None."""
    try:
        stamp: dict[str, int] = json.loads((folder / _STAMP).read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return stamp


def _replace(folder: Path, draft: Path) -> None:
    """Put the draft in the folder's place; only an empty folder or an earlier sample gives way."""
    if folder.exists():
        if any(folder.iterdir()) and _read_stamp(folder) is None:
            raise FileExistsError(f"{folder} holds other files; name an empty or new folder")
        old = draft.with_name("old")
        os.replace(folder, old)
        os.replace(draft, folder)
        shutil.rmtree(old)
    else:
        os.replace(draft, folder)


def _write_items(draft: Path, shop: Any, total: int, progress: Progress | None) -> None:
    coco = _CocoFile()
    with (draft / "feed.csv").open("w", newline="", encoding="utf-8") as file:
        feed = csv.writer(file)
        feed.writerow(FEED_COLUMNS)
        for done, item in enumerate(shop, 1):
            for photo in item.photos():
                _write_jpeg(draft / "photos" / photo.name, photo.pixels)
                coco.add(photo)
            feed.writerow(_feed_row(item))
            if progress:
                progress(done, total)
    (draft / "annotations.json").write_text(json.dumps(coco.content), encoding="utf-8")


def _feed_row(item: DrawnItem) -> list[str]:
    photos = "|".join(f"photos/{name}" for name in item.photo_names)
    fields = (item.sku, item.title, item.brand, item.category, item.price, item.currency)
    return [*fields, str(item.stock), item.url, item.description, photos]


def _write_jpeg(path: Path, pixels: NDArray[np.uint8]) -> None:
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), quality)
    path.write_bytes(encoded.tobytes())


class _CocoFile:
    """COCO annotations that grow photo by photo."""

    def __init__(self) -> None:
        categories = [{"id": i, "name": name} for i, name in enumerate(CATEGORIES, 1)]
        self.content: dict[str, list[dict[str, Any]]] = {
            "images": [],
            "categories": categories,
            "annotations": [],
        }

    def add(self, photo: DrawnPhoto) -> None:
        images, annotations = self.content["images"], self.content["annotations"]
        height, width = photo.pixels.shape[:2]
        image = {"id": len(images) + 1, "file_name": f"photos/{photo.name}", "view": photo.view}
        images.append({**image, "height": height, "width": width})
        for garment in photo.garments:
            entry = {"id": len(annotations) + 1, "image_id": len(images), **_annotation(garment)}
            annotations.append({**entry, "view": photo.view})


def _annotation(garment: DrawnGarment) -> dict[str, Any]:
    rle = coco_mask.encode(np.asfortranarray(garment.mask.astype(np.uint8)))
    return {
        "category_id": CATEGORIES.index(garment.shipped_category) + 1,
        "segmentation": {"size": list(rle["size"]), "counts": rle["counts"].decode("ascii")},
        "bbox": list(garment.box),
        "area": int(garment.mask.sum()),
        "iscrowd": 0,
        "item": garment.item_sku,
        "drawn_category": garment.category,
    }
