"""Anybody's COCO instance files, with polygons or run lengths, as a prepared folder.

Called by `lookalike data prepare coco`.
"""

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from catalog.errors import InputError
from models.segmentation.data.coco import SPLITS, LabelledGarment
from models.segmentation.data.photo_files import PhotoFiles
from models.segmentation.data.polygons import PolygonError, mask_of_polygons
from models.segmentation.data.prepared import PreparedWriter


def prepare_coco(
    source: Path,
    out: Path,
    report: Callable[[str], None] = lambda _: None,
    category_map: Path | None = None,
) -> None:
    """Write the COCO files of `source` and its photos, in any folders below, as a prepared folder.

    A file's name says its split: it has `train`, `val` or `test` in it. `category_map` is a TOML
    file of `"their name" = "our name"`; what it does not name is left out. Without it all
    categories are kept. Regions marked as crowds are left out, which the report says.
    """
    files = {split: _find_file(source, split) for split in SPLITS}
    contents = {split: _read(file) for split, file in files.items() if file is not None}
    if not contents:
        message = f"{source} holds no JSON file with train, val or test in its name"
        raise InputError(message)
    names = _read_map(category_map, contents.values())
    writer = PreparedWriter(out, tuple(dict.fromkeys(names.values())))
    photos = PhotoFiles(source)
    for split, content in contents.items():
        _add_split(split, content, names, photos, writer, str(files[split]))
    report(writer.finish("coco"))


def _find_file(source: Path, split: str) -> Path | None:
    found = [path for path in sorted(source.rglob("*.json")) if split in path.stem.lower()]
    if len(found) > 1:
        listed = ", ".join(str(path.relative_to(source)) for path in found)
        raise InputError(f"{listed} are all named like the {split} split: keep one")
    return found[0] if found else None


def _read(file: Path) -> Mapping[str, Any]:
    try:
        content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if all(isinstance(content[key], list) for key in ("images", "annotations", "categories")):
            return content
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} is no COCO instances file: {error!r}") from error
    raise InputError(f"{file} is no COCO instances file: images, annotations, categories are lists")


def _read_map(file: Path | None, contents: Sequence[Mapping[str, Any]] | Any) -> Mapping[str, str]:
    theirs = {entry["name"] for content in contents for entry in content["categories"]}
    if file is None:
        return {name: name for name in sorted(theirs)}
    try:
        chosen = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file} is no TOML file of names: {error}") from error
    unknown = sorted(set(chosen) - theirs)
    if unknown:
        raise InputError(f"{file} maps {', '.join(unknown)}, which no annotation file has")
    return {str(name): str(ours) for name, ours in chosen.items()}


def _add_split(
    split: str,
    content: Mapping[str, Any],
    names: Mapping[str, str],
    photos: PhotoFiles,
    writer: PreparedWriter,
    file: str,
) -> None:
    categories = {entry["id"]: entry["name"] for entry in content["categories"]}
    by_image: dict[object, list[Mapping[str, Any]]] = {}
    for entry in content["annotations"]:
        by_image.setdefault(entry.get("image_id"), []).append(entry)
    for image in content["images"]:
        entries = by_image.pop(image.get("id"), [])
        try:
            size = (int(image["height"]), int(image["width"]))
            name = str(image["file_name"])
        except (KeyError, TypeError, ValueError) as error:
            writer.skip(file, f"image {image.get('id')}", f"is incomplete: {error!r}")
            continue
        photo, problem = photos.find(name, size)
        if photo is None:
            writer.skip(file, f"image {image['id']}", problem)
            continue
        garments = []
        for entry in entries:
            try:
                garments.append(_read_garment(entry, size, categories, names))
            except PolygonError as error:
                writer.skip(file, f"annotation {entry.get('id')}", str(error))
        writer.add_photo(split, photo, size, garments, name=photos.unique_name(photo))
    for image_id, entries in by_image.items():
        for entry in entries:
            where = f"annotation {entry.get('id')}"
            writer.skip(file, where, f"there is no image {image_id} in the file")


def _read_garment(
    entry: Mapping[str, Any],
    size: tuple[int, int],
    categories: Mapping[object, str],
    names: Mapping[str, str],
) -> LabelledGarment:
    theirs = categories.get(entry.get("category_id"))
    if theirs is None:
        raise PolygonError(f"there is no category {entry.get('category_id')} in the file")
    if theirs not in names:
        raise PolygonError(f"the category map leaves {theirs} out")
    if entry.get("iscrowd"):
        raise PolygonError("a crowd is no single garment")
    return LabelledGarment(names[theirs], read_mask(entry.get("segmentation"), size))


def read_mask(segmentation: Any, size: tuple[int, int]) -> np.ndarray:
    """Polygons, counts of run lengths, or the compressed string of them -> (H, W) bool."""
    if isinstance(segmentation, list):
        return mask_of_polygons(segmentation, size)
    sized = isinstance(segmentation, Mapping) and list(segmentation.get("size", ())) == list(size)
    if not sized:
        raise PolygonError("it has neither polygons nor run lengths of the photo's size")
    counts = segmentation.get("counts")
    try:
        if isinstance(counts, list):
            segmentation = coco_mask.frPyObjects(dict(segmentation), *size)
        mask = coco_mask.decode(segmentation).astype(bool)
    except (TypeError, ValueError, KeyError) as error:
        raise PolygonError(f"its run lengths can't be read: {error}") from error
    if not mask.any():
        raise PolygonError("its mask covers no pixel")
    return np.asarray(mask)
