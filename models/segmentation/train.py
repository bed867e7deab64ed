"""Training of the segmenter on prepared folders: one run, which can be killed and goes on.

Called by `lookalike train segmentation`. The run's folder gets `state.pt` to go on from, `best.pt`
with the best averaged weights, `metrics.jsonl`, `tensorboard/`, `run.json` and the `checkpoint`.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from catalog.errors import InputError
from models.devices import put_on
from models.segmentation.architecture import build_cascade
from models.segmentation.compat import EventStorage, GeneralizedRCNN
from models.segmentation.folders import read_training_photos
from models.segmentation.journal import Journal, make_screen, write_run_file
from models.segmentation.optimise import Learner, choose_precision
from models.segmentation.plan import Plan, ship_run, show_plan
from models.segmentation.ranks import Ranks, count_processes, run_on_ranks
from models.segmentation.run_state import identify, load_state, save_state, write_atomically
from models.segmentation.schedule import Budget, rate_factor
from models.segmentation.transfer import take_over
from models.segmentation.trunk_weights import fill_trunk, read_trunk_weights
from models.segmentation.trunks import check_trunk, freeze_batch_norm, freeze_trunk
from models.segmentation.validation import make_validation_sets, score
from models.segmentation.views import BatchNumbers, make_loader


def train_segmenter(plan: Plan) -> Path:
    """Train until the recipe's budget is spent and return the folder of the checkpoint.

    A run whose `state.pt` is in `plan.out` goes on from there.
    """
    plan.out.mkdir(parents=True, exist_ok=True)
    processes = count_processes(plan.machine.processes, plan.machine.device)
    batch = plan.recipe.training.batch_photos
    if batch % processes:
        message = f"{processes} processes can't share a batch of {batch} photos evenly"
        raise InputError(f"{message}: set training.batch_photos to a multiple")
    run_on_ranks(_train_on_rank, plan, processes, plan.machine.device)
    return plan.out / "checkpoint"


def _train_on_rank(ranks: Ranks, plan: Plan) -> None:
    if plan.machine.threads:
        torch.set_num_threads(plan.machine.threads)
    run = Run(plan, ranks)
    try:
        run.follow()
    finally:
        if run.journal is not None:
            run.journal.close()


class Run:
    """A run in progress, in one of its processes."""

    def __init__(self, plan: Plan, ranks: Ranks) -> None:
        self.plan, self.ranks = plan, ranks
        self.options = plan.recipe.training
        self.photos = read_training_photos(plan.sources)
        self.identity = identify(plan.recipe, plan.sources, self.photos)
        self.budget = Budget(self.options.minutes, self.options.steps)
        self.saved_s, self.validated = 0.0, 0
        self.best: dict[str, Any] = {}
        self.notes: list[str] = []
        state = self._find_state()
        model = self._make_model(fresh=state is None)
        precision = choose_precision(plan.machine.precision, ranks.device)
        self.learner = Learner(model, ranks.share_gradients(model), self.options, precision)
        if state is not None:
            self._resume(state)
        self.scorer: GeneralizedRCNN | None = None
        self.sets = make_validation_sets(
            plan.sources, self.options.val_photos, plan.out / "validation", ranks.first
        )
        self.journal = self._open_journal() if ranks.first else None

    def _find_state(self) -> dict[str, Any] | None:
        path = self.plan.out / "state.pt"
        return load_state(path, self.identity) if path.exists() else None

    def _make_model(self, fresh: bool) -> GeneralizedRCNN:
        torch.manual_seed(self.options.seed)
        config = self.plan.recipe.architecture
        model = build_cascade(config).train()
        trunk = model.backbone.bottom_up
        check_trunk(trunk)
        if fresh and self.plan.init is not None:
            self.notes.append(str(take_over(model, config, self.plan.init)))
        if fresh and self.plan.start is not None:
            fill_trunk(trunk, read_trunk_weights(self.plan.start), self.plan.start)
        freeze_trunk(trunk, self.options.frozen_stages, self.options.freeze_depthwise)
        freeze_batch_norm(model)
        put_on(model, self.ranks.device)
        return model

    def _resume(self, state: dict[str, Any]) -> None:
        self.learner.resume(state)
        self.budget.step, self.budget.spent_s = state["step"], state["spent_s"]
        self.saved_s = state["spent_s"]
        self.best = state["best"] if (self.plan.out / "best.pt").exists() else {}
        self.validated = min(state["validated"], self._validations_due())
        self.notes.append(f"going on at step {self.budget.step}")

    def _open_journal(self) -> Journal:
        journal = Journal(self.plan.out, self.budget.step, make_screen())
        for note in self.notes:
            journal.say(note)
        if not self.sets:
            journal.say("no folder has a val split with masks: the last weights will be shipped")
        path = self.plan.out / "run.json"
        write_run_file(path, show_plan(self.plan), self.budget.step, self.plan.command)
        return journal

    def follow(self) -> None:
        """Take steps until the budget is spent, then ship the best weights."""
        numbers = BatchNumbers(
            self.budget.step, self.options.batch_photos, self.ranks.number, self.ranks.count
        )
        shares = [source.share for source in self.plan.sources]
        workers = self.plan.machine.data_workers
        batches = iter(make_loader(self.photos, shares, self.plan.recipe, numbers, workers))
        recent: list[dict[str, Tensor]] = []
        logged_s = self.budget.spent_s
        with EventStorage():
            while self.budget.progress < 1:
                recent.append(self._take_step(batches))
                if self.budget.step % self.plan.machine.log_every == 0:
                    self._report(recent, self.budget.spent_s - logged_s)
                    recent, logged_s = [], self.budget.spent_s
                self._validate_or_save()
        self._finish()

    def _take_step(self, batches: Any) -> dict[str, Tensor]:
        began = time.monotonic()
        # What is drawn at random follows from the step, so that a run goes on as if never cut.
        step = self.budget.step * self.ranks.count + self.ranks.number
        torch.manual_seed((self.options.seed << 32) + step + 1)
        factor = rate_factor(self.budget.progress, self.options)
        losses = self.learner.take_step(next(batches), factor)
        self.budget.spend(self.ranks.from_first(time.monotonic() - began))
        return losses

    def _report(self, recent: Sequence[dict[str, Tensor]], seconds: float) -> None:
        names = list(recent[0])
        means = torch.stack(
            [torch.stack([entry[name] for entry in recent]).mean() for name in names]
        )
        losses = dict(zip(names, self.ranks.mean(means).tolist(), strict=True))
        if self.journal is not None:
            rate = self.learner.optimiser.param_groups[0]["lr"]
            photos = len(recent) * self.options.batch_photos
            self.journal.record_training(self.budget, losses, rate, photos / max(seconds, 1e-9))

    def _validations_due(self) -> int:
        return int(self.budget.progress * self.options.validations + 1e-9)

    def _validate_or_save(self) -> None:
        if self.validated < self._validations_due():
            self._validate()
            self._save()
        elif self.budget.spent_s - self.saved_s >= self.plan.machine.save_every_s:
            self._save()

    def _validate(self) -> None:
        self.validated = self._validations_due()
        if not self.sets:
            return
        if self.scorer is None:
            self.scorer = build_cascade(self.plan.recipe.architecture)
            put_on(self.scorer, self.ranks.device)
        weights = self.learner.average.values
        config = self.plan.recipe.architecture
        result = score(self.scorer, weights, config, self.sets, self.ranks)
        if result is not None and self.journal is not None:
            better = (result["mask_AP"] or 0) > (self.best.get("mask_AP") or -1)
            if better:
                self.best = {"step": self.budget.step, **result}
                write_atomically(weights, self.plan.out / "best.pt")
            self.journal.record_validation(self.budget.step, result, better)

    def _save(self) -> None:
        self.saved_s = self.budget.spent_s
        if self.ranks.first:
            state = {
                "step": self.budget.step,
                "spent_s": self.budget.spent_s,
                "validated": self.validated,
                "best": self.best,
            }
            save_state(self.plan.out / "state.pt", self.identity, state | self.learner.state())

    def _finish(self) -> None:
        self._save()
        if self.journal is None:
            return
        if not self.best:
            write_atomically(self.learner.average.values, self.plan.out / "best.pt")
        best = self.best or {"step": self.budget.step}
        minutes = round(self.budget.spent_s / 60, 1)
        result = {"steps": self.budget.step, "minutes": minutes, "best": best}
        card = ship_run(self.plan, result)
        self.journal.say(f"{card.id} of step {best['step']} in {self.plan.out / 'checkpoint'}")
