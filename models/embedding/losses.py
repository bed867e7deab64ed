"""What CGD learns from: a ranking loss on the embedding, a classification loss beside it.

Called by training. Jun et al. 2019, arXiv 1903.10663, sections 3.2 and 3.3.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from pytorch_metric_learning.losses import SupConLoss, TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner
from torch import Tensor, nn


@dataclass(frozen=True)
class LossSettings:
    """margin: of the triplet loss. smoothing, temperature: of the auxiliary loss (the paper's).

    kind_weight, kind_temperature: of a supervised contrastive loss on the category, which the
    paper does not have. With one photo for most items the ranking loss alone pushes garments of
    one kind apart and nothing pulls them together.
    """

    margin: float = 0.1
    auxiliary_weight: float = 1.0
    smoothing: float = 0.1
    temperature: float = 0.5
    kind_weight: float = 0.5
    kind_temperature: float = 0.1


class AuxiliaryClassifier(nn.Module):
    """A linear classifier on the first global descriptor; only training has it."""

    def __init__(self, channels: int, classes: int, settings: LossSettings) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, classes)
        self.settings = settings

    def forward(self, descriptor: Tensor, classes: Tensor) -> Tensor:
        """(B, C), (B,) class numbers -> the mean loss."""
        logits = self.linear(descriptor).float() / self.settings.temperature
        return F.cross_entropy(logits, classes, label_smoothing=self.settings.smoothing)


class RankingLoss(nn.Module):
    """Batch-hard triplets (Hermans et al. 2017, arXiv 1703.07737).

    For every anchor the farthest of its own and the nearest of the others, both in this batch,
    must differ by the margin; the mean is over the triplets that do not yet.
    """

    def __init__(self, margin: float) -> None:
        super().__init__()
        self._miner = BatchHardMiner()
        self._loss = TripletMarginLoss(margin=margin)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """(B, D) rows of length 1, (B,) labels -> the loss."""
        loss: Tensor = self._loss(embeddings, labels, self._miner(embeddings, labels))
        return loss


def make_kind_loss(settings: LossSettings) -> nn.Module:
    """Supervised contrastive loss (Khosla et al. 2020, arXiv 2004.11362) for categories."""
    loss: nn.Module = SupConLoss(temperature=settings.kind_temperature)
    return loss
