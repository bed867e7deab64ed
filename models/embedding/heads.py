"""Trains CGD's heads alone, on descriptors of the frozen trunk that are computed only once.

Called by `lookalike train embedding --heads-only`: minutes on a CPU where whole training takes
hours. Every crop is described as a worker would see it and in a few random views.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from catalog.taxonomy import CATEGORIES
from models.devices import autocast
from models.embedding.augment import Augmentation, make_view
from models.embedding.crop_set import CropRecord, plain_crop, read_crop
from models.embedding.infer import letterbox, normalise
from models.embedding.losses import LossSettings, RankingLoss, make_kind_loss
from models.embedding.network import CGD, Architecture
from models.embedding.whitening import set_heads_from

_BATCH = 32


@dataclass(frozen=True)
class HeadSettings:
    """identities: in a batch, each with all its views. drift_weight: pull towards the start."""

    views: int = 2
    steps: int = 150
    identities: int = 128
    rate: float = 1e-3
    drift_weight: float = 0.0
    seed: int = 0


def describe_views(
    network: CGD,
    architecture: Architecture,
    folder: Path,
    records: Sequence[CropRecord],
    views: int,
    seed: int,
) -> NDArray[np.float16]:
    """(N, views, descriptors, C): the first view of every crop is plain, the others random."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    side = architecture.side_px
    device = next(network.parameters()).device
    rows = []
    for start in range(0, len(records), _BATCH):
        pictures = []
        for record in records[start : start + _BATCH]:
            crop, mask = read_crop(folder, record)
            pictures.append(letterbox(plain_crop(crop, mask), side))
            more = range(views - 1)
            pictures += [make_view(crop, mask, side, Augmentation(), rng) for _ in more]
        with torch.inference_mode(), autocast(device):
            described = network.describe(normalise(np.stack(pictures), architecture, device))
        stacked = torch.stack(described, dim=1)  # (B * views, descriptors, C)
        rows.append(stacked.float().cpu().half().numpy().reshape(-1, views, *stacked.shape[1:]))
    return np.concatenate(rows)


def train_heads(
    network: CGD,
    described: NDArray[np.float16],
    records: Sequence[CropRecord],
    settings: HeadSettings,
    losses: LossSettings,
    report: Callable[[str], None] = print,
) -> None:
    """Set the heads by whitening, then train them; the trunk keeps its weights.

    described: (N, views, descriptors, C), row for row with `records`. The auxiliary loss is left
    out: it works through the trunk, and the trunk is frozen.
    """
    torch.manual_seed(settings.seed)
    vectors = torch.from_numpy(described).float()
    plain_and_random = vectors.flatten(0, 1)  # (N * views, descriptors, C)
    set_heads_from(network, list(plain_and_random.unbind(dim=1)))
    identities = _numbers([record.identity for record in records])
    categories = torch.tensor([CATEGORIES.index(record.category) for record in records])
    start = [p.detach().clone() for p in network.heads.parameters()]
    optimizer = torch.optim.Adam(network.heads.parameters(), lr=settings.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, settings.steps))
    ranking, kinds = RankingLoss(losses.margin), make_kind_loss(losses)
    for step in range(1, settings.steps + 1):
        rows = torch.randperm(len(records))[: settings.identities]
        batch = vectors[rows].flatten(0, 1)  # (B, views, descriptors, C) -> (B * views, ...)
        embeddings = network.combine(list(batch.unbind(dim=1)))
        loss_items = ranking(embeddings, identities[rows].repeat_interleave(vectors.shape[1]))
        loss_kinds = kinds(embeddings, categories[rows].repeat_interleave(vectors.shape[1]))
        loss = loss_items + losses.kind_weight * loss_kinds
        loss = loss + settings.drift_weight * _drift(network.heads, start)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            report(f"step {step}: items {loss_items.item():.3f}, kinds {loss_kinds.item():.3f}")


def _numbers(names: Sequence[str]) -> Tensor:
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return torch.tensor([numbers[name] for name in names])


def _drift(heads: nn.Module, start: Sequence[Tensor]) -> Tensor:
    """The relative squared distance of the parameters from where they started."""
    pairs = zip(heads.parameters(), start, strict=True)
    terms = [((now - then) ** 2).sum() / (then**2).sum() for now, then in pairs]
    return torch.stack(terms).mean()
