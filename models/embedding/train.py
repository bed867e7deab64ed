"""Trains CGD on prepared crops, from starting weights to a checkpoint folder.

Called by `lookalike train embedding`.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from catalog.errors import InputError
from models.checkpoints import Card, save_checkpoint
from models.devices import autocast, choose_device, put_on
from models.embedding.combinations import combine_rows, make_describe
from models.embedding.crop_set import INDEX, CropRecord, plain_crop, read_crop, read_records
from models.embedding.evaluate import Embedded
from models.embedding.heads import describe_views, train_heads
from models.embedding.infer import letterbox, load_network, normalise
from models.embedding.network import CGD
from models.embedding.run_folder import RunFolder
from models.embedding.settings import Recipe
from models.embedding.validation import Best, Validator, Watch, make_curves
from models.embedding.whitening import set_heads_from
from models.embedding.whole import WholeRun
from models.starting_weights import load_starting_weights


@dataclass(frozen=True)
class Job:
    """What to train from and where to. starting_weights: an ImageNet classifier's file; init: a
    checkpoint with the same trunk to begin with instead. validate: sets of crops that choose the
    best weights. licences: of the data, by source; licence: of the weights.
    """

    crops: Path
    out: Path
    starting_weights: Path | None = None
    init: Path | None = None
    validate: tuple[Path, ...] = ()
    licences: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    command: str = ""
    device: str = "auto"


@dataclass(frozen=True)
class Listener:
    """Who is told how a run goes: lines to read, and how many of how many steps are done."""

    report: Callable[[str], None] = print
    advance: Callable[[int, int], None] = lambda done, total: None


@dataclass(frozen=True)
class _Run:
    """All that belongs to one run."""

    job: Job
    recipe: Recipe
    network: CGD
    records: Sequence[CropRecord]
    folder: RunFolder
    validator: Validator
    watch: Watch
    listener: Listener

    @property
    def device(self) -> torch.device:
        return choose_device(self.job.device)


def train_embedding(job: Job, recipe: Recipe, listener: Listener = Listener()) -> Card:
    """Train on a crop set and save a checkpoint to `job.out`.

    A run that was killed goes on where it last saved itself when it is called again in the same
    way. With 0 steps the result is the starting trunk with heads from whitening. Raises
    InputError when another run's state is in `out`.
    """
    torch.manual_seed(recipe.seed)
    records = read_records(job.crops)
    validator = Validator(job.validate, recipe.validation)
    network, has_heads = _start(job, recipe)
    put_on(network, choose_device(job.device))
    folder = RunFolder(job.out, _describe_run(job, recipe))
    watch = make_curves(folder.path / "curves")
    run = _Run(job, recipe, network, records, folder, validator, watch, listener)
    best = _train_heads(run, has_heads) if recipe.heads_only else _train_whole(run, has_heads)
    card = _save(run, best)
    folder.clear()
    return card


def _start(job: Job, recipe: Recipe) -> tuple[CGD, bool]:
    """The network to begin with, and whether its heads are trained already."""
    try:
        network = CGD(recipe.architecture).eval()
    except ValueError as error:
        raise InputError(str(error)) from error
    if job.init is None and job.starting_weights is None:
        raise InputError("training needs starting weights or a checkpoint to begin with")
    if job.init is None:
        assert job.starting_weights is not None
        load_starting_weights(network.trunk, job.starting_weights)
        return network, False
    before, architecture = load_network(job.init)
    if (architecture.trunk, architecture.stride) != (
        recipe.architecture.trunk, recipe.architecture.stride,
    ):  # fmt: skip
        raise InputError(f"{job.init} has trunk {architecture.trunk}: it can't begin this recipe")
    network.trunk.load_state_dict(before.trunk.state_dict())
    same = (architecture.descriptors, architecture.dimensions) == (
        recipe.architecture.descriptors, recipe.architecture.dimensions,
    )  # fmt: skip
    if same:
        network.load_state_dict(before.state_dict())
    return network, same


def _describe_run(job: Job, recipe: Recipe) -> dict[str, Any]:
    """What makes two runs the same run."""
    return {
        "recipe": asdict(recipe),
        "crops": hashlib.sha256((job.crops / INDEX).read_bytes()).hexdigest(),
        "start": str(job.init or job.starting_weights),
        "validate": [str(folder) for folder in job.validate],
    }


def _whiten(network: CGD, recipe: Recipe, crops: Path, records: Sequence[CropRecord]) -> None:
    """Start the heads from what the untrained trunk says about a sample of the crops."""
    rng = np.random.default_rng(recipe.seed)
    count = min(recipe.whitening_crops, len(records))
    chosen = [records[i] for i in rng.choice(len(records), count, replace=False)]
    device = next(network.parameters()).device
    described: list[list[Tensor]] = []
    for start in range(0, count, 32):
        part = [plain_crop(*read_crop(crops, r)) for r in chosen[start : start + 32]]
        views = np.stack([letterbox(crop, recipe.architecture.side_px) for crop in part])
        with torch.inference_mode(), autocast(device):
            described.append(network.describe(normalise(views, recipe.architecture, device)))
    set_heads_from(network, [torch.cat(vectors) for vectors in zip(*described, strict=True)])


def _train_whole(run: _Run, has_heads: bool) -> Best:
    if not has_heads:
        _whiten(run.network, run.recipe, run.job.crops, run.records)
    if not run.recipe.trunk.steps:
        return Best()
    whole = WholeRun(run.network, run.recipe, run.job.crops, run.records, run.device, run.folder)
    if whole.done:
        run.listener.report(f"going on after step {whole.done}")
    whole.follow(run.validator, run.watch, run.listener.report, run.listener.advance)
    return whole.best


def _train_heads(run: _Run, has_heads: bool) -> Best:
    network, recipe = run.network, run.recipe
    described = describe_views(
        network, recipe, run.job.crops, run.records, run.folder, run.listener.advance
    )
    validation = run.validator.embed(make_describe(network, recipe.architecture, run.device))
    network.cpu()
    best, steps = Best(), recipe.heads.steps

    def look(step: int, losses: Mapping[str, float]) -> None:
        values = {f"loss/{name}": value for name, value in losses.items()}
        if run.validator and (step % recipe.validation.every == 0 or step == steps):
            rows = [Embedded(d.subjects, combine_rows(network, d.rows)) for d in validation]
            scores = run.validator.score(rows)
            best.offer(scores, step, network.heads.state_dict())
            values |= {f"validation/{name}": value for name, value in scores.items()}
        for name, value in values.items():
            run.watch(name, value, step)
        if step % 50 == 0 or step == steps or len(values) > len(losses):
            words = (f"{name.rpartition('/')[2]} {value:.3f}" for name, value in values.items())
            run.listener.report(f"step {step}: {', '.join(words)}")

    train_heads(network, described, run.records, recipe, look, has_heads)
    if best.weights:
        network.heads.load_state_dict(best.weights)
    return best


def _save(run: _Run, best: Best) -> Card:
    job, recipe = run.job, run.recipe
    training = {"command": job.command, "crops": len(run.records), **recipe.as_json()}
    if best.weights:
        training["kept"] = {"step": best.step, **best.scores}
    return save_checkpoint(
        job.out,
        "embedding",
        recipe.architecture.as_json(),
        run.network.state_dict(),
        dimensions=recipe.architecture.dimensions,
        data=tuple(_describe_data(job, run.records)),
        training=training,
        licence=job.licence,
    )


def _describe_data(job: Job, records: Sequence[CropRecord]) -> list[dict[str, Any]]:
    """An entry for what training began with, and one for each source of crops."""
    start = job.init or job.starting_weights
    entries: list[dict[str, Any]] = [{"name": f"start: {start.name if start else ''}"}]
    for source in sorted({record.source for record in records}):
        own = [record for record in records if record.source == source]
        items = len({record.identity for record in own})
        licence = job.licences.get(source, "")
        entries.append({"name": source, "licence": licence, "crops": len(own), "items": items})
    return entries
