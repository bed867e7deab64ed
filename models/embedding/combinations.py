"""Compares combinations of descriptors, each other's heads left out, and frozen ImageNet features.

Called by `lookalike evaluate embedding --table`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from models.devices import choose_device, put_on
from models.embedding.evaluate import Embed, Embedded, embed_subjects, measure
from models.embedding.infer import letterbox, load_network, normalise
from models.embedding.network import CGD, Architecture
from models.embedding.subjects import Subject
from models.starting_weights import load_starting_weights

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Row:
    """One line of the table: which descriptors, of what, and its scores as `measure` gives them."""

    descriptors: str
    weights: str
    dimensions: int
    metrics: dict[str, Any]


def compare_heads(
    folder: Path,
    name: str,
    subjects: Sequence[Subject],
    device: str = "auto",
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> list[Row]:
    """Every combination of a checkpoint's descriptors, with the heads of those alone.

    The heads were trained together: a combination that is trained by itself may do better.
    """
    network, architecture = load_network(folder)
    described = embed_subjects(
        make_describe(network, architecture, choose_device(device)), subjects, advance
    )
    network = network.cpu()
    rows = []
    for letters in list_combinations(architecture.descriptors):
        places = [architecture.descriptors.index(letter) for letter in letters]
        parts = _head_parts(network, described.rows, places)
        rows.append(_score(letters, f"{name}, heads of {letters}", subjects, parts))
    return rows


def compare_frozen(
    starting_weights: Path,
    architecture: Architecture,
    subjects: Sequence[Subject],
    device: str = "auto",
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> list[Row]:
    """Every combination of the untrained trunk's descriptors, without any heads."""
    frozen = replace(architecture, descriptors="SMG", dimensions=max(3, architecture.dimensions))
    network = CGD(frozen).eval()
    load_starting_weights(network.trunk, starting_weights)
    described = embed_subjects(
        make_describe(network, frozen, choose_device(device)), subjects, advance
    )
    rows = []
    for letters in list_combinations("SMG"):
        parts = [F.normalize(_vectors(described.rows, 3)["SMG".index(c)], dim=-1) for c in letters]
        rows.append(_score(letters, "frozen ImageNet features, no heads", subjects, parts))
    return rows


def list_combinations(letters: str) -> list[str]:
    """ "SMG" -> S, M, G, SM, SG, MG, SMG."""
    sizes = range(1, len(letters) + 1)
    return ["".join(chosen) for size in sizes for chosen in combinations(letters, size)]


def make_describe(network: CGD, architecture: Architecture, device: torch.device) -> Embed:
    """Crops -> their descriptors before the heads, side by side: rows of (n * C)."""
    put_on(network, device)

    @torch.inference_mode()
    def describe(crops: Sequence[Pixels]) -> NDArray[np.float32]:
        photos = np.stack([letterbox(crop, architecture.side_px) for crop in crops])
        vectors = network.describe(normalise(photos, architecture, device))
        return np.asarray(torch.cat(vectors, dim=1).float().cpu().numpy(), dtype=np.float32)

    return describe


@torch.no_grad()
def combine_rows(network: CGD, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of `make_describe` -> the network's embeddings; the network is on the CPU."""
    embeddings = network.combine(_vectors(rows, len(network.heads)))
    return np.asarray(embeddings.numpy(), dtype=np.float32)


def _vectors(rows: NDArray[np.float32], count: int) -> list[Tensor]:
    return list(torch.from_numpy(rows).chunk(count, dim=1))  # (N, n * C) -> n of (N, C)


@torch.no_grad()
def _head_parts(network: CGD, rows: NDArray[np.float32], places: Sequence[int]) -> list[Tensor]:
    vectors = _vectors(rows, len(network.heads))
    return [F.normalize(network.heads[i](vectors[i]), dim=-1) for i in places]


def _score(letters: str, weights: str, subjects: Sequence[Subject], parts: Sequence[Tensor]) -> Row:
    embeddings = F.normalize(torch.cat(list(parts), dim=-1), dim=-1)
    metrics, _ = measure(Embedded(subjects, embeddings.numpy()))
    return Row(letters, weights, embeddings.shape[1], metrics)
