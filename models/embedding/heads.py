"""Trains CGD's heads alone, on descriptors of the frozen trunk that are computed only once.

Called by models.embedding.train: minutes on a CPU where whole training takes hours. Every crop is
described as a worker would see it and in a few random views.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.devices import autocast
from models.embedding.augment import make_view
from models.embedding.batches import number_classes
from models.embedding.crop_set import CropRecord, plain_crop, read_crop
from models.embedding.infer import letterbox, normalise
from models.embedding.losses import RankingLoss, make_contrast
from models.embedding.network import CGD
from models.embedding.run_folder import RunFolder
from models.embedding.settings import Recipe
from models.embedding.whitening import set_heads_from

_PART = 256  # crops described between two saves
_BATCH = 32


def describe_views(
    network: CGD,
    recipe: Recipe,
    crops: Path,
    records: Sequence[CropRecord],
    folder: RunFolder,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.float16]:
    """(N, views, descriptors, C): the first view of every crop is plain, the others random.

    Each part of the crops is kept in the run's folder, and only what is missing there is described.
    """
    cv2.setNumThreads(1)
    parts = []
    for number, start in enumerate(range(0, len(records), _PART)):
        name = f"described-{number:05d}.pt"
        saved = folder.load(name)
        if saved is None:
            rng = np.random.default_rng([recipe.seed, number])
            chosen = records[start : start + _PART]
            saved = {"vectors": _describe_part(network, recipe, crops, chosen, rng)}
            folder.save(saved, name)
        parts.append(saved["vectors"].numpy())
        advance(min(start + _PART, len(records)), len(records))
    return np.concatenate(parts)


def _describe_part(
    network: CGD,
    recipe: Recipe,
    crops: Path,
    records: Sequence[CropRecord],
    rng: np.random.Generator,
) -> Tensor:
    side, views = recipe.architecture.side_px, recipe.heads.views
    device = next(network.parameters()).device
    rows = []
    for start in range(0, len(records), _BATCH):
        pictures = []
        for record in records[start : start + _BATCH]:
            crop, mask = read_crop(crops, record)
            pictures.append(letterbox(plain_crop(crop, mask), side))
            more = range(views - 1)
            pictures += [make_view(crop, mask, side, recipe.augmentation, rng) for _ in more]
        photos = normalise(np.stack(pictures), recipe.architecture, device)
        with torch.inference_mode(), autocast(device):
            described = network.describe(photos)
        stacked = torch.stack(described, dim=1)  # (B * views, descriptors, C)
        rows.append(stacked.float().cpu().half().reshape(-1, views, *stacked.shape[1:]))
    return torch.cat(rows)


def train_heads(
    network: CGD,
    described: NDArray[np.float16],
    records: Sequence[CropRecord],
    recipe: Recipe,
    look: Callable[[int, dict[str, float]], None] = lambda step, losses: None,
    keep_heads: bool = False,
) -> None:
    """Set the heads by whitening, then train them; the trunk keeps its weights.

    described: (N, views, descriptors, C), row for row with `records`. `look` gets each step's
    number, from 1, and its losses. keep_heads: begin with the network's own. The auxiliary loss
    is left out: it works through the trunk, and the trunk is frozen.
    """
    settings, losses = recipe.heads, recipe.losses
    torch.manual_seed(recipe.seed)
    vectors = torch.from_numpy(described).float()
    plain_and_random = vectors.flatten(0, 1)  # (N * views, descriptors, C)
    if not keep_heads:
        set_heads_from(network, list(plain_and_random.unbind(dim=1)))
    labels = _label_records(records)
    start = [p.detach().clone() for p in network.heads.parameters()]
    optimizer = torch.optim.Adam(network.heads.parameters(), lr=settings.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, settings.steps))
    ranking, contrast = RankingLoss(losses), make_contrast(losses)
    weights = {"category": losses.category_weight, "kind": losses.kind_weight}
    for step in range(1, settings.steps + 1):
        rows = torch.randperm(len(records))[: settings.identities]
        batch = vectors[rows].flatten(0, 1)  # (B, views, descriptors, C) -> (B * views, ...)
        embeddings = network.combine(list(batch.unbind(dim=1)))
        own = {k: v[rows].repeat_interleave(vectors.shape[1]) for k, v in labels.items()}
        parts = {"ranking": ranking(embeddings, own["item"])}
        parts |= {
            name: contrast(embeddings, own[name]) for name, weight in weights.items() if weight
        }
        loss = torch.stack([weights.get(name, 1.0) * part for name, part in parts.items()]).sum()
        loss = loss + settings.drift_weight * _drift(network.heads, start)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        look(step, {name: part.item() for name, part in parts.items()})


def _label_records(records: Sequence[CropRecord]) -> dict[str, Tensor]:
    numbers = number_classes(records)
    return {
        "item": torch.tensor([numbers.items[record.identity] for record in records]),
        "category": torch.tensor([numbers.categories[record.category] for record in records]),
        "kind": torch.tensor([numbers.kinds[record.kind] for record in records]),
    }


def _drift(heads: nn.Module, start: Sequence[Tensor]) -> Tensor:
    """The relative squared distance of the parameters from where they started."""
    pairs = zip(heads.parameters(), start, strict=True)
    terms = [((now - then) ** 2).sum() / (then**2).sum() for now, then in pairs]
    return torch.stack(terms).mean()
