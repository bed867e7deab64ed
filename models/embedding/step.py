"""One training step of the whole network: its losses and its optimiser.

Called by models.embedding.whole.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.devices import autocast
from models.embedding.batches import Batch, ClassNumbers
from models.embedding.losses import AuxiliaryClassifier, RankingLoss, make_contrast
from models.embedding.network import CGD, count_channels
from models.embedding.settings import Recipe
from models.freezing import freeze_depthwise


class TrainingStep:
    """The optimiser's state and the losses; `take` does one step on one batch."""

    def __init__(
        self, network: CGD, recipe: Recipe, numbers: ClassNumbers, device: torch.device
    ) -> None:
        self.network, self.recipe, self.device = network, recipe, device
        self.losses = recipe.losses
        classes = {"item": numbers.items, "category": numbers.categories, "kind": numbers.kinds}
        count = len(classes[self.losses.auxiliary_on])
        channels = count_channels(network.trunk)
        self.auxiliary = AuxiliaryClassifier(channels, count, self.losses).to(device)
        self.ranking = RankingLoss(self.losses)
        self.contrast = make_contrast(self.losses)
        for name, parameter in network.trunk.named_parameters():
            parameter.requires_grad = not name.startswith(recipe.trunk.frozen)
        if recipe.trunk.freeze_depthwise:
            freeze_depthwise(network.trunk)
        self.optimizer = torch.optim.AdamW(
            self._groups(), weight_decay=recipe.trunk.weight_decay, fused=device.type == "cuda"
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)

    def take(self, batch: Batch, photos: Tensor) -> dict[str, float]:
        """One step; returns the losses before it. photos: (B, 3, H, W) as the trunk expects."""
        losses = self._weigh(batch, photos)
        total = torch.stack([weight * value for weight, value in losses.values()]).sum()
        self.optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.schedule.step()
        return {name: value.item() for name, (_, value) in losses.items()}

    def _weigh(self, batch: Batch, photos: Tensor) -> dict[str, tuple[float, Tensor]]:
        """Each loss that counts, with its weight."""
        labels = {
            name: torch.from_numpy(numbers).to(self.device)
            for name, numbers in (
                ("item", batch.items), ("category", batch.categories), ("kind", batch.kinds),
            )
        }  # fmt: skip
        with autocast(self.device):
            described = self.network.describe(photos)
            embeddings = self.network.combine(described)
            auxiliary = self.auxiliary(described[0], labels[self.losses.auxiliary_on])
        weighed = {
            "ranking": (1.0, self.ranking(embeddings, labels["item"])),
            "auxiliary": (self.losses.auxiliary_weight, auxiliary),
        }
        for name, weight in (
            ("category", self.losses.category_weight),
            ("kind", self.losses.kind_weight),
        ):
            if weight:
                weighed[name] = (weight, self.contrast(embeddings, labels[name]))
        return weighed

    def _groups(self) -> list[dict[str, Any]]:
        heads: list[nn.Parameter] = [
            *self.network.heads.parameters(),
            *self.network.descriptors.parameters(),
            *self.auxiliary.parameters(),
        ]
        trunk = [p for p in self.network.trunk.parameters() if p.requires_grad]
        rates = self.recipe.trunk
        return [
            {"params": heads, "lr": rates.head_rate},
            {"params": trunk, "lr": rates.trunk_rate},
        ]

    def _rate(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to nothing."""
        settings = self.recipe.trunk
        warm = min(1.0, (step + 1) / max(1, settings.warmup))
        return warm * 0.5 * (1 + float(np.cos(np.pi * step / max(1, settings.steps))))

    def state_dict(self) -> dict[str, Any]:
        return {
            "auxiliary": self.auxiliary.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.auxiliary.load_state_dict(state["auxiliary"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
