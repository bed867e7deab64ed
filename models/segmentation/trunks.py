"""Any timm feature extractor as a detectron2 backbone, and ImageNet weights to start it from.

Used by the architecture and the trainer.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from catalog.errors import CheckpointError
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


def load_trunk_weights(trunk: TimmTrunk, path: Path) -> None:
    """Start a trunk from an ImageNet file in timm's own or EfficientNet-PyTorch's key names.

    Raises CheckpointError unless every tensor of the trunk is there in the right shape; the
    classifier, which a trunk hasn't got, is left over.
    """
    found = torch.load(path, map_location="cpu", weights_only=True)
    if "_conv_stem.weight" in found:
        depths = [len(stage) for stage in trunk.network.blocks]
        try:
            found = rename_efficientnet_keys(found, depths)
        except LookupError as error:
            raise CheckpointError(path, "has blocks that the trunk hasn't: another size") from error
    wanted = trunk.network.state_dict()
    for key, value in wanted.items():
        if key not in found and not key.endswith("num_batches_tracked"):
            raise CheckpointError(path, f"no tensor for {key}")
        if key in found and found[key].shape != value.shape:
            raise CheckpointError(path, f"{key} has shape {tuple(found[key].shape)}")
    trunk.network.load_state_dict({**wanted, **{k: v for k, v in found.items() if k in wanted}})


_EXPANDED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_OUTER = {"_conv_stem": "conv_stem", "_bn0": "bn1"}


def rename_efficientnet_keys(
    weights: Mapping[str, Tensor], stage_depths: list[int]
) -> dict[str, Tensor]:
    """EfficientNet-PyTorch's key names as timm's; the classification head is dropped.

    EfficientNet-PyTorch counts the blocks through; timm counts stages and blocks within one.
    """
    places = [f"blocks.{s}.{b}" for s, depth in enumerate(stage_depths) for b in range(depth)]
    renamed = {}
    for key, value in weights.items():
        outer, _, rest = key.partition(".")
        if outer in _OUTER:
            renamed[f"{_OUTER[outer]}.{rest}"] = value
        elif match := re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key):
            block, part, leaf = match.groups()
            expands = f"_blocks.{block}._expand_conv.weight" in weights
            new = (_EXPANDED if expands else _PLAIN)[part]
            renamed[f"{places[int(block)]}.{new}.{leaf}"] = value
    return renamed
