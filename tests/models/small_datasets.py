"""Small data sets as tests write them, and what was prepared of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from catalog.masks import encode_mask
from models.segmentation.data.coco import LabelledPhoto, read_photos

SQUARE = [4.0, 4.0, 24.0, 4.0, 24.0, 34.0, 4.0, 34.0]


def write_photo(path: Path, seed: int, height: int = 60, width: int = 40) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    cv2.imwrite(str(path), pixels)
    return path


def write_json(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def problems_of(out: Path) -> list[Mapping[str, str]]:
    problems: list[Mapping[str, str]] = json.loads((out / "report.json").read_text())["problems"]
    return problems


def all_photos(out: Path) -> list[LabelledPhoto]:
    splits = [split for split in ("train", "val", "test") if (out / f"{split}.json").exists()]
    return [photo for split in splits for photo in read_photos(out, split)]


def write_coco(source: Path, split: str, seed: int, **image: Any) -> dict[str, Any]:
    write_photo(source / "images" / f"{split}.jpg", seed)
    mask = np.zeros((60, 40), bool)
    mask[10:20, 5:15] = True
    content: dict[str, Any] = {
        "images": [{"id": 9, "file_name": f"{split}.jpg", "height": 60, "width": 40, **image}],
        "categories": [{"id": 3, "name": "Kleid"}, {"id": 5, "name": "Hut"}],
        "annotations": [
            {"id": 1, "image_id": 9, "category_id": 3, "segmentation": [SQUARE]},
            {"id": 2, "image_id": 9, "category_id": 5, "segmentation": encode_mask(mask)},
        ],
    }
    write_json(source / "annotations" / f"instances_{split}.json", content)
    return content
