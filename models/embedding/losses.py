"""What CGD learns from: a ranking loss on items, classification and contrast on their labels.

Called by training. Jun et al. 2019, arXiv 1903.10663, sections 3.2 and 3.3.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch.nn.functional as F
from pytorch_metric_learning import losses, miners
from torch import Tensor, nn

Ranking = Literal["triplet", "contrastive", "multi-similarity", "supcon"]
Miner = Literal["usual", "batch-hard", "semi-hard", "multi-similarity", "none"]
Labels = Literal["item", "category", "kind"]

_USUAL: dict[str, Miner] = {"triplet": "batch-hard", "multi-similarity": "multi-similarity"}


@dataclass(frozen=True)
class LossSettings:
    """All weights and constants of a run's losses.

    ranking: the loss that tells items apart. miner: which pairs or triplets of a batch it sees;
    "usual" is batch-hard for triplets, the loss's own for multi-similarity, else all. margin: of
    triplets and of contrastive's negatives, in Euclidean distance. ranking_temperature: supcon's.
    alpha, beta, base: multi-similarity's.

    auxiliary_weight, smoothing, temperature: of the classification beside it (the paper's), which
    sorts into auxiliary_on.

    category_weight, kind_weight, contrast_temperature: of supervised contrastive losses on the
    category and on the source's finer kind, which the paper does not have. With one photo for
    most items the ranking loss alone pushes garments of one kind apart and nothing pulls them
    together.
    """

    ranking: Ranking = "triplet"
    miner: Miner = "usual"
    margin: float = 0.1
    ranking_temperature: float = 0.1
    alpha: float = 2.0
    beta: float = 50.0
    base: float = 0.5
    auxiliary_weight: float = 1.0
    auxiliary_on: Labels = "category"
    smoothing: float = 0.1
    temperature: float = 0.5
    category_weight: float = 0.5
    kind_weight: float = 0.0
    contrast_temperature: float = 0.1

    def __post_init__(self) -> None:
        choices = {"ranking": Ranking, "miner": Miner, "auxiliary_on": Labels}
        for name, known in choices.items():
            if getattr(self, name) not in get_args(known):
                raise ValueError(f"{name} is one of {', '.join(get_args(known))}")
        if min(self.ranking_temperature, self.temperature, self.contrast_temperature) <= 0:
            raise ValueError("temperatures are above 0")


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
    """The ranking loss of the settings, on the pairs or triplets that their miner picks.

    Triplets with batch-hard mining (Hermans et al. 2017, arXiv 1703.07737): for every anchor the
    farthest of its own and the nearest of the others, both in this batch, must differ by the
    margin; the mean is over the triplets that do not yet.
    """

    def __init__(self, settings: LossSettings) -> None:
        super().__init__()
        self._loss = _make_ranking(settings)
        self._miner = _make_miner(settings)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """(B, D) rows of length 1, (B,) labels -> the loss."""
        picked = None if self._miner is None else self._miner(embeddings, labels)
        loss: Tensor = self._loss(embeddings, labels, picked)
        return loss


def _make_ranking(settings: LossSettings) -> Any:
    if settings.ranking == "triplet":
        return losses.TripletMarginLoss(margin=settings.margin)
    if settings.ranking == "contrastive":
        return losses.ContrastiveLoss(pos_margin=0.0, neg_margin=settings.margin)
    if settings.ranking == "supcon":
        return losses.SupConLoss(temperature=settings.ranking_temperature)
    return losses.MultiSimilarityLoss(settings.alpha, settings.beta, settings.base)


def _make_miner(settings: LossSettings) -> Any:
    name = settings.miner
    if name == "usual":
        name = _USUAL.get(settings.ranking, "none")
    if name == "batch-hard":
        return miners.BatchHardMiner()
    if name == "semi-hard":
        return miners.TripletMarginMiner(margin=settings.margin, type_of_triplets="semihard")
    return miners.MultiSimilarityMiner(epsilon=0.1) if name == "multi-similarity" else None


def make_contrast(settings: LossSettings) -> nn.Module:
    """Supervised contrastive loss (Khosla et al. 2020, arXiv 2004.11362) for category and kind."""
    loss: nn.Module = losses.SupConLoss(temperature=settings.contrast_temperature)
    return loss
