"""CGD: a trunk that keeps its resolution at the end, several global descriptors, one embedding.

Called by training, evaluation and inference. Jun et al. 2019, arXiv 1903.10663.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.embedding.descriptors import check_letters, make_descriptors, split_dimensions, widen

Stride = Literal["dilated", "stage3"]


@dataclass(frozen=True)
class Architecture:
    """Everything that has to be known to build a CGD network for given weights.

    trunk: a timm model name. descriptors: S, M, G in the order of their heads. stride: how the
    trunk is kept at 1/16: "dilated" takes the last stage's stride and dilates what follows, so
    that ImageNet weights see what they were trained on; "stage3" takes the third stage's stride
    and nothing else (ResNets of published CGD weights). mean and std: of RGB scaled to 0..1.
    """

    trunk: str = "tf_efficientnet_lite0"
    descriptors: str = "SMG"
    dimensions: int = 512
    side_px: int = 192
    stride: Stride = "dilated"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def __post_init__(self) -> None:
        check_letters(self.descriptors)
        if self.dimensions < len(self.descriptors) or self.side_px < 32:
            raise ValueError("dimensions or side_px is too small")
        if self.stride not in ("dilated", "stage3"):
            raise ValueError(f"stride must be dilated or stage3, not {self.stride!r}")

    def as_json(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Architecture":
        """Raises ValueError when a field is missing, unknown or out of range."""
        names = {field.name for field in fields(cls)}
        if set(values) != names:
            raise ValueError(f"the architecture needs exactly {sorted(names)}")
        given: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return cls(**given)


class CGD(nn.Module):
    """Photos of single garments to embeddings: (B, 3, H, W) normalised RGB -> (B, D), L2 norm 1."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.trunk = make_trunk(architecture)
        self.descriptors = make_descriptors(architecture.descriptors)
        channels = count_channels(self.trunk)
        sizes = split_dimensions(architecture.dimensions, len(self.descriptors))
        self.heads = nn.ModuleList(nn.Linear(channels, size) for size in sizes)

    def forward(self, photos: Tensor) -> Tensor:
        return self.combine(self.describe(photos))

    def describe(self, photos: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> (B, C) for each descriptor; the first feeds the auxiliary loss."""
        features = self.trunk(photos)  # (B, 3, H, W) -> (B, C, H / 16, W / 16)
        return [descriptor(features) for descriptor in self.descriptors]

    def combine(self, described: list[Tensor]) -> Tensor:
        """Each descriptor through its head to length 1, then all side by side to length 1."""
        parts = [
            F.normalize(widen(head(vector)), dim=-1)  # (B, C) -> (B, D / n)
            for head, vector in zip(self.heads, described, strict=True)
        ]
        return F.normalize(torch.cat(parts, dim=-1), dim=-1)  # (B, D)


def make_trunk(architecture: Architecture) -> nn.Module:
    """A timm model without its classifier, whose feature map is 1/16 of the photo's side.

    Raises ValueError for a name that timm does not know or a trunk that can't keep 1/16.
    """
    options: dict[str, Any] = {"output_stride": 16} if architecture.stride == "dilated" else {}
    try:
        trunk = timm.create_model(
            architecture.trunk, pretrained=False, num_classes=0, global_pool="", **options
        )
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise ValueError(f"timm can't build trunk {architecture.trunk!r}: {error}") from error
    if architecture.stride == "stage3":
        _take_stride(trunk)
    return trunk


def count_channels(trunk: nn.Module) -> int:
    """The channels of a timm trunk's feature map."""
    channels: Any = trunk.num_features
    return int(channels)


def _take_stride(trunk: nn.Module) -> None:
    """Make the third stage of a ResNet keep its resolution."""
    if not isinstance(trunk, timm.models.resnet.ResNet):
        raise ValueError("stride stage3 is for ResNets")
    stage: nn.Module = trunk.get_submodule("layer3")
    for module in stage.modules():
        if isinstance(module, nn.Conv2d) and module.stride == (2, 2):
            module.stride = (1, 1)
