"""Each loss and miner against a slow, obvious version; gradients against differences."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.embedding.descriptors import GeneralizedMean, GlobalMax, GlobalMean
from models.embedding.losses import AuxiliaryClassifier, LossSettings, RankingLoss, make_contrast
from models.embedding.network import CGD, Architecture


def make_embeddings(count: int = 12, seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.nn.functional.normalize(torch.randn(count, 5, generator=generator), dim=1)
    return embeddings, torch.arange(count) // 3


def test_the_ranking_loss_is_the_mean_over_violated_batch_hard_triplets() -> None:
    embeddings, labels = make_embeddings()
    violations = []
    for i in range(len(labels)):
        distance = (embeddings - embeddings[i]).norm(dim=1)
        own = [float(distance[j]) for j in range(len(labels)) if labels[j] == labels[i] and j != i]
        others = [float(distance[j]) for j in range(len(labels)) if labels[j] != labels[i]]
        violations.append(max(own) - min(others) + 0.1)
    expected = np.mean([v for v in violations if v > 0])
    assert float(RankingLoss(LossSettings(margin=0.1))(embeddings, labels)) == pytest.approx(
        expected, rel=1e-4
    )


def test_the_ranking_loss_is_zero_when_items_lie_apart() -> None:
    embeddings = torch.eye(4).repeat_interleave(3, dim=0)
    assert float(RankingLoss(LossSettings(margin=0.1))(embeddings, torch.arange(12) // 3)) == 0.0


def test_the_auxiliary_loss_is_cross_entropy_with_smoothing_and_temperature() -> None:
    classifier = AuxiliaryClassifier(4, 3, LossSettings(smoothing=0.1, temperature=0.5))
    descriptors, classes = torch.randn(5, 4), torch.tensor([0, 1, 2, 1, 0])
    losses = []
    for descriptor, label in zip(descriptors, classes, strict=True):
        logits = [float(v) / 0.5 for v in classifier.linear(descriptor).detach()]
        total = math.log(sum(math.exp(v) for v in logits))
        wanted = [0.1 / 3 + (0.9 if k == int(label) else 0.0) for k in range(3)]
        losses.append(-sum(w * (v - total) for w, v in zip(wanted, logits, strict=True)))
    assert classifier(descriptors, classes).item() == pytest.approx(np.mean(losses), rel=1e-4)


def test_the_contrast_of_kinds_is_supervised_contrast() -> None:
    embeddings, labels = make_embeddings()
    losses = []
    for i in range(len(labels)):
        scores = {
            j: math.exp(float(embeddings[i] @ embeddings[j]) / 0.1) for j in range(12) if j != i
        }
        own = [j for j in scores if labels[j] == labels[i]]
        losses.append(-np.mean([math.log(scores[j] / sum(scores.values())) for j in own]))
    contrast = make_contrast(LossSettings(contrast_temperature=0.1))
    assert float(contrast(embeddings, labels)) == pytest.approx(np.mean(losses), rel=1e-4)


def split_pairs(embeddings: Tensor, labels: Tensor, anchor: int) -> tuple[list[int], list[int]]:
    own = [j for j in range(len(labels)) if labels[j] == labels[anchor] and j != anchor]
    return own, [j for j in range(len(labels)) if labels[j] != labels[anchor]]


def test_contrastive_pulls_all_pairs_together_and_pushes_near_ones_apart() -> None:
    embeddings, labels = make_embeddings()
    pulls, pushes = [], []
    for i in range(len(labels)):
        own, others = split_pairs(embeddings, labels, i)
        pulls += [float((embeddings[i] - embeddings[j]).norm()) for j in own]
        pushes += [max(0.0, 0.9 - float((embeddings[i] - embeddings[j]).norm())) for j in others]
    expected = np.mean([v for v in pulls if v > 0]) + np.mean([v for v in pushes if v > 0])
    loss = RankingLoss(LossSettings(ranking="contrastive", margin=0.9))
    assert float(loss(embeddings, labels)) == pytest.approx(expected, rel=1e-4)


def multi_similarity(embeddings: Tensor, labels: Tensor, mined: bool) -> float:
    """Wang et al. 2019, arXiv 1904.06627, equations 10 to 15."""
    alpha, beta, base, epsilon = 2.0, 50.0, 0.5, 0.1
    similarity = (embeddings @ embeddings.T).tolist()
    losses = []
    for i in range(len(labels)):
        own, others = split_pairs(embeddings, labels, i)
        near = [similarity[i][j] for j in others]
        far = [similarity[i][j] for j in own]
        if mined:
            near, far = (
                [s for s in near if s + epsilon > min(far)],
                [s for s in far if s - epsilon < max(near)],
            )
        pull = sum(math.exp(-alpha * (s - base)) for s in far)
        push = sum(math.exp(beta * (s - base)) for s in near)
        losses.append(math.log(1 + pull) / alpha + math.log(1 + push) / beta)
    return float(np.mean(losses))


@pytest.mark.parametrize(("miner", "mined"), [("usual", True), ("none", False)])
def test_multi_similarity_weighs_pairs_by_their_neighbours(miner: str, mined: bool) -> None:
    embeddings, labels = make_embeddings()
    loss = RankingLoss(LossSettings(ranking="multi-similarity", miner=miner))  # type: ignore[arg-type]
    expected = multi_similarity(embeddings, labels, mined)
    assert float(loss(embeddings, labels)) == pytest.approx(expected, rel=1e-4)


def triplets_of(embeddings: Tensor, labels: Tensor, semi_hard: bool) -> list[float]:
    """How far each triplet is from keeping the margin of 0.1."""
    violations = []
    for i in range(len(labels)):
        own, others = split_pairs(embeddings, labels, i)
        for j in own:
            for k in others:
                gap = float((embeddings[i] - embeddings[k]).norm())
                gap -= float((embeddings[i] - embeddings[j]).norm())
                if not semi_hard or 0 < gap <= 0.1:
                    violations.append(0.1 - gap)
    return violations


@pytest.mark.parametrize(("miner", "semi_hard"), [("none", False), ("semi-hard", True)])
def test_triplets_are_all_or_the_semi_hard_ones(miner: str, semi_hard: bool) -> None:
    embeddings, labels = make_embeddings()
    violations = [v for v in triplets_of(embeddings, labels, semi_hard) if v > 0]
    loss = RankingLoss(LossSettings(miner=miner))  # type: ignore[arg-type]
    assert violations
    assert float(loss(embeddings, labels)) == pytest.approx(np.mean(violations), rel=1e-4)


def test_supcon_ranks_with_its_own_temperature() -> None:
    embeddings, labels = make_embeddings()
    ranking = RankingLoss(LossSettings(ranking="supcon", ranking_temperature=0.3))
    contrast = make_contrast(LossSettings(contrast_temperature=0.3))
    assert float(ranking(embeddings, labels)) == float(contrast(embeddings, labels))


@pytest.mark.parametrize("ranking", ["triplet", "contrastive", "multi-similarity", "supcon"])
def test_a_batch_of_one_item_has_a_loss_without_nan(ranking: str) -> None:
    embeddings = nn.functional.normalize(torch.randn(3, 5), dim=1).requires_grad_()
    loss = RankingLoss(LossSettings(ranking=ranking))(embeddings, torch.zeros(3).long())  # type: ignore[arg-type]
    loss.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(loss)
    assert embeddings.grad is None or torch.isfinite(embeddings.grad).all()


@pytest.mark.parametrize(
    "change", [{"ranking": "best"}, {"miner": "gold"}, {"auxiliary_on": "x"}, {"temperature": 0.0}]
)
def test_unknown_losses_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        LossSettings(**change)  # type: ignore[arg-type]


@pytest.mark.parametrize("descriptor", [GlobalMean(), GlobalMax(), GeneralizedMean()])
def test_descriptors_have_right_gradients_in_double_precision(descriptor: nn.Module) -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(2, 3, 4, 5, generator=generator, dtype=torch.float64) + 0.05
    features.requires_grad_()
    assert torch.autograd.gradcheck(descriptor.double(), (features,))


def test_the_combination_has_right_gradients_in_double_precision() -> None:
    network = CGD(Architecture(trunk="test_resnet", dimensions=7, side_px=32)).double()
    generator = torch.Generator().manual_seed(0)
    vectors = [torch.randn(2, 96, generator=generator).double().requires_grad_() for _ in range(3)]
    assert torch.autograd.gradcheck(lambda *parts: network.combine(list(parts)), vectors)


@pytest.mark.parametrize("ranking", ["contrastive", "multi-similarity", "supcon"])
def test_ranking_losses_have_right_gradients_in_double_precision(ranking: str) -> None:
    embeddings, labels = make_embeddings(6)
    loss = RankingLoss(LossSettings(ranking=ranking, miner="none", margin=0.9))  # type: ignore[arg-type]
    rows = embeddings.double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: loss(nn.functional.normalize(x, dim=1), labels), (rows,)
    )
