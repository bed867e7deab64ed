"""Eight photos of eight striped garments, as a COCO file, a prepared folder and a set of crops.

Used by the tests of the embedding's data, training and evaluation.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.embedding.cutting import prepare_crops
from models.segmentation.data.coco import CocoWriter, LabelledGarment

COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30),
           (30, 200, 200), (200, 30, 200), (20, 20, 20), (120, 80, 40)]  # fmt: skip
CATEGORIES = ("dress", "skirt")
KINDS = ("Gown", "Mini", "Gown", "Maxi")


def draw_photo(number: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """An (80, 60, 3) photo with a garment of 40 x 50 px, and its mask."""
    photo = np.full((80, 60, 3), 250, dtype=np.uint8)
    mask = np.zeros((80, 60), dtype=bool)
    mask[15:65, 10:50] = True
    photo[mask] = COLOURS[number]
    photo[15 : 65 : number + 3, 10:50] = 255 - np.array(COLOURS[number])
    return photo, mask


def write_prepared(folder: Path, split: str = "train", view: str = "", masks: bool = True) -> Path:
    """A prepared folder with one split of the eight photos, each of an item of its own."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    writer = CocoWriter(folder / f"{split}.json", CATEGORIES)
    for number in range(8):
        photo, mask = draw_photo(number)
        name = f"{split}-{view}{number}.png"
        cv2.imwrite(str(folder / "images" / name), cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))
        garments = [LabelledGarment(CATEGORIES[number % 2], mask)] if masks else []
        kind = [KINDS[number % 4]]
        writer.add_photo(name, (80, 60), garments, kind, item=f"item-{number}", view=view)
    writer.write()
    return folder


def write_crops(folder: Path, source: str = "striped") -> Path:
    """A set with the eight crops."""
    prepared = write_prepared(folder / "prepared")
    report = prepare_crops(prepared / "train.json", prepared / "images", folder / "set", source)
    assert report.added == 8
    return folder / "set"
