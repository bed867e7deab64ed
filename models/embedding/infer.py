"""Turns crops into embeddings with a checkpoint. Workers call `load_embedder` and `embed_crops`.

Evaluation uses the same two, so what is measured is what is served.
"""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catalog.errors import CheckpointError
from models.checkpoints import load_card, load_weights
from models.crops import PLAIN
from models.devices import choose_device, put_on
from models.embedding.network import CGD, Architecture
from models.folding import fold_batch_norm

_BATCH = 32
_CPU = torch.device("cpu")


class Embedder:
    """A CGD network in evaluation mode on one device; load it with `load_embedder`."""

    def __init__(
        self,
        network: CGD,
        architecture: Architecture,
        checkpoint_id: str,
        device: torch.device = _CPU,
    ) -> None:
        self.checkpoint_id = checkpoint_id
        self.dimensions = architecture.dimensions
        self.descriptors = architecture.descriptors
        self._architecture = architecture
        self._device = device
        self._network = network.eval()
        self._turn = Lock()
        put_on(network, device)

    def embed_crops(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Embed garments: (h, w, 3) uint8 RGB of any size each -> (N, D) float32, rows of length 1.

        A crop's row does not depend on the crops beside it, up to rounding (below 1e-3).
        """
        starts = range(0, len(crops), _BATCH)
        rows = [self._embed_batch(crops[start : start + _BATCH]) for start in starts]
        return np.concatenate([np.empty((0, self.dimensions), dtype=np.float32), *rows])

    def _embed_batch(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        embeddings = self.run(self.prepare(crops))
        return np.asarray(embeddings.float().cpu().numpy(), dtype=np.float32)

    def prepare(self, crops: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Crops as the network takes them: (B, 3, side, side) float32."""
        photos = np.stack([letterbox(crop, self._architecture.side_px) for crop in crops])
        return normalise(photos, self._architecture, self._device)

    @torch.inference_mode()
    def run(self, photos: Tensor) -> Tensor:
        """The network alone, on what `prepare` gave: (B, D). One thread at a time."""
        with self._turn:
            return torch.as_tensor(self._network(photos))

    @torch.no_grad()
    def map_features(self, photos: Tensor) -> tuple[CGD, Tensor]:
        """The network with its trunk's last feature map, (B, C, h, w), to explain its embeddings.

        Unlike what `run` gives, gradients can be asked of what is made of the map.
        """
        with self._turn:
            return self._network, torch.as_tensor(self._network.trunk(photos))


def load_embedder(folder: Path, device: str = "auto") -> Embedder:
    """Load a checkpoint folder; "auto" takes CUDA where there is one.

    Raises CheckpointError when the folder holds no sound CGD checkpoint.
    """
    network, architecture = load_network(folder)
    fold_batch_norm(network.trunk, torch.zeros(1, 3, 64, 64))
    card = load_card(folder, "embedding")
    return Embedder(network, architecture, card.id, choose_device(device))


def load_network(folder: Path) -> tuple[CGD, Architecture]:
    """The network of a checkpoint folder, in evaluation mode on the CPU; raises CheckpointError."""
    card = load_card(folder, "embedding")
    try:
        architecture = Architecture.from_json(card.architecture)
        network = CGD(architecture)
        network.load_state_dict(load_weights(folder))
    except (ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(folder, f"weights and architecture do not fit: {error}") from error
    if card.dimensions != architecture.dimensions:
        raise CheckpointError(folder, "the card's dimensions are not the architecture's")
    return network.eval(), architecture


def letterbox(crop: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """Fit a crop into a square without stretching it; the rest is the crops' plain background."""
    height, width = crop.shape[:2]
    scale = side_px / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(crop, size, interpolation=interpolation)
    square = np.full((side_px, side_px, 3), PLAIN, dtype=np.uint8)
    top, left = (side_px - size[1]) // 2, (side_px - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = resized
    return square


def normalise(
    photos: NDArray[np.uint8], architecture: Architecture, device: torch.device
) -> Tensor:
    """(B, H, W, 3) uint8 RGB -> (B, 3, H, W) float32 as the trunk was trained on."""
    tensor = torch.from_numpy(photos).to(device).permute(0, 3, 1, 2).float() / 255
    mean = torch.tensor(architecture.mean, device=device).view(1, 3, 1, 1)
    std = torch.tensor(architecture.std, device=device).view(1, 3, 1, 1)
    normalised = (tensor - mean) / std
    return normalised.contiguous(memory_format=torch.channels_last)
