"""The three global descriptors that CGD combines: each pools a feature map into one vector.

Called by the network. Jun et al. 2019, arXiv 1903.10663, section 3.1.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def widen(tensor: Tensor) -> Tensor:
    """At least float32: what half precision would round away is added up here."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


class GlobalMean(nn.Module):
    """S (SPoC): the mean over all places; it sees what covers much of the garment."""

    def forward(self, features: Tensor) -> Tensor:
        return widen(features).mean(dim=(-2, -1))  # (B, C, H, W) -> (B, C)


class GlobalMax(nn.Module):
    """M (MAC): the maximum over all places; it sees the one strongest detail."""

    def forward(self, features: Tensor) -> Tensor:
        return widen(features).amax(dim=(-2, -1))  # (B, C, H, W) -> (B, C)


class GeneralizedMean(nn.Module):
    """G (GeM): the power mean with a learnt exponent, between the mean (1) and the maximum (inf).

    Radenovic et al. 2018, arXiv 1711.02512. Features below `floor` count as `floor`, since a power
    mean of negative numbers is not defined.
    """

    def __init__(self, power: float = 3.0, floor: float = 1e-6) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor(power))
        self.floor = floor

    def forward(self, features: Tensor) -> Tensor:
        # Scaled by the maximum: the cube of a large activation would leave half precision.
        raised = widen(features).clamp(min=self.floor)
        top = raised.detach().amax(dim=(-2, -1), keepdim=True)
        mean = (raised / top).pow(self.power).mean(dim=(-2, -1))
        return mean.pow(1.0 / self.power) * top[..., 0, 0]  # (B, C, H, W) -> (B, C)


_DESCRIPTORS = {"S": GlobalMean, "M": GlobalMax, "G": GeneralizedMean}


def make_descriptors(letters: str) -> nn.ModuleList:
    """The descriptors of a combination such as "SG", in its order.

    Raises ValueError for an empty combination, an unknown letter or one named twice.
    """
    check_letters(letters)
    return nn.ModuleList(_DESCRIPTORS[letter]() for letter in letters)


def check_letters(letters: str) -> None:
    """Raise ValueError unless `letters` is a combination of S, M and G."""
    if not letters or len(set(letters)) != len(letters) or not set(letters) <= set(_DESCRIPTORS):
        raise ValueError(f"descriptors must be S, M, G or a combination of them, not {letters!r}")


def split_dimensions(dimensions: int, parts: int) -> Sequence[int]:
    """Share `dimensions` out to `parts` heads as evenly as it goes, the first ones more."""
    share, rest = divmod(dimensions, parts)
    return [share + (i < rest) for i in range(parts)]
