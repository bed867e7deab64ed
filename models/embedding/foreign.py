"""Brings CGD weights of the common PyTorch re-implementation into a checkpoint folder.

Called by `lookalike import-checkpoint embedding`. That implementation names its parts features,
global_descriptors, main_modules and auxiliary_module, on a torchvision ResNet-50.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from catalog.errors import CheckpointError
from models.checkpoints import Card, save_checkpoint
from models.embedding.network import CGD, Architecture
from models.starting_weights import read_state_dict

# `features` is a Sequential of the ResNet's children without pooling and classifier.
_FEATURES = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def import_cgd(
    path: Path, out: Path, descriptors: str, side_px: int = 224, licence: str = ""
) -> Card:
    """Convert a foreign state dict. `descriptors`: their order in it, which the file can't tell.

    Raises CheckpointError when the file is unsafe, of another network, or does not fit.
    """
    weights = rename_cgd(path, read_state_dict(path))
    heads = [name for name in weights if name.startswith("heads.") and name.endswith("weight")]
    if len(heads) != len(descriptors):
        raise CheckpointError(path, f"{len(heads)} heads, but {len(descriptors)} descriptors named")
    architecture = Architecture(
        trunk="resnet50",
        descriptors=descriptors,
        dimensions=sum(weights[name].shape[0] for name in heads),
        side_px=side_px,
        stride="stage3",
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
    )
    network = _fill(path, architecture, weights)
    return save_checkpoint(
        out,
        "embedding",
        architecture.as_json(),
        network.state_dict(),
        dimensions=architecture.dimensions,
        licence=licence,
        notes=f"imported from {path.name}",
    )


def rename_cgd(path: Path, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Foreign names to ours; the auxiliary module is dropped, missing biases become zero."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in _without_wrapper(weights).items():
        part, _, rest = name.partition(".")
        number, _, inner = rest.partition(".")
        if part == "features" and number in _FEATURES:
            renamed[f"trunk.{_FEATURES[number]}.{inner}"] = tensor
        elif part == "main_modules" and inner == "0.weight":
            renamed[f"heads.{number}.weight"] = tensor
            renamed[f"heads.{number}.bias"] = torch.zeros(tensor.shape[0])
        elif part != "auxiliary_module" and not name.endswith(("total_ops", "total_params")):
            raise CheckpointError(path, f"{name!r} is not a part of a CGD network")
    if not any(name.startswith("heads.") for name in renamed):
        raise CheckpointError(path, "not a CGD network: it has no main_modules")
    return renamed


def _without_wrapper(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """DataParallel prefixes every name with "module."."""
    return {name.removeprefix("module."): tensor for name, tensor in weights.items()}


def _fill(path: Path, architecture: Architecture, weights: Mapping[str, Tensor]) -> CGD:
    try:
        network = CGD(architecture)
        # The foreign GeM has a fixed exponent of 3, which is where ours starts.
        own: dict[str, Any] = {
            name: t for name, t in network.state_dict().items() if name.startswith("descriptors.")
        }
        network.load_state_dict({**own, **weights})
    except (ValueError, RuntimeError) as error:
        raise CheckpointError(path, f"these weights do not fit: {error}") from error
    return network
