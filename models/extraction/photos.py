"""What is extracted from: photos of a folder or of a COCO file, decoded like any shop's.

Used by the extraction run.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.errors import InputError, PhotoError
from catalog.photos.decode import PhotoLimits, decode_photo

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
LIMITS = PhotoLimits(max_bytes=100 * 2**20, max_pixels=100_000_000)
"""Our own files may be larger than what strangers upload."""


@dataclass(frozen=True)
class Labelled:
    """A garment that a COCO file outlines; `segmentation` as it stands there."""

    category: str
    segmentation: Any


@dataclass(frozen=True)
class SourcePhoto:
    """A photo file, its `name` relative to the source; `garments` are None if not labelled."""

    name: str
    path: Path
    garments: tuple[Labelled, ...] | None = None


@dataclass(frozen=True)
class ReadPhoto:
    """A photo with its pixels, (H, W, 3) RGB, upright; or the problem that it has none."""

    source: SourcePhoto
    sha256: str = ""
    pixels: NDArray[np.uint8] | None = None
    problem: str = ""


def list_photos(source: Path, photos: Path | None = None) -> list[SourcePhoto]:
    """The photos of a folder, in any folders below, by name; or those of a COCO file.

    A COCO file's names are relative to `photos`; without it to `images/` beside the file. Raises
    InputError for a file of another form, a name that leads out of its folder, and for no photos.
    """
    found = _read_coco(source, photos) if source.is_file() else list(_walk(source))
    if not found:
        raise InputError(f"{source} holds no photos ({', '.join(SUFFIXES)})")
    return found


def _walk(folder: Path) -> Iterator[SourcePhoto]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            yield SourcePhoto(path.relative_to(folder).as_posix(), path)


def _read_coco(file: Path, photos: Path | None) -> list[SourcePhoto]:
    folder = photos or file.parent / "images"
    try:
        content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        categories = {entry["id"]: str(entry["name"]) for entry in content["categories"]}
        names = {image["id"]: str(image["file_name"]) for image in content["images"]}
        garments: dict[Any, list[Labelled]] = {image: [] for image in names}
        for entry in content["annotations"]:
            label = Labelled(categories[entry["category_id"]], entry["segmentation"])
            garments[entry["image_id"]].append(label)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{file} is no COCO instances file: {error!r}") from error
    return [
        SourcePhoto(name, _inside(folder, name, file), tuple(garments[image]))
        for image, name in names.items()
    ]


def _inside(folder: Path, name: str, file: Path) -> Path:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{file}: {name} leads out of {folder}; give --photos")
    return path


def read_photo(source: SourcePhoto) -> ReadPhoto:
    """Read and decode one photo; one that can't be used comes back with its problem."""
    try:
        data = source.path.read_bytes()
        pixels = decode_photo(data, LIMITS)
    except (OSError, PhotoError) as error:
        return ReadPhoto(source, problem=str(error))
    return ReadPhoto(source, hashlib.sha256(data).hexdigest(), pixels)
