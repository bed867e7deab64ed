"""Brings a Cascade Mask R-CNN file that detectron2 wrote elsewhere into a checkpoint folder.

Called by `lookalike import-checkpoint segmentation`. Such files come from anywhere, so nothing
in them is executed: `.pth` is read with `weights_only`, `.pkl` by an unpickler that can build
NumPy arrays and plain containers only.
"""

import pickle
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from catalog.errors import CheckpointError
from catalog.taxonomy import CATEGORIES, DEEPFASHION2_CATEGORIES, KFASHION_CATEGORIES
from models.checkpoints import Card, save_checkpoint
from models.segmentation.architecture import CascadeConfig, build_cascade, published_config
from models.segmentation.infer import DEFAULT_THRESHOLD, load_model_weights

_RESNET_OF_BLOCKS = {6: "resnet50", 23: "resnet101"}
_NOT_WEIGHTS = re.compile(r"^(pixel_mean|pixel_std)$|anchor_generator\.cell_anchors")
_KNOWN_TAXONOMIES = {
    len(names): names for names in (CATEGORIES, KFASHION_CATEGORIES, DEEPFASHION2_CATEGORIES)
}


def import_detectron2(
    file: Path,
    out: Path,
    categories: Sequence[str] | None = None,
    score_threshold: float = DEFAULT_THRESHOLD,
    licence: str = "",
) -> Card:
    """Write a detectron2 Cascade Mask R-CNN (ResNet-50 or 101 with FPN) as a checkpoint.

    Depth and number of categories are read from the tensors' shapes. Without `categories` the
    number must be one of the known taxonomies'. Raises CheckpointError on anything else than the
    published architecture, and on files that hold more than weights.
    """
    weights = {key: value for key, value in read_weights(file).items() if not _is_constant(key)}
    config = infer_config(weights, file, categories)
    model = build_cascade(config)
    load_model_weights(model, weights, file)
    return save_checkpoint(
        out,
        "segmentation",
        config.to_card(),
        model.state_dict(),
        categories=config.categories,
        score_threshold=score_threshold,
        licence=licence,
        notes=f"Imported from {file.name}.",
    )


def read_weights(file: Path) -> dict[str, Tensor]:
    """The named tensors of a `.pth` or `.pkl` file, on the CPU."""
    try:
        content = _read_pickle(file) if file.suffix == ".pkl" else _read_torch(file)
    except (pickle.UnpicklingError, EOFError, ValueError, RuntimeError, OSError) as error:
        raise CheckpointError(file, f"can't be read as weights alone: {error}") from error
    for wrapper in ("model", "state_dict", "blobs"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        raise CheckpointError(file, "holds no table of weights")
    weights = {}
    for name, value in content.items():
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
            value = torch.from_numpy(np.array(value))
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise CheckpointError(file, f"{name!r} is not a tensor")
        weights[name] = value
    return weights


def _read_torch(file: Path) -> Any:
    return torch.load(file, map_location="cpu", weights_only=True)


def _read_pickle(file: Path) -> Any:
    with file.open("rb") as stream:
        return ArrayUnpickler(stream, encoding="latin1").load()


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler for NumPy arrays in plain containers; any other name is refused."""

    ALLOWED = frozenset(
        {
            ("collections", "OrderedDict"),
            ("numpy", "dtype"),
            ("numpy", "ndarray"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy._core.numeric", "_frombuffer"),
            ("numpy.core.numeric", "_frombuffer"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        """Look up one of the allowed names."""
        if (module, name) == ("_codecs", "encode"):
            return _encode_latin1
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"asks for {module}.{name}, which no weights need")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _encode_latin1(text: str, _encoding: str = "latin1") -> bytes:
    """What old pickles call to rebuild bytes from text."""
    return text.encode("latin1")


def _is_constant(key: str) -> bool:
    return bool(_NOT_WEIGHTS.search(key))


def infer_config(
    weights: Mapping[str, Tensor], file: Path, categories: Sequence[str] | None = None
) -> CascadeConfig:
    """The published configuration that these weights belong to."""
    scores = weights.get("roi_heads.box_predictor.0.cls_score.weight")
    if scores is None:
        message = "is no Cascade Mask R-CNN in detectron2's names (no box_predictor.0)"
        raise CheckpointError(file, message)
    return published_config(
        _name_categories(scores.shape[0] - 1, file, categories), _find_trunk(weights, file)
    )


def _find_trunk(weights: Mapping[str, Tensor], file: Path) -> str:
    blocks = {
        match.group(1)
        for key in weights
        if (match := re.match(r"backbone\.bottom_up\.res4\.(\d+)\.", key))
    }
    trunk = _RESNET_OF_BLOCKS.get(len(blocks))
    if trunk is None:
        message = f"has {len(blocks)} blocks in res4; ResNet-50 has 6 and ResNet-101 has 23"
        raise CheckpointError(file, message)
    return trunk


def _name_categories(count: int, file: Path, categories: Sequence[str] | None) -> tuple[str, ...]:
    if categories is None:
        if count not in _KNOWN_TAXONOMIES:
            message = f"has {count} categories, no known taxonomy's number: name them"
            raise CheckpointError(file, message)
        return _KNOWN_TAXONOMIES[count]
    if len(categories) != count:
        raise CheckpointError(file, f"has {count} categories, but {len(categories)} are named")
    return tuple(categories)
