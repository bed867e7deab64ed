"""Models that see by plain arithmetic, for tests of everything around the real ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.segmentation.infer import FoundGarment

POISON = (255, 0, 255)
"""A photo whose first pixel has this colour can be made to fail in the ways below."""


@dataclass
class FakeSegmenter:
    """Finds one garment, the middle of the photo; its category follows from the colour there."""

    checkpoint_id: str
    categories: tuple[str, ...] = ("dress", "pants")
    seen: list[int] = field(default_factory=list)
    margin: int = 4
    """The part of the photo's edges, one over this, that it leaves out on every side."""
    bold: bool = False
    """Not to be shocked by poison."""

    def segment_photos(self, photos: Sequence[NDArray[np.uint8]]) -> list[list[FoundGarment]]:
        self.seen.append(len(photos))
        if not self.bold and any(tuple(photo[0, 0]) == POISON for photo in photos):
            raise RuntimeError("out of memory")
        return [[self._middle(photo)] for photo in photos]

    def masks_in_boxes(
        self,
        photo: NDArray[np.uint8],
        boxes: Sequence[Sequence[float]],
        categories: Sequence[str],
    ) -> list[NDArray[np.bool_]]:
        """The upper half of each box; nothing where the box begins at the photo's left edge."""
        masks = []
        for x0, y0, x1, y1 in np.array(boxes, dtype=int).reshape(-1, 4):
            mask = np.zeros(photo.shape[:2], dtype=bool)
            mask[y0 : (y0 + y1) // 2, x0:x1] = x0 > 0
            masks.append(mask)
        return masks

    def _middle(self, photo: NDArray[np.uint8]) -> FoundGarment:
        height, width = photo.shape[:2]
        mask = np.zeros((height, width), dtype=bool)
        x, y = width // self.margin, height // self.margin
        mask[y : height - y, x : width - x] = True
        red, _, blue = photo[height // 2, width // 2]
        category = "dress" if red >= blue else "pants"
        box = (float(x), float(y), float(width - x), float(height - y))
        return FoundGarment(category, 0.9, box, mask)


@dataclass
class BlindSegmenter(FakeSegmenter):
    """Finds nothing in any photo."""

    def segment_photos(self, photos: Sequence[NDArray[np.uint8]]) -> list[list[FoundGarment]]:
        self.seen.append(len(photos))
        return [[] for _ in photos]


@dataclass
class FakeEmbedder:
    """The mean colour and its products as a unit vector."""

    checkpoint_id: str
    dimensions: int = 8
    seen: int = 0

    def embed_crops(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        self.seen += len(crops)
        means = np.stack([crop.reshape(-1, 3).mean(axis=0) for crop in crops]) / 255 + 0.01
        wide = np.concatenate([means, means**2, means[:, :2] ** 3], axis=1)[:, : self.dimensions]
        return (wide / np.linalg.norm(wide, axis=1, keepdims=True)).astype(np.float32)


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the product can catch it."""


@dataclass
class DyingSegmenter(FakeSegmenter):
    """Takes its process down with a poisoned photo."""

    def segment_photos(self, photos: Sequence[NDArray[np.uint8]]) -> list[list[FoundGarment]]:
        if any(tuple(photo[0, 0]) == POISON for photo in photos):
            raise Killed
        return super().segment_photos(photos)


@dataclass
class DyingEmbedder(FakeEmbedder):
    """Takes its process down with the crop after so many."""

    after: int = 0

    def embed_crops(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        if self.seen + len(crops) > self.after:
            raise Killed
        return super().embed_crops(crops)
