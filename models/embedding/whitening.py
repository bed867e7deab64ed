"""Heads to start from: principal components of what the trunk already says about garments.

Called by training. Random heads would throw away much of the trunk's ImageNet knowledge.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from models.embedding.network import CGD


@torch.no_grad()
def set_heads_from(network: CGD, described: Sequence[Tensor], power: float = 0.25) -> None:
    """Set every head to centre its descriptor and project it on its first principal components.

    described: for each descriptor (N, C) over a sample of crops. power: how far components are
    evened out: 0 keeps their variances, 0.5 makes them all one.
    """
    head: Any
    for head, vectors in zip(network.heads, described, strict=True):
        weight, bias = principal_projection(vectors.float().cpu(), head.out_features, power)
        head.weight.copy_(weight)
        head.bias.copy_(bias)


def principal_projection(vectors: Tensor, size: int, power: float) -> tuple[Tensor, Tensor]:
    """(N, C) -> weight (size, C) and bias (size,) of the linear map, scaled to about length 1.

    With fewer samples than `size` the rows beyond them are nearly arbitrary but finite.
    """
    mean = vectors.mean(dim=0)
    covariance = torch.cov(vectors.T) + 1e-6 * torch.eye(vectors.shape[1])
    variances, directions = torch.linalg.eigh(covariance)  # ascending
    variances = variances[-size:].flip(0).clamp(min=1e-6)
    directions = directions[:, -size:].flip(1)
    weight = directions.T / variances.pow(power)[:, None]  # (size, C)
    weight = weight / (weight @ (vectors - mean).T).norm(dim=0).mean()
    return weight, -(weight @ mean)
