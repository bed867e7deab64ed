"""Says why two garments match: which places of their crops, and what each descriptor says.

Called by the worker that explains similar items.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.embedding.descriptors import split_dimensions, widen
from models.embedding.infer import Embedder
from models.embedding.network import CGD

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Heat = NDArray[np.float32]

_SMOOTH = 0.7  # of a place: what is seen is where, not the grid
_SPREAD = 0.18  # of all heat in the warmest ninth: below it no part stands out

_ROWS = ("upper", "middle", "lower")
_COLUMNS = ("left", "centre", "right")


def explain_match(
    embedder: Embedder, crops: Sequence[Pixels], garments: Sequence[Mask]
) -> tuple[Heat, Heat]:
    """How much each place of two crops adds to their likeness: (h, w) in [0, 1] for each crop.

    crops: two, (h, w, 3) RGB. garments: which pixels of each are garment; heat is zero elsewhere.
    A crop's warmest place has 1, so the two can't be compared with each other in degrees.
    """
    network, features = embedder.map_features(embedder.prepare(crops))
    places, _ = share_similarity(network, features)
    first, second = (
        _spread(grid, inside) for grid, inside in zip(places.cpu().numpy(), garments, strict=True)
    )
    return first, second


def share_similarity(network: CGD, features: Tensor) -> tuple[Tensor, Tensor]:
    """Share the cosine similarity of two feature maps out to their places.

    features: (2, C, h, w). Returns (2, h, w), what each place of either map adds, and (2,), what
    the heads' biases add; for each map all of it sums up to the similarity.

    This is gradient times activation (Selvaraju et al. 2017, arXiv 1610.02391, without averaging
    the gradient), with the lengths that the embeddings are divided by held constant. The plain
    gradient of a cosine stands at right angles to the embedding: times the activation it sums up
    to nothing, and for a garment and its double it is zero everywhere.
    """
    features = widen(features.detach()).requires_grad_()
    head: Any
    with torch.enable_grad():
        total = features.new_zeros(())
        biases = features.new_zeros(len(features))
        for descriptor, head in zip(network.descriptors, network.heads, strict=True):
            made = widen(head(descriptor(features)))  # (2, D / n)
            length = made.detach().norm(dim=-1, keepdim=True).clamp(min=1e-12)
            other = (made.detach() / length).flip(0)
            total = total + (made / length * other).sum()
            biases = biases + (widen(head.bias).detach() / length * other).sum(dim=-1)
        (gradient,) = torch.autograd.grad(total, features)
    count = len(network.heads)
    places = (gradient * features.detach()).sum(dim=1)  # (2, C, h, w) -> (2, h, w)
    return places / count, biases / count


def compare_descriptors(
    letters: str, first: NDArray[np.float32], second: NDArray[np.float32]
) -> dict[str, float]:
    """The cosine similarity of two embeddings (D,) by each descriptor, in [-1, 1].

    An embedding is its descriptors side by side, all of the same length: the mean of what they say
    is the similarity of the whole.
    """
    sizes = split_dimensions(len(first), len(letters))
    ends = np.cumsum(sizes)[:-1]
    pairs = zip(letters, np.split(first, ends), np.split(second, ends), strict=True)
    return {letter: _cosine(a, b) for letter, a, b in pairs}


def name_place(heat: Heat, inside: Mask) -> str:
    """Where on a garment most of the heat is, in words, for who can't see it."""
    ninths = _ninths(np.where(inside, heat, 0), inside)
    if ninths.sum() <= 0 or ninths.max() < _SPREAD * ninths.sum():
        return "spread over the whole garment"
    row, column = divmod(int(ninths.argmax()), 3)
    if (row, column) == (1, 1):
        return "in the middle"
    return f"{_ROWS[row]} {_COLUMNS[column]}"


def _ninths(heat: NDArray[np.float32], inside: Mask) -> NDArray[np.float32]:
    """The heat in each ninth of the garment's box, row by row."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return np.zeros(9, dtype=np.float32)
    box = heat[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    parts = [part for band in np.array_split(box, 3) for part in np.array_split(band, 3, axis=1)]
    return np.array([part.sum() for part in parts], dtype=np.float32)


def _cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.clip(a @ b / lengths, -1, 1)) if lengths else 0.0


def _spread(grid: NDArray[np.float32], inside: Mask) -> Heat:
    """A grid over the letterboxed square as smooth heat over the crop, nothing off the garment."""
    height, width = inside.shape
    side = max(height, width)
    warm = cv2.GaussianBlur(np.maximum(grid, 0), (0, 0), _SMOOTH, borderType=cv2.BORDER_REPLICATE)
    square = cv2.resize(warm, (side, side), interpolation=cv2.INTER_CUBIC)
    top, left = (side - height) // 2, (side - width) // 2
    heat = np.where(inside, square[top : top + height, left : left + width].clip(min=0), 0)
    warmest = heat.max()
    return np.asarray(heat / warmest if warmest > 0 else heat, dtype=np.float32)
