"""Trains CGD on prepared crops, from ImageNet weights to a checkpoint folder.

Called by `lookalike train embedding`.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from catalog.taxonomy import CATEGORIES
from models.checkpoints import Card, save_checkpoint
from models.devices import autocast, choose_device, put_on
from models.embedding.augment import Augmentation
from models.embedding.batches import Batch, BatchPlan, load_batch, plan_batches
from models.embedding.crop_set import CropRecord, plain_crop, read_crop, read_records
from models.embedding.heads import HeadSettings, describe_views, train_heads
from models.embedding.infer import letterbox, normalise
from models.embedding.losses import AuxiliaryClassifier, LossSettings, RankingLoss, make_kind_loss
from models.embedding.network import CGD, Architecture, count_channels
from models.embedding.whitening import set_heads_from
from models.starting_weights import load_starting_weights

Report = Callable[[str], None]


@dataclass(frozen=True)
class TrainingSettings:
    """One run. side_px: of the training views; the checkpoint serves the architecture's own.

    frozen: name prefixes of trunk parameters that keep their ImageNet values. Batch norm keeps
    its statistics everywhere: batches of near twins have none worth learning.
    """

    steps: int = 1500
    side_px: int = 160
    seed: int = 0
    head_rate: float = 1e-3
    trunk_rate: float = 2e-4
    weight_decay: float = 1e-2
    warmup: int = 50
    averaging: float = 0.995
    whitening_crops: int = 2000
    frozen: tuple[str, ...] = ("conv_stem", "bn1", "blocks.0", "blocks.1", "blocks.2", "blocks.3")
    plan: BatchPlan = field(default_factory=BatchPlan)
    losses: LossSettings = field(default_factory=LossSettings)
    augmentation: Augmentation = field(default_factory=Augmentation)


def train_embedding(
    crops: Path,
    starting_weights: Path,
    out: Path,
    architecture: Architecture,
    settings: TrainingSettings,
    heads: HeadSettings | None = None,
    data: Sequence[dict[str, str]] = (),
    command: str = "",
    device: str = "auto",
    report: Report = print,
) -> Card:
    """Train on the crop set in folder `crops` and save a checkpoint to `out`.

    With `heads` the trunk stays frozen and they alone are trained, on what it says about the
    crops. With `steps` = 0 the result is the frozen trunk with heads from whitening.
    """
    torch.manual_seed(settings.seed)
    target = choose_device(device)
    records = read_records(crops)
    network = CGD(architecture).eval()
    put_on(network, target)
    load_starting_weights(network.trunk, starting_weights)
    if heads is not None:
        described = describe_views(network, architecture, crops, records, heads.views, heads.seed)
        network = network.cpu()
        train_heads(network, described, records, heads, settings.losses, report)
        training = {"heads": asdict(heads), "losses": asdict(settings.losses)}
    else:
        _start_heads(network, architecture, crops, records, settings)
        if settings.steps:
            network = _run(network, architecture, crops, records, settings, target, report)
        training = _plain(settings)
    return save_checkpoint(
        out,
        "embedding",
        architecture.as_json(),
        network.state_dict(),
        dimensions=architecture.dimensions,
        data=tuple(data),
        training={"command": command, "crops": len(records), **training},
    )


def _plain(settings: TrainingSettings) -> dict[str, Any]:
    return {**asdict(settings), "frozen": list(settings.frozen)}


def _start_heads(
    network: CGD,
    architecture: Architecture,
    crops: Path,
    records: Sequence[CropRecord],
    settings: TrainingSettings,
) -> None:
    """Whiten what the untrained trunk says about a sample of the crops, drawn or photographed."""
    rng = np.random.default_rng(settings.seed)
    count = min(settings.whitening_crops, len(records))
    chosen = [records[i] for i in rng.choice(len(records), count, replace=False)]
    device = next(network.parameters()).device
    described: list[list[Tensor]] = []
    for start in range(0, count, 32):
        part = [plain_crop(*read_crop(crops, r)) for r in chosen[start : start + 32]]
        views = np.stack([letterbox(crop, architecture.side_px) for crop in part])
        with torch.inference_mode(), autocast(device):
            described.append(network.describe(normalise(views, architecture, device)))
    set_heads_from(network, [torch.cat(vectors) for vectors in zip(*described, strict=True)])


def _run(
    network: CGD,
    architecture: Architecture,
    crops: Path,
    records: Sequence[CropRecord],
    settings: TrainingSettings,
    device: torch.device,
    report: Report,
) -> CGD:
    """Take the steps and return the network with averaged weights."""
    cv2.setNumThreads(1)
    step = TrainingStep(network, settings, device)
    average = get_ema_multi_avg_fn(settings.averaging)  # type: ignore[no-untyped-call]
    averaged = AveragedModel(network, multi_avg_fn=average)
    rng = np.random.default_rng(settings.seed)
    planned = plan_batches(records, settings.plan, settings.seed)
    for number in range(1, settings.steps + 1):
        batch = load_batch(
            crops, next(planned), CATEGORIES, settings.side_px, settings.augmentation, rng
        )
        parts = step.take(batch, normalise(batch.views, architecture, device))
        averaged.update_parameters(network)
        if number % 25 == 0 or number == settings.steps:
            report(f"step {number}: " + ", ".join(f"{k} {v:.3f}" for k, v in parts.items()))
    trained = averaged.module
    assert isinstance(trained, CGD)
    return trained


class TrainingStep:
    """The optimiser's state and the three losses; `take` does one step on one batch."""

    def __init__(self, network: CGD, settings: TrainingSettings, device: torch.device) -> None:
        self.network = network
        self.settings = settings
        channels = count_channels(network.trunk)
        self.auxiliary = AuxiliaryClassifier(channels, len(CATEGORIES), settings.losses).to(device)
        self.ranking = RankingLoss(settings.losses.margin)
        self.kinds = make_kind_loss(settings.losses)
        for name, parameter in network.trunk.named_parameters():
            parameter.requires_grad = not name.startswith(settings.frozen)
        self.optimizer = torch.optim.AdamW(
            self._groups(), weight_decay=settings.weight_decay, fused=device.type == "cuda"
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self.device = device

    def take(self, batch: Batch, photos: Tensor) -> dict[str, float]:
        """One step; returns the losses before it. photos: (B, 3, H, W) as the trunk expects."""
        losses = self.settings.losses
        identities = torch.from_numpy(batch.identities).to(self.device)
        categories = torch.from_numpy(batch.categories).to(self.device)
        with autocast(self.device):
            described = self.network.describe(photos)
            embeddings = self.network.combine(described)
            auxiliary = self.auxiliary(described[0], categories)
        ranking = self.ranking(embeddings, identities)
        kinds = self.kinds(embeddings, categories)
        loss = ranking + losses.auxiliary_weight * auxiliary + losses.kind_weight * kinds
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        losses_now = {"ranking": ranking, "auxiliary": auxiliary, "kinds": kinds}
        return {name: value.item() for name, value in losses_now.items()}

    def _groups(self) -> list[dict[str, Any]]:
        heads: list[nn.Parameter] = [
            *self.network.heads.parameters(),
            *self.network.descriptors.parameters(),
            *self.auxiliary.parameters(),
        ]
        trunk = [p for p in self.network.trunk.parameters() if p.requires_grad]
        rates = self.settings
        return [
            {"params": heads, "lr": rates.head_rate},
            {"params": trunk, "lr": rates.trunk_rate},
        ]

    def _rate(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to nothing."""
        warm = min(1.0, (step + 1) / max(1, self.settings.warmup))
        return warm * 0.5 * (1 + float(np.cos(np.pi * step / max(1, self.settings.steps))))
