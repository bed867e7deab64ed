"""A training run as it was asked for: recipe, data, weights to begin with, machine.

Made by `lookalike train segmentation`, carried out by the trainer, written into run and card.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from catalog.errors import InputError
from models.checkpoints import Card, load_card
from models.segmentation.folders import describe_folders, read_categories, read_training_photos
from models.segmentation.recipe import Recipe
from models.segmentation.ship import make_checkpoint
from models.segmentation.transfer import fit_to_checkpoint
from models.segmentation.trunk_weights import fit_pixels, read_trunk_weights
from models.segmentation.views import Source


@dataclass(frozen=True)
class Machine:
    """Where and how a run is computed; all of it may change when a run goes on.

    `processes` share each batch: by default one for each GPU. `data_workers` make views beside
    each of them. `precision` is `auto`, `bfloat16`, `float16` or `float32`.
    `threads` are the CPU's for each process: by default as many as torch takes.
    """

    device: str = "auto"
    processes: int | None = None
    data_workers: int = 1
    precision: str = "auto"
    threads: int | None = None
    save_every_s: float = 300.0
    log_every: int = 20


@dataclass(frozen=True)
class Plan:
    """A run: what is trained (with the data's categories), on what, where, and from what.

    `start` holds ImageNet weights of the trunk; `init` is a checkpoint whose weights are taken
    over. A run that goes on needs neither.
    """

    recipe: Recipe
    sources: tuple[Source, ...]
    out: Path
    start: Path | None = None
    init: Path | None = None
    machine: Machine = field(default_factory=Machine)
    licence: str = ""
    command: str = ""


def make_plan(recipe: Recipe, sources: Sequence[Source], out: Path, **settings: Any) -> Plan:
    """Fit a recipe to the categories of its data and to the weights that it begins with.

    Raises InputError or CheckpointError for whatever would end the run before its first step.
    """
    plan = Plan(recipe, tuple(sources), out, **settings)
    if plan.start is not None and plan.init is not None:
        raise InputError("give --start or --init: a checkpoint brings its trunk's weights along")
    recipe = recipe.with_categories(read_categories(sources, read_training_photos(sources)))
    config = recipe.architecture
    if plan.init is not None:
        config = fit_to_checkpoint(config, plan.init)
    if plan.start is not None:
        config = fit_pixels(config, read_trunk_weights(plan.start))
    return replace(plan, recipe=replace(recipe, architecture=config))


def show_plan(plan: Plan) -> dict[str, Any]:
    """The run as plain values: recipe, data, seed, weights to begin with, machine."""
    recipe = plan.recipe
    return {
        "recipe": recipe.name,
        "architecture": recipe.architecture.to_card(),
        "settings": {"training": asdict(recipe.training), "augment": asdict(recipe.augment)},
        "data": describe_folders(plan.sources, plan.licence),
        "seed": recipe.training.seed,
        "start": plan.start.name if plan.start else None,
        "init": load_card(plan.init, "segmentation").id if plan.init else None,
        "machine": asdict(plan.machine),
    }


def ship_run(plan: Plan, result: Mapping[str, Any]) -> Card:
    """Write the best weights as the run's checkpoint, with what they were trained on.

    With `init` the data of that checkpoint comes first: its weights have seen it.
    """
    shown = show_plan(plan)
    data = list(load_card(plan.init, "segmentation").data) if plan.init else []
    data += [entry for entry in shown["data"] if entry not in data]
    told = {name: shown[name] for name in ("recipe", "settings", "seed", "start", "init")}
    return make_checkpoint(
        plan.out / "best.pt",
        plan.out / "checkpoint",
        plan.recipe.architecture,
        data=data,
        training={"command": plan.command, **result, **told},
        licence=plan.licence,
    )
