"""The checked masks of catalog photos as a test split: annotations of ours, photos of the source.

Called by `lookalike data prepare checked`. For measuring alone: it never writes a training split.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from catalog.errors import InputError
from catalog.masks import decode_mask
from models.segmentation.data.coco import LabelledGarment
from models.segmentation.data.prepared import PreparedWriter

CHECKED = Path(__file__).parent / "checked"
"""One COCO file for each data set; docs/catalog-masks.md says how they were made."""


def prepare_checked(
    source: Path,
    out: Path,
    report: Callable[[str], None] = lambda _: None,
    annotations: Path = CHECKED,
) -> None:
    """Write the photos of `source` that have checked masks as the `test` split of `out`.

    The photos at hand say which of the files in `annotations` is meant. Raises InputError when a
    photo of it is missing, or is not the one that was annotated.
    """
    file = _choose_file(source, annotations)
    content = json.loads(file.read_text(encoding="utf-8"))
    photos = [source / image["file_name"] for image in content["images"]]
    for photo, image in zip(photos, content["images"], strict=True):
        _check_photo(photo, image["sha256"], file.stem)
    names = {entry["id"]: entry["name"] for entry in content["categories"]}
    garments: dict[int, list[LabelledGarment]] = {image["id"]: [] for image in content["images"]}
    for entry in content["annotations"]:
        mask = decode_mask(entry["segmentation"])
        details = {key: entry[key] for key in _DETAILS if key in entry}
        garment = LabelledGarment(names[entry["category_id"]], mask, details)
        garments[entry["image_id"]].append(garment)
    writer = PreparedWriter(out)
    for photo, image in zip(photos, content["images"], strict=True):
        size = (image["height"], image["width"])
        writer.add_photo(
            "test",
            photo,
            size,
            garments[image["id"]],
            image["labels"],
            item=image.get("item", ""),
            view=image.get("view", ""),
        )
    report(writer.finish(f"checked {file.stem}", _NOTES))


_DETAILS = ("item", "role", "cut_by_frame")
"""Of a garment, where known: whose it is, sold or worn with, whether the photo's rim cuts it."""

_NOTES = (
    "Masks and categories were checked one by one: docs/catalog-masks.md.",
    "For measuring alone: there is a test split and no other.",
)


def _choose_file(source: Path, annotations: Path) -> Path:
    """The annotation file that has most of its photos in `source`."""
    present = {file: _count_present(source, file) for file in sorted(annotations.glob("*.json"))}
    best = max(present, key=lambda file: present[file], default=None)
    if best is None or not present[best]:
        known = " or ".join(file.stem for file in present)
        message = f"{source} holds no photo that was annotated: name the folder of {known}, "
        raise InputError(message + "whose photos lie in images/")
    return best


def _count_present(source: Path, file: Path) -> int:
    images: Sequence[Mapping[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["images"]
    return sum((source / image["file_name"]).is_file() for image in images)


def _check_photo(photo: Path, sha256: str, name: str) -> None:
    if not photo.is_file():
        raise InputError(f"{photo} is missing: copy all photos of {name} there")
    found = hashlib.sha256(photo.read_bytes()).hexdigest()
    if found != sha256:
        message = f"{photo} is not the photo that was annotated: its SHA-256 is {found}, "
        remedy = f"not {sha256}. Copy it from the source again, neither resized nor recompressed"
        raise InputError(message + remedy)
