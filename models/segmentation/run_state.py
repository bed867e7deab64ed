"""What a run leaves in its folder to go on from: `state.pt`, and what it must still agree with.

Used by the trainer.
"""

import os
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from catalog.errors import CheckpointError, InputError
from models.segmentation.data.coco import LabelledPhoto
from models.segmentation.recipe import Recipe
from models.segmentation.views import Source

FORMAT = 2
MAY_CHANGE = ("minutes", "steps", "validations")
"""Training settings that a run may go on with at another value."""

# A damaged file fails in as many ways as pickle and zip do.
_UNREADABLE = (
    OSError, RuntimeError, EOFError, pickle.UnpicklingError, LookupError, ValueError, TypeError,
    AttributeError,
)  # fmt: skip


def identify(
    recipe: Recipe, sources: Sequence[Source], photos: Sequence[Sequence[LabelledPhoto]]
) -> dict[str, Any]:
    """What makes a run this run, as plain values by name; see `MAY_CHANGE` for the rest."""
    training = {k: v for k, v in asdict(recipe.training).items() if k not in MAY_CHANGE}
    data = [
        f"{source.folder.resolve().name}:{source.share:g} with {len(found)} photos"
        for source, found in zip(sources, photos, strict=True)
    ]
    tables = {
        "architecture": recipe.architecture.to_card(),
        "training": training,
        "augment": asdict(recipe.augment),
    }
    named = {f"{table}.{key}": v for table, entry in tables.items() for key, v in entry.items()}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in named.items()} | {"data": data}


def write_atomically(content: object, path: Path) -> Path:
    """Save with torch under a temporary name, then rename: a kill leaves the old file whole."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    return partial.replace(path)


def save_state(path: Path, identity: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write a state that `load_state` accepts for a run of the same identity."""
    write_atomically({"format": FORMAT, "identity": dict(identity), **state}, path)


def load_state(path: Path, identity: Mapping[str, Any]) -> dict[str, Any]:
    """Read a state; raises CheckpointError for a damaged one, InputError for another run's."""
    remedy = "remove the file to begin anew, or give another --out"
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise CheckpointError(path, f"is damaged ({error}); {remedy}") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        message = f"was not written by this version of the trainer; {remedy}"
        raise CheckpointError(path, message)
    _require_same_run(path, state["identity"], identity)
    return state


def _require_same_run(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    changed = [
        f"{name} is {new.get(name)}, was {old.get(name)}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    if changed:
        message = (
            f"{path} is of a run with other settings: {'; '.join(changed)}. Go on with the same "
            "recipe, options and data, or give another --out (and this run's weights as --init)"
        )
        raise InputError(message)
