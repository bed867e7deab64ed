"""A sheet of labelled photos: outlines and names drawn in, to be looked at before training.

Called by `lookalike data prepare` when a folder is written.
"""

import colorsys
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from catalog.errors import InputError
from models.segmentation.data.coco import SPLITS, LabelledPhoto, read_photos

COLUMNS, ROWS = 6, 4
CELL_PX = (240, 320)
"""Width and height."""


def draw_sheet(folder: Path, seed: int = 0) -> Path:
    """Write `sheet.jpg` with up to 24 random photos of a prepared folder."""
    photos = [
        photo
        for split in SPLITS
        if (folder / f"{split}.json").exists()
        for photo in read_photos(folder, split)
    ]
    order = np.random.default_rng(seed).permutation(len(photos))[: COLUMNS * ROWS]
    cells = [_draw_cell(photos[place]) for place in order]
    blank = np.full((CELL_PX[1], CELL_PX[0], 3), 255, np.uint8)
    cells += [blank] * (-len(cells) % COLUMNS)
    rows = [np.hstack(cells[i : i + COLUMNS]) for i in range(0, len(cells), COLUMNS)]
    path = folder / "sheet.jpg"
    cv2.imwrite(str(path), np.vstack(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    return path


def _draw_cell(photo: LabelledPhoto) -> np.ndarray:
    width, height = CELL_PX
    cell = np.full((height, width, 3), 255, np.uint8)
    try:
        pixels = photo.load_pixels()
    except InputError:
        return cell
    scale = min((width - 4) / pixels.shape[1], (height - 4) / pixels.shape[0])
    size = (max(1, int(pixels.shape[1] * scale)), max(1, int(pixels.shape[0] * scale)))
    small = np.ascontiguousarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    colours = _colours(photo.categories.values())
    labels: list[tuple[str, tuple[int, int], tuple[int, int, int]]] = []
    for garment in photo.load_garments():
        colour = colours[garment.category]
        mask = cv2.resize(garment.mask.astype(np.uint8), size, interpolation=cv2.INTER_AREA)
        lines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(small, lines, -1, colour, 2, cv2.LINE_AA)
        if lines:
            x, y, *_ = cv2.boundingRect(max(lines, key=cv2.contourArea))
            labels.append((garment.category, (x, y), colour))
    for text, place, colour in labels:
        _write(small, text, place, colour)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    cell[top : top + size[1], left : left + size[0]] = small
    return cell


def _write(
    picture: np.ndarray, text: str, place: tuple[int, int], colour: tuple[int, int, int]
) -> None:
    """The text on a box of its colour, inside the picture."""
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)
    x = int(np.clip(place[0], 0, max(0, picture.shape[1] - width - 4)))
    y = int(np.clip(place[1], 0, max(0, picture.shape[0] - height - 6)))
    cv2.rectangle(picture, (x, y), (x + width + 4, y + height + 6), colour, -1)
    at = (x + 2, y + height + 2)
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)


def _colours(names: Iterable[str]) -> dict[str, tuple[int, int, int]]:
    """A colour for each category; neighbours in the list differ most."""
    colours = {}
    for place, name in enumerate(names):
        red, green, blue = colorsys.hsv_to_rgb(place * 0.618 % 1, 0.75, 1.0)
        colours[name] = (int(255 * red), int(255 * green), int(255 * blue))
    return colours
