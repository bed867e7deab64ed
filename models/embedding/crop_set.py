"""Crops of garments on disk with their identity and category: what CGD is trained and judged on.

Written by models.embedding.cutting, read by training and evaluation.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.errors import InputError
from models.crops import cut_crop
from models.pixels import read_pixels

INDEX = "crops.jsonl"


@dataclass(frozen=True)
class CropRecord:
    """One crop: files `<key>.jpg` (background kept) and `<key>.png` (mask) in the set's folder.

    `identity` is the same for all crops that show the same item, `source` names the data set,
    `kind` is the source's own finer word for the garment (Longsleeve), or else its category.
    """

    key: str
    identity: str
    category: str
    source: str
    photo: str
    view: str = ""
    kind: str = ""

    def __post_init__(self) -> None:
        if not self.kind:
            object.__setattr__(self, "kind", self.category)


def read_records(folder: Path) -> list[CropRecord]:
    """The set's records in the order in which they were added.

    Raises InputError, with file and line, when the folder holds no set or a line is no record.
    """
    path = folder / INDEX
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{path} can't be read; lookalike data crops writes it") from error
    records = [_parse(path, number, line) for number, line in enumerate(lines, start=1)]
    if not records:
        raise InputError(f"{path} holds no crops; add some with lookalike data crops")
    return records


def _parse(path: Path, number: int, line: str) -> CropRecord:
    try:
        fields: Mapping[str, Any] = json.loads(line)
        return CropRecord(**fields)
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}, line {number}: no record of a crop: {error}") from error


def write_records(folder: Path, records: Sequence[CropRecord]) -> None:
    """Replace the set's index at once: a cut leaves the old one."""
    text = "".join(json.dumps(asdict(record)) + "\n" for record in records)
    partial = folder / f".{INDEX}.{os.getpid()}.partial"
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / INDEX)


def read_crop(folder: Path, record: CropRecord) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A crop with its background, (h, w, 3) uint8 RGB, and its (h, w) bool mask."""
    crop = read_pixels(folder / f"{record.key}.jpg")
    mask = read_pixels(folder / f"{record.key}.png")[..., 0] > 127
    return crop, mask


def plain_crop(crop: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """What a worker would store for this garment: the background made plain."""
    height, width = mask.shape
    return cut_crop(crop, (0, 0, width, height), mask, margin=0.0)
