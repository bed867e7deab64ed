"""Any timm feature extractor as a detectron2 backbone, and which parts of a trunk are trained.

Used by the architecture, the recipes and the trainer.
"""

import difflib
from collections.abc import Sequence
from typing import Any

import timm
import torch
from torch import Tensor, nn

from catalog.errors import InputError
from models.freezing import freeze_depthwise
from models.segmentation.compat import Backbone, ShapeSpec

STRIDES = (4, 8, 16, 32)
"""What the feature pyramid is built on, as `res2` to `res5`."""

_PROBE = (1, 3, 64, 96)


class TimmTrunk(Backbone):  # type: ignore[misc]
    """A timm network's features at strides 4, 8, 16 and 32, named `res2` to `res5`.

    Raises InputError for a network that timm has not got, or that lacks one of the strides.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.network: Any = _create_network(name)
        info: Any = self.network.feature_info
        self._places = _find_levels(name, info.reduction())
        channels = info.channels()
        self._out_features = [f"res{level}" for level in range(2, 6)]
        self._out_feature_channels = {
            level: channels[place]
            for level, place in zip(self._out_features, self._places, strict=True)
        }
        self._out_feature_strides = dict(zip(self._out_features, STRIDES, strict=True))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) -> {`res2`: (B, C2, H/4, W/4), ... `res5`: (B, C5, H/32, W/32)}."""
        maps = self.all_features(images)
        return {
            level: maps[place]
            for level, place in zip(self._out_features, self._places, strict=True)
        }

    def all_features(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> every map of the network, channels first."""
        maps = self.network(images)
        if str(getattr(self.network, "output_fmt", "NCHW")).endswith("NHWC"):
            return [value.permute(0, 3, 1, 2) for value in maps]  # (B, H, W, C) -> (B, C, H, W)
        return list(maps)

    def output_shape(self) -> dict[str, ShapeSpec]:
        """Channels and stride of each feature map."""
        return {
            name: ShapeSpec(
                channels=self._out_feature_channels[name], stride=self._out_feature_strides[name]
            )
            for name in self._out_features
        }


def _create_network(name: str) -> nn.Module:
    _require_known(name)
    try:
        network: nn.Module = timm.create_model(name, pretrained=False, features_only=True)
    except (RuntimeError, AttributeError, TypeError, ValueError, AssertionError) as error:
        raise InputError(f"timm can't make a feature extractor of {name}: {error}") from error
    return network


def _require_known(name: str) -> None:
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), 3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise InputError(f"timm has no network {name!r}{hint}")


def _find_levels(name: str, strides: Sequence[int]) -> list[int]:
    """For each of the four strides the place of the network's last map with that stride."""
    if missing := [stride for stride in STRIDES if stride not in strides]:
        message = (
            f"the trunk {name} has feature maps at strides {list(strides)}, but the pyramid needs "
            f"{list(STRIDES)}: {missing} are missing; choose a network with four stages"
        )
        raise InputError(message)
    return [max(place for place, s in enumerate(strides) if s == stride) for stride in STRIDES]


def check_trunk(trunk: Backbone) -> None:
    """Run a small photo that is not square through a trunk; raises InputError unless its maps fit.

    Some networks take one size alone, or shape their maps otherwise than they declare.
    """
    if not isinstance(trunk, TimmTrunk):
        return
    training = trunk.training
    try:
        with torch.no_grad():
            maps = trunk.eval()(torch.zeros(_PROBE))
    except (RuntimeError, AssertionError, ValueError) as error:
        message = f"the trunk {trunk.name} does not take photos of any size: {error}"
        raise InputError(message) from error
    finally:
        trunk.train(training)
    for level, spec in trunk.output_shape().items():
        wanted = (1, spec.channels, _PROBE[2] // spec.stride, _PROBE[3] // spec.stride)
        if tuple(maps[level].shape) != wanted:
            shape = tuple(maps[level].shape)
            raise InputError(f"the trunk {trunk.name} gives {shape} as {level}, not {wanted}")


def pretrained_pixels(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation (RGB, 0-255) that timm's own weights of a network expect."""
    _require_known(name)
    cfg: Any = timm.get_pretrained_cfg(name)
    mean, deviation = (tuple(round(255 * v, 3) for v in values) for values in (cfg.mean, cfg.std))
    return mean, deviation


def freeze_trunk(trunk: Backbone, stages: int, depthwise: bool = False) -> None:
    """Hold the first `stages` of a trunk as they are: 1 the stem, 2 also res2, up to 5 for res5.

    0 trains all of it. `depthwise` also holds depthwise filters throughout.
    """
    if not 0 <= stages <= 5:
        raise InputError(f"frozen_stages is 0 (none) to 5 (the whole trunk), not {stages}")
    if isinstance(trunk, TimmTrunk):
        for parameter in _find_parameters_up_to(trunk, stages):
            parameter.requires_grad_(False)
    else:
        trunk.freeze(stages)  # detectron2's own networks count the same way
    if depthwise:
        freeze_depthwise(trunk)


def _find_parameters_up_to(trunk: TimmTrunk, stages: int) -> list[nn.Parameter]:
    """The parameters that the map of a stage depends on, whatever the family calls its modules."""
    if stages == 0:
        return []
    strides: list[int] = trunk.network.feature_info.reduction()
    if (stride := 2**stages) not in strides:
        message = f"the trunk {trunk.name} has no stem of its own to freeze (stride {stride})"
        raise InputError(f"{message}: set frozen_stages to 0, or to 2 and more")
    place = max(place for place, value in enumerate(strides) if value == stride)
    parameters = list(trunk.parameters())
    training = trunk.training
    feature = trunk.eval().all_features(torch.zeros(_PROBE))[place]
    trunk.train(training)
    gradients = torch.autograd.grad(feature.sum(), parameters, allow_unused=True)
    return [p for p, gradient in zip(parameters, gradients, strict=True) if gradient is not None]


def freeze_batch_norm(model: nn.Module) -> None:
    """Use every batch norm's stored statistics: a batch of four photos has none of its own."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
            module.requires_grad_(False)
