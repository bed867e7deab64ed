"""Pictures for the evaluation page: photos with what is labelled beside what was found; curves.

Called by `page.py`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from catalog.masks import decode_mask
from models.segmentation.confusion import pair_garments
from models.segmentation.found import Found
from models.segmentation.precision import RECALLS

HEIGHT_PX = 420
_RIGHT, _WRONG, _LABELLED = (40, 170, 80), (225, 50, 60), (30, 110, 230)


def draw_found(found: Found, path: Path) -> None:
    """Write a JPEG: the labelled garments in blue, then the found ones, green where right."""
    pixels = found.photo.load_pixels()
    scale = HEIGHT_PX / pixels.shape[0]
    size = (max(1, round(pixels.shape[1] * scale)), HEIGHT_PX)
    labelled = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    seen = labelled.copy()
    for garment in found.photo.load_garments():
        _draw(labelled, garment.mask, garment.category, _LABELLED)
    right = {pair.guess for pair in pair_garments(found) if pair.right}
    for place, (guess, rle) in enumerate(found.garments):
        colour = _RIGHT if place in right else _WRONG
        _draw(seen, decode_mask(rle), f"{guess.category} {guess.score:.2f}", colour)
    both = np.hstack([labelled, np.full((HEIGHT_PX, 6, 3), 255, np.uint8), seen])
    cv2.imwrite(str(path), both[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


def _draw(picture: np.ndarray, mask: np.ndarray, text: str, colour: tuple[int, int, int]) -> None:
    size = picture.shape[1], picture.shape[0]
    small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    lines, _ = cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not lines:
        return
    cv2.drawContours(picture, lines, -1, colour, 2, cv2.LINE_AA)
    left, top, width, height = cv2.boundingRect(max(lines, key=cv2.contourArea))
    (text_width, text_height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)
    x = int(np.clip(left + (width - text_width) // 2, 0, max(0, size[0] - text_width - 4)))
    y = int(np.clip(top + height // 2, 0, size[1] - text_height - 6))
    cv2.rectangle(picture, (x, y), (x + text_width + 4, y + text_height + 6), colour, -1)
    at = (x + 2, y + text_height + 3)
    white = (255, 255, 255)
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, white, 1, cv2.LINE_AA)


def draw_curves(per_category: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Write an SVG of precision over recall at IoU .5: every category thin, their mean thick."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.add_subplot()
    for name, row in sorted(per_category.items(), key=lambda item: -(item[1]["AP50"] or 0)):
        axes.plot(RECALLS, row["curve"], lw=1, alpha=0.75, label=f"{name} {row['AP50']:.0f}")
    if per_category:
        mean = np.mean([row["curve"] for row in per_category.values()], axis=0)
        axes.plot(RECALLS, mean, lw=3, color="black", label="mean")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.25)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False, title="AP50")
    figure.savefig(path)


def draw_confusion(
    confusion: Mapping[str, Mapping[str, int]], order: Sequence[str], path: Path
) -> None:
    """Write an SVG: labelled categories down, found ones across, each row in shares."""
    from matplotlib.figure import Figure

    rows = [name for name in order if name in confusion]
    columns = [n for n in order if any(n in row for row in confusion.values())]
    counts = np.array([[confusion[r].get(c, 0) for c in columns] for r in rows], dtype=float)
    counts = counts.reshape(len(rows), len(columns))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(2 + 0.42 * len(columns), 1.6 + 0.34 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.set(xlabel="found as", ylabel="labelled")
    for y, x in np.argwhere(counts > 0):
        colour = "white" if shares[y, x] > 0.55 else "black"
        axes.text(x, y, f"{counts[y, x]:.0f}", ha="center", va="center", fontsize=7, color=colour)
    figure.savefig(path)
