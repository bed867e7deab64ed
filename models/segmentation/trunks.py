"""Any timm feature extractor as a detectron2 backbone, and which parts of it are trained.

Used by the architecture and the trainer.
"""

from typing import Any

import timm
from torch import Tensor, nn

from models.segmentation.compat import Backbone, ShapeSpec


class TimmTrunk(Backbone):  # type: ignore[misc]
    """A timm network's features at strides 4, 8, 16 and 32, named `res2` to `res5`."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.network: Any = timm.create_model(
            name, pretrained=False, features_only=True, out_indices=(-4, -3, -2, -1)
        )
        self._out_features = [f"res{level}" for level in range(2, 6)]
        info: Any = self.network.feature_info
        pairs = list(zip(info.channels(), info.reduction(), strict=True))
        self._out_feature_channels = {
            name: channels for name, (channels, _) in zip(self._out_features, pairs, strict=True)
        }
        self._out_feature_strides = {
            name: stride for name, (_, stride) in zip(self._out_features, pairs, strict=True)
        }

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) -> {`res2`: (B, C2, H/4, W/4), ... `res5`: (B, C5, H/32, W/32)}."""
        return dict(zip(self._out_features, self.network(images), strict=True))

    def output_shape(self) -> dict[str, ShapeSpec]:
        """Channels and stride of each feature map."""
        return {
            name: ShapeSpec(
                channels=self._out_feature_channels[name], stride=self._out_feature_strides[name]
            )
            for name in self._out_features
        }


def freeze_trunk(trunk: TimmTrunk, stages: int) -> None:
    """Hold the stem and the first `stages` stages of an EfficientNet trunk as they are.

    Depthwise filters stay as they are throughout: few parameters, yet on a CPU their gradient
    takes longer than all the rest of the trunk.
    """
    network = trunk.network
    frozen = [network.conv_stem, network.bn1, *list(network.blocks)[:stages]]
    for module in frozen:
        module.requires_grad_(False)
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            module.requires_grad_(False)


def freeze_batch_norm(model: nn.Module) -> None:
    """Use every batch norm's stored statistics: a batch of four photos has none of its own."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
            module.requires_grad_(False)
