"""ImageNet weights for the segmenter's trunk, from whatever file they are published in.

Called by the trainer. Takes timm's files (`.pth`, `.safetensors`) for timm trunks, and for
detectron2's own ResNets its `R-50.pkl` or torchvision's `.pth`, which expect pixels in other forms.
"""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from catalog.errors import CheckpointError
from models.segmentation.architecture import RESNETS, CascadeConfig
from models.segmentation.compat import Backbone, convert_basic_c2_names
from models.segmentation.foreign import read_weights
from models.segmentation.trunks import TimmTrunk
from models.starting_weights import rename_efficientnet_lite

_COUNTER = "num_batches_tracked"  # not every file has it, and nothing reads it
_STATISTICS = re.compile(r"\.norm\.running_(mean|var)$")
_TORCHVISION_PARTS = (
    (r"^(conv1|bn1)\.", r"stem.\1."),
    (r"downsample\.0\.", "shortcut."),
    (r"downsample\.1\.", "shortcut.norm."),
    (r"\bbn(\d)\.", r"conv\1.norm."),
)


def read_trunk_weights(path: Path) -> dict[str, Tensor]:
    """The named tensors of a file of weights, without running any code in it."""
    if path.suffix != ".safetensors":
        return read_weights(path)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(path, f"can't be read: {error}") from error


def fit_pixels(config: CascadeConfig, weights: Mapping[str, Tensor]) -> CascadeConfig:
    """The configuration with the form of pixels that a ResNet's weights expect.

    The original ResNets (MSRA's, Caffe) have their batch norm's statistics folded in and read BGR
    of no fixed scale; torchvision's read normalised RGB and halve in the 3x3 filter.
    """
    if config.trunk not in RESNETS or _are_folded(rename_resnet(weights)):
        return config
    return dataclasses.replace(
        config,
        channel_order="RGB",
        pixel_mean=(123.675, 116.28, 103.53),
        pixel_std=(58.395, 57.12, 57.375),
        stride_in_1x1=False,
    )


def _are_folded(weights: Mapping[str, Tensor]) -> bool:
    mean = weights.get("stem.conv1.norm.running_mean")
    return mean is None or not bool(mean.any())


def fill_trunk(trunk: Backbone, weights: Mapping[str, Tensor], path: Path) -> None:
    """Put ImageNet weights into a trunk: every tensor that it has, or CheckpointError."""
    if isinstance(trunk, TimmTrunk):
        _fill(trunk.network, _rename_timm(trunk, weights, path), path)
    else:
        renamed = rename_resnet(weights)
        if _are_folded(renamed):
            # Such files leave out what is 0 and 1, as a new network has it.
            own = trunk.state_dict()
            renamed = {k: v for k, v in own.items() if _STATISTICS.search(k)} | renamed
        _fill(trunk, renamed, path)


def _fill(network: torch.nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    wanted = {k: v for k, v in network.state_dict().items() if not k.endswith(_COUNTER)}
    wrong = [
        name
        for name, tensor in wanted.items()
        if name not in weights or weights[name].shape != tensor.shape
    ]
    if wrong:
        message = (
            f"these weights do not fit the trunk: {len(wrong)} of its {len(wanted)} tensors are "
            f"missing or of another shape, first {wrong[0]}; give the file of the same network"
        )
        raise CheckpointError(path, message)
    network.load_state_dict({name: weights[name] for name in wanted}, strict=False)


def _rename_timm(
    trunk: TimmTrunk, weights: Mapping[str, Tensor], path: Path
) -> Mapping[str, Tensor]:
    if "_conv_stem.weight" in weights:
        try:
            return rename_efficientnet_lite(weights, trunk.network)
        except (LookupError, AttributeError) as error:
            message = f"these weights do not fit the trunk {trunk.name}: {error}"
            raise CheckpointError(path, message) from error
    # A feature extractor's modules are flattened: `stages.0.x` of a file is `stages_0.x` there.
    by_words = {name.replace(".", "_"): tensor for name, tensor in weights.items()}
    names = {name: name.replace(".", "_") for name in trunk.network.state_dict()}
    return {name: by_words[words] for name, words in names.items() if words in by_words}


def rename_resnet(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A ResNet's tensors in detectron2's names, from torchvision's, Caffe's or its own."""
    names = list(weights)
    if "layer1.0.conv1.weight" in weights:
        renamed = [_rename_torchvision(name) for name in names]
    elif "res2_0_branch2a_w" in weights:
        renamed = convert_basic_c2_names(names)
    else:
        renamed = [name.removeprefix("backbone.bottom_up.") for name in names]
    return dict(zip(renamed, weights.values(), strict=True))


def _rename_torchvision(name: str) -> str:
    """`layer1.0.bn1.weight` -> `res2.0.conv1.norm.weight`, `bn1.bias` -> `stem.conv1.norm.bias`."""
    for pattern, replacement in _TORCHVISION_PARTS:
        name = re.sub(pattern, replacement, name)
    return re.sub(r"^layer(\d)", lambda match: f"res{int(match.group(1)) + 1}", name)
