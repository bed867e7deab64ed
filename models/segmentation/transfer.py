"""Stage two from stage one: a network for other categories takes over a checkpoint's weights.

Called by the trainer for `--init`.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from catalog.errors import CheckpointError, InputError
from models.checkpoints import load_card, load_weights
from models.segmentation.architecture import CascadeConfig

INPUT_FORM = ("channel_order", "pixel_mean", "pixel_std", "stride_in_1x1", "anchor_sizes")
"""Settings that no shape shows and yet the weights depend on: the checkpoint's are kept."""

_SHAPES = (
    "trunk", "fpn_channels", "box_head_size", "box_head_layers", "mask_head_size",
    "mask_head_layers",
)  # fmt: skip


@dataclass(frozen=True)
class Transfer:
    """What was taken over: categories whose rows were kept, and those that begin anew."""

    kept: tuple[str, ...]
    new: tuple[str, ...]
    dropped: tuple[str, ...]

    def __str__(self) -> str:
        if not self.new and not self.dropped:
            return "init: every weight was taken over (the categories are the same)"
        parts = ["init: trunk, pyramid, proposals, box heads and mask head were taken over"]
        parts.append(f"class scores and mask predictors kept for {_list(self.kept)}")
        parts.append(f"re-initialised for {_list(self.new)}")
        parts.append(f"dropped: {_list(self.dropped)}")
        return "; ".join(parts)


def _list(names: tuple[str, ...]) -> str:
    return f"{len(names)} ({', '.join(names)})" if names else "none"


def fit_to_checkpoint(config: CascadeConfig, folder: Path) -> CascadeConfig:
    """The recipe's configuration in the checkpoint's form of input.

    Raises InputError, naming each setting, when the two networks differ in more than categories.
    """
    old = CascadeConfig.from_card(load_card(folder, "segmentation").architecture)
    differing = [
        f"{name} is {getattr(config, name)}, there {getattr(old, name)}"
        for name in _SHAPES
        if getattr(config, name) != getattr(old, name)
    ]
    if differing:
        message = f"the recipe's network is not that of {folder}: {'; '.join(differing)}"
        raise InputError(f"{message}; choose the checkpoint's recipe")
    return dataclasses.replace(config, **{name: getattr(old, name) for name in INPUT_FORM})


def take_over(model: nn.Module, config: CascadeConfig, folder: Path) -> Transfer:
    """Fill a new network from a checkpoint; categories of the same name keep their rows."""
    old = load_card(folder, "segmentation").categories or ()
    weights = load_weights(folder)
    filled = move_rows(model.state_dict(), weights, old, config.categories, folder)
    model.load_state_dict(filled)
    return Transfer(
        kept=tuple(name for name in config.categories if name in old),
        new=tuple(name for name in config.categories if name not in old),
        dropped=tuple(name for name in old if name not in config.categories),
    )


def move_rows(
    own: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    old: tuple[str, ...],
    new: tuple[str, ...],
    source: Path,
) -> dict[str, Tensor]:
    """A network's tensors with those of a checkpoint in place.

    Of class scores (background last) and mask predictors, which have a row for each category,
    rows of categories in both sets move to their new places; the others stay as `own` has them.
    """
    filled = {}
    pairs = [(old.index(name), place) for place, name in enumerate(new) if name in old]
    for name, tensor in own.items():
        given = weights.get(name)
        if given is None or given.shape[1:] != tensor.shape[1:]:
            raise CheckpointError(source, f"its {name} does not fit the recipe's network")
        if _is_by_category(name):
            filled[name] = tensor.clone()
            extra = [(len(old), len(new))] if "cls_score" in name else []
            for before, now in pairs + extra:
                filled[name][now] = given[before]
        elif given.shape != tensor.shape:
            raise CheckpointError(source, f"its {name} does not fit the recipe's network")
        else:
            filled[name] = given
    return filled


def _is_by_category(name: str) -> bool:
    return ".cls_score." in name or name.startswith("roi_heads.mask_head.predictor.")
