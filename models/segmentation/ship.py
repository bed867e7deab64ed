"""Turns trained weights into a checkpoint folder and writes what was measured into its card.

Called by the train, evaluate and threshold commands.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from models import checkpoints
from models.checkpoints import Card, load_card, save_checkpoint, write_card
from models.segmentation.architecture import CascadeConfig, build_cascade
from models.segmentation.infer import DEFAULT_THRESHOLD, load_model_weights


def make_checkpoint(
    weights: Path,
    folder: Path,
    config: CascadeConfig,
    data: Sequence[Mapping[str, Any]] = (),
    training: Mapping[str, Any] | None = None,
    licence: str = "",
    notes: str = "",
) -> Card:
    """Write the averaged weights of a training run as a checkpoint folder.

    Loading them first refuses weights that don't fit the architecture on the card.
    """
    model = build_cascade(config)
    load_model_weights(model, torch.load(weights, weights_only=True), weights)
    return save_checkpoint(
        folder,
        "segmentation",
        config.to_card(),
        model.state_dict(),
        categories=config.categories,
        score_threshold=DEFAULT_THRESHOLD,
        data=tuple(data),
        training=dict(training or {}),
        licence=licence,
        notes=notes,
    )


def record_metrics(folder: Path, name: str, metrics: Mapping[str, Any], command: str) -> Card:
    """Store one evaluation in the card, with the command that measured it; without its curves."""
    entry = {key: value for key, value in metrics.items() if key != "confusion"}
    for kind in ("box", "mask"):
        if kind in entry:
            rows = entry[kind]["per_category"].items()
            plain = {name: {k: v for k, v in row.items() if k != "curve"} for name, row in rows}
            entry[kind] = {**entry[kind], "per_category": plain}
    return checkpoints.record_metrics(folder, "segmentation", name, entry, command)


def record_threshold(folder: Path, score_threshold: float) -> Card:
    """Store the score threshold that the product ships with."""
    return _rewrite(folder, load_card(folder, "segmentation"), score_threshold=score_threshold)


def _rewrite(folder: Path, card: Card, **changes: Any) -> Card:
    changed = dataclasses.replace(card, **changes)
    write_card(folder, changed)
    return changed
