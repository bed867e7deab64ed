"""DeepFashion2: shop and user photos with polygons in 13 categories, and who shows the same item.

Called by `lookalike data prepare deepfashion2`. Ge et al. 2019, arXiv 1901.07973.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from catalog.errors import InputError
from catalog.taxonomy import CATEGORIES, DEEPFASHION2_CATEGORIES, SHIPPED_FROM_DEEPFASHION2
from models.segmentation.data.coco import LabelledGarment
from models.segmentation.data.polygons import PolygonError, mask_of_polygons
from models.segmentation.data.prepared import PreparedWriter

_VALIDATION_SHARE = 0.05
_NOTES = (
    "`test` is the source's validation folder, since labels of its test photos are not public; "
    "`val` is cut from its training folder by pair_id.",
    "Landmarks are not used. Boxes are those of the polygons.",
)


def prepare_deepfashion2(
    source: Path,
    out: Path,
    report: Callable[[str], None] = lambda _: None,
    shipped: bool = False,
) -> None:
    """Write `source` (`train/` and `validation/` with `image/` and `annos/`) as a prepared folder.

    Each garment keeps its `item` (the same in all photos that show it) and `view`: shop or user.
    With `shipped` the 13 categories become some of the 19.
    """
    folders = [folder for folder in ("train", "validation") if (source / folder / "annos").is_dir()]
    if not folders:
        raise InputError(f"{source} has neither train/annos nor validation/annos")
    writer = PreparedWriter(out, CATEGORIES if shipped else DEEPFASHION2_CATEGORIES)
    for folder in folders:
        for file in sorted((source / folder / "annos").glob("*.json")):
            _add_file(file, folder, writer, shipped)
    report(writer.finish("deepfashion2", _NOTES))


def _add_file(file: Path, folder: str, writer: PreparedWriter, shipped: bool) -> None:
    photo = file.parent.parent / "image" / f"{file.stem}.jpg"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        pair = int(content["pair_id"])
        with Image.open(photo) as image:
            size = (image.height, image.width)
    except FileNotFoundError:
        writer.skip(str(file), "file", f"its photo {photo} is missing")
        return
    except (ValueError, KeyError, TypeError, OSError) as error:
        writer.skip(str(file), "file", f"can't be read with its photo: {error!r}")
        return
    garments = list(_read_garments(content, size, file, writer, shipped))
    if garments:
        name = f"{folder}-{photo.name}"  # both folders count from 000001
        writer.add_photo(_split_of(folder, pair), photo, size, garments, name=name)
    else:
        writer.skip(str(file), "file", "no garment of it can be used")


def _read_garments(
    content: Mapping[str, Any],
    size: tuple[int, int],
    file: Path,
    writer: PreparedWriter,
    shipped: bool,
) -> Iterator[LabelledGarment]:
    for key in sorted(key for key in content if key.startswith("item")):
        try:
            yield _read_garment(content, content[key], size, shipped)
        except PolygonError as error:
            writer.skip(str(file), key, str(error))
        except (KeyError, TypeError, ValueError) as error:
            writer.skip(str(file), key, f"is no garment of DeepFashion2: {error!r}")


def _read_garment(
    content: Mapping[str, Any], entry: Mapping[str, Any], size: tuple[int, int], shipped: bool
) -> LabelledGarment:
    category = str(entry["category_name"])
    if category not in DEEPFASHION2_CATEGORIES:
        raise PolygonError(f"{category} is none of the 13 categories")
    details = {"view": str(content.get("source", ""))}
    if int(entry["style"]) > 0:  # 0 marks a garment that no other photo shows
        details["item"] = f"{content['pair_id']}-{entry['style']}"
    mask = mask_of_polygons(entry["segmentation"], size)
    name = SHIPPED_FROM_DEEPFASHION2[category] if shipped else category
    return LabelledGarment(name, mask, details)


def _split_of(folder: str, pair: int) -> str:
    if folder == "validation":
        return "test"
    chance = hashlib.sha256(str(pair).encode()).digest()[0] / 256
    return "val" if chance < _VALIDATION_SHARE else "train"
