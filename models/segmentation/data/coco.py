"""The one form in which segmentation data is kept: photos beside COCO files, masks as RLE.

Written by the converters in this folder, read by training and evaluation.
A prepared folder holds `images/` and one `train.json`, `val.json`, `test.json`.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from catalog.errors import InputError
from catalog.masks import decode_mask, encode_mask
from catalog.taxonomy import CATEGORIES
from models.pixels import read_pixels

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class LabelledGarment:
    """One garment of a photo: its category and its (H, W) bool mask.

    `details` are kept beside them in the annotation, such as the `item` that the garment is.
    """

    category: str
    mask: np.ndarray
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LabelledPhoto:
    """One photo as training reads it; `labels` say what fits it as a whole.

    `annotations` are COCO's, with ids that `categories` (id -> name) explains. `foreground` is
    the RLE of everything that is not background (a whole person), where known. `item` is the
    product that the photo is of, `view` how it shows it (main, back, detail), where known.
    """

    path: Path
    width: int
    height: int
    annotations: tuple[dict[str, Any], ...]
    categories: Mapping[int, str]
    labels: tuple[str, ...] = ()
    foreground: dict[str, Any] | None = None
    item: str = ""
    view: str = ""

    def load_pixels(self) -> np.ndarray:
        """The (H, W, 3) uint8 RGB pixels."""
        return read_pixels(self.path)

    def load_garments(self) -> list[LabelledGarment]:
        """The garments with their masks decoded."""
        return [
            LabelledGarment(self.categories[a["category_id"]], decode_mask(a["segmentation"]))
            for a in self.annotations
        ]


@dataclass
class CocoWriter:
    """Collects the photos of one split and writes them as one COCO file."""

    path: Path
    categories: Sequence[str] = CATEGORIES
    _images: list[dict[str, Any]] = field(default_factory=list)
    _annotations: list[dict[str, Any]] = field(default_factory=list)

    def add_photo(
        self,
        file_name: str,
        size: tuple[int, int],
        garments: Iterable[LabelledGarment],
        labels: Sequence[str] = (),
        foreground: np.ndarray | None = None,
        item: str = "",
        view: str = "",
    ) -> None:
        """Add a photo of `size` (height, width); `file_name` is relative to `images/`."""
        image_id = 1 + max((image["id"] for image in self._images[-1:]), default=0)
        height, width = size
        self._images.append(
            {
                "id": image_id,
                "file_name": file_name,
                "width": width,
                "height": height,
                "labels": list(labels),
                "foreground": None if foreground is None else encode_mask(foreground),
                "item": item,
                "view": view,
            }
        )
        for garment in garments:
            self._add_garment(image_id, garment)

    def _add_garment(self, image_id: int, garment: LabelledGarment) -> None:
        rle = encode_mask(garment.mask)
        self._annotations.append(
            {
                "id": 1 + max((entry["id"] for entry in self._annotations[-1:]), default=0),
                "image_id": image_id,
                "category_id": self.categories.index(garment.category) + 1,
                "segmentation": rle,
                "bbox": [float(value) for value in coco_mask.toBbox(rle)],
                "area": int(garment.mask.sum()),
                "iscrowd": 0,
                **garment.details,
            }
        )

    @property
    def photos(self) -> Sequence[Mapping[str, Any]]:
        """The images added so far, in COCO's form."""
        return self._images

    @property
    def garments(self) -> Sequence[Mapping[str, Any]]:
        """The annotations added so far, in COCO's form."""
        return self._annotations

    def drop_photos(self, file_names: Collection[str]) -> None:
        """Take photos out again, with their garments."""
        dropped = {i["id"] for i in self._images if i["file_name"] in file_names}
        self._images = [i for i in self._images if i["id"] not in dropped]
        self._annotations = [a for a in self._annotations if a["image_id"] not in dropped]

    def write(self) -> None:
        """Write the COCO file."""
        categories = [{"id": i + 1, "name": name} for i, name in enumerate(self.categories)]
        content = {
            "images": self._images,
            "annotations": self._annotations,
            "categories": categories,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(content))


def read_photos(folder: Path, split: str) -> list[LabelledPhoto]:
    """The photos of one split of a prepared folder.

    Raises InputError when there is no such split, or its file is not in COCO's form.
    """
    path = folder / f"{split}.json"
    if not path.is_file():
        raise InputError(f"{path} is missing; lookalike data prepare writes it")
    try:
        return _read_content(folder, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{path}: not a prepared folder's COCO file: {error!r}") from error


def _read_content(folder: Path, content: Mapping[str, Any]) -> list[LabelledPhoto]:
    categories = {entry["id"]: entry["name"] for entry in content["categories"]}
    annotations: dict[int, list[dict[str, Any]]] = {}
    for annotation in content["annotations"]:
        if annotation.get("iscrowd"):
            continue  # no single garment, or none at all: background
        annotations.setdefault(annotation["image_id"], []).append(annotation)
    return [
        LabelledPhoto(
            path=folder / "images" / image["file_name"],
            width=image["width"],
            height=image["height"],
            annotations=tuple(annotations.get(image["id"], ())),
            categories=categories,
            labels=tuple(image.get("labels", ())),
            foreground=image.get("foreground"),
            item=image.get("item", ""),
            view=image.get("view", ""),
        )
        for image in content["images"]
    ]
