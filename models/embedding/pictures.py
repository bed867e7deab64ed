"""Pictures of hits and misses: a query and its five nearest, framed green or red.

Called by the evaluation's page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.photos.decode import decode_crop
from models.embedding.infer import letterbox
from models.embedding.retrieval import QueryScores
from models.embedding.subjects import Subject

Pixels = NDArray[np.uint8]
SIDE_PX = 112
_FRAME_PX = 5
_GREEN, _RED, _GREY = (30, 140, 60), (200, 40, 40), (150, 150, 150)


@dataclass(frozen=True)
class Thumb:
    """A small square picture of a garment, what it is, and whether it is a right answer."""

    pixels: Pixels
    caption: str
    right: bool | None

    @property
    def jpeg(self) -> bytes:
        return _encode(self.pixels)


@dataclass(frozen=True)
class Example:
    """A query (the first thumb) with its nearest, best first."""

    thumbs: tuple[Thumb, ...]


def choose_examples(
    subjects: Sequence[Subject],
    labels: Sequence[str],
    scores: QueryScores,
    hits: bool,
    count: int = 8,
    seed: int = 0,
) -> list[Example]:
    """Random queries whose nearest is right (`hits`), or among whose first ten nothing is.

    Where too few miss all ten, some that miss at the first rank come behind. labels: what makes
    an answer right, row for row with `subjects`. Queries without a crop show nothing and are
    left out.
    """
    first, ten = scores.values["recall@1"], scores.values["recall@10"]
    rows = [i for i in range(len(subjects)) if scores.nearest[i, 0] >= 0 and not np.isnan(first[i])]
    order = [int(i) for i in np.random.default_rng(seed).permutation(rows)]
    chosen = [i for i in order if first[i] == float(hits)]
    if not hits:
        chosen.sort(key=lambda i: ten[i])
    return [_show(subjects, labels, i, scores.nearest[i]) for i in chosen[:count]]


def _show(
    subjects: Sequence[Subject], labels: Sequence[str], query: int, nearest: NDArray[np.int64]
) -> Example:
    thumbs = [_make_thumb(subjects[query], labels[query], None)]
    thumbs += [
        _make_thumb(subjects[row], labels[row], labels[row] == labels[query])
        for row in nearest[nearest >= 0].tolist()
    ]
    return Example(tuple(thumbs))


def _make_thumb(subject: Subject, label: str, right: bool | None) -> Thumb:
    pixels = letterbox(decode_crop(subject.crop or b""), SIDE_PX)
    words = (label, subject.view) if label and subject.view else (label or subject.category,)
    return Thumb(pixels, " · ".join(words), right)


def write_sheet(examples: Sequence[Example], path: Path) -> None:
    """All examples as one JPEG, a line each, the query at the left; nothing when there are none."""
    if not examples:
        return
    width = max(len(example.thumbs) for example in examples)
    blank = np.full((SIDE_PX + 2 * _FRAME_PX, SIDE_PX + 2 * _FRAME_PX, 3), 255, dtype=np.uint8)
    lines = []
    for example in examples:
        framed = [_frame(thumb) for thumb in example.thumbs]
        lines.append(np.hstack(framed + [blank] * (width - len(framed))))
    path.write_bytes(_encode(np.vstack(lines)))


def _frame(thumb: Thumb) -> Pixels:
    colour = _GREY if thumb.right is None else _GREEN if thumb.right else _RED
    size = SIDE_PX + 2 * _FRAME_PX
    framed = np.full((size, size, 3), colour, dtype=np.uint8)
    framed[_FRAME_PX:-_FRAME_PX, _FRAME_PX:-_FRAME_PX] = thumb.pixels
    return framed


def _encode(pixels: Pixels) -> bytes:
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())
