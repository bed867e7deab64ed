"""Trains the whole network step by step; a run that was killed goes on as if it never had been.

Called by models.embedding.train.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from models.ahead import work_ahead
from models.embedding.batches import Batch, load_batch, number_classes, plan_batches
from models.embedding.crop_set import CropRecord
from models.embedding.infer import Embedder, normalise
from models.embedding.network import CGD
from models.embedding.run_folder import RunFolder
from models.embedding.settings import Recipe
from models.embedding.step import TrainingStep
from models.embedding.validation import Best, Validator, Watch

LOADERS = 2
"""Batches that are read and drawn while the network works on the one before."""


class WholeRun:
    """The network, its running mean, the optimiser and the best weights so far."""

    def __init__(
        self,
        network: CGD,
        recipe: Recipe,
        crops: Path,
        records: Sequence[CropRecord],
        device: torch.device,
        folder: RunFolder,
    ) -> None:
        self.network, self.recipe, self.crops, self.device = network, recipe, crops, device
        self.records, self.folder = records, folder
        self.numbers = number_classes(records)
        self.step = TrainingStep(network, recipe, self.numbers, device)
        average = get_ema_multi_avg_fn(recipe.trunk.averaging)  # type: ignore[no-untyped-call]
        self.averaged = AveragedModel(network, multi_avg_fn=average)
        self.best = Best()
        self.done = 0
        state = folder.load()
        if state is not None:
            self._resume(state)

    def follow(
        self,
        validator: Validator,
        watch: Watch,
        report: Callable[[str], None],
        advance: Callable[[int, int], None],
    ) -> None:
        """Take the steps that are left, and leave the best weights in the network."""
        steps, saved = self.recipe.trunk.steps, time.monotonic()
        advance(self.done, steps)
        for batch in self._load_batches(range(self.done, steps)):
            photos = normalise(batch.views, self.recipe.architecture, self.device)
            losses = self.step.take(batch, photos)
            self.averaged.update_parameters(self.network)
            self.done += 1
            for name, value in losses.items():
                watch(f"loss/{name}", value, self.done)
            if self.done % 25 == 0 or self.done == steps:
                values = ", ".join(f"{k} {v:.3f}" for k, v in losses.items())
                report(f"step {self.done}: {values}")
            if self.done % self.recipe.validation.every == 0 or self.done == steps:
                self._validate(validator, watch, report)
            if time.monotonic() - saved >= self.recipe.save_every_s:
                self.save()
                saved = time.monotonic()
            advance(self.done, steps)
        self.network.load_state_dict(self.best.weights or self.averaged.module.state_dict())

    def _load_batches(self, numbers: range) -> Iterator[Batch]:
        """The batches of these steps. Each depends on its number alone, not on when it is drawn."""
        cv2.setNumThreads(1)
        recipe = self.recipe
        planned = plan_batches(self.records, recipe.batches, recipe.seed)

        def load(job: tuple[int, Sequence[CropRecord]]) -> Batch:
            step, records = job
            rng = np.random.default_rng([recipe.seed, step])
            side = recipe.trunk.side_px
            return load_batch(self.crops, records, self.numbers, side, recipe.augmentation, rng)

        chosen = islice(planned, numbers.start, numbers.stop)
        return work_ahead(load, zip(numbers, chosen, strict=True), LOADERS, LOADERS)

    def _validate(self, validator: Validator, watch: Watch, report: Callable[[str], None]) -> None:
        if not validator:
            return
        trained = self.averaged.module
        assert isinstance(trained, CGD)
        embedder = Embedder(trained, self.recipe.architecture, "in training", self.device)
        scores = validator.score(validator.embed(embedder.embed_crops))
        better = self.best.offer(scores, self.done, trained.state_dict())
        for name, value in scores.items():
            watch(f"validation/{name}", value, self.done)
        words = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
        report(f"step {self.done}: {words}{' (best so far)' if better else ''}")

    def save(self) -> None:
        """Write all that the run needs to go on from here."""
        self.folder.save(
            {
                "done": self.done,
                "network": self.network.state_dict(),
                "averaged": self.averaged.state_dict(),
                "best": asdict(self.best),
                "step": self.step.state_dict(),
            }
        )

    def _resume(self, state: dict[str, object]) -> None:
        values: dict[str, dict[str, object]] = state  # type: ignore[assignment]
        self.done = int(state["done"])  # type: ignore[call-overload]
        self.network.load_state_dict(values["network"])
        self.averaged.load_state_dict(values["averaged"])
        self.step.load_state_dict(values["step"])
        self.best = Best(**values["best"])  # type: ignore[arg-type]
