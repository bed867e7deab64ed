"""One training step: mixed precision, clipped gradients, the optimiser, and averaged weights.

Used by the trainer.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler

from catalog.errors import InputError
from models.devices import runs_bfloat16_fast
from models.segmentation.recipe import TrainOptions

PRECISIONS = {
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float32": torch.float32,
}
MOST_SKIPPED = 50
"""So many steps in a row without finite gradients, and the run has diverged."""


def choose_precision(wanted: str, device: torch.device) -> torch.dtype:
    """The number format by name; `auto` is bfloat16 where it is fast, else float16 on a GPU."""
    if wanted != "auto":
        return PRECISIONS[wanted]
    if runs_bfloat16_fast(device):
        return torch.bfloat16
    return torch.float16 if device.type == "cuda" else torch.float32


class AverageWeights:
    """The running mean of a model's trained weights, which scores better than the last ones."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.values = {key: value.clone() for key, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the model's weights; faster in the beginning."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                self.values[name].lerp_(parameter.detach(), 1 - decay)


class Learner:
    """A network with its optimiser; `parallel` is the network as its processes share it."""

    def __init__(
        self, model: nn.Module, parallel: nn.Module, options: TrainOptions, precision: torch.dtype
    ) -> None:
        self.model, self.parallel, self.options, self.precision = (
            model,
            parallel,
            options,
            precision,
        )
        self.device = next(model.parameters()).device
        self.optimiser = make_optimiser(model, options)
        self.average = AverageWeights(model, options.average_decay)
        self.scaler = GradScaler(
            self.device.type, enabled=precision == torch.float16, init_scale=2.0**12
        )
        self.skipped = 0

    def take_step(self, batch: list[dict[str, Any]], rate_factor: float) -> dict[str, Tensor]:
        """Learn from a batch and return its losses by head.

        A step whose gradients are not finite changes nothing; InputError after fifty in a row.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = group["base_rate"] * rate_factor
        losses = self._measure(batch)
        total = torch.stack([loss.float() for loss in losses.values()]).sum()
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(self.scaler.scale(total))
        self._step()
        return {name: loss.detach().float() for name, loss in losses.items()}

    def _measure(self, batch: list[dict[str, Any]]) -> dict[str, Tensor]:
        mixed = self.precision != torch.float32
        with torch.autocast(self.device.type, self.precision if mixed else None, enabled=mixed):
            try:
                losses: dict[str, Tensor] = self.parallel(batch)
            except FloatingPointError as error:  # what detectron2 says of boxes without an end
                raise _diverged(str(error)) from error
        return losses

    def _step(self) -> None:
        self.scaler.unscale_(self.optimiser)
        trained = [p for group in self.optimiser.param_groups for p in group["params"]]
        most = self.options.max_gradient_norm or float("inf")
        norm = nn.utils.clip_grad_norm_(trained, most)
        finite = bool(torch.isfinite(norm))
        self.skipped = 0 if finite else self.skipped + 1
        if self.skipped > MOST_SKIPPED:
            raise _diverged(f"{self.skipped} steps in a row without finite gradients")
        if finite:
            self.scaler.step(self.optimiser)
            self.average.update(self.model)
        self.scaler.update()

    def state(self) -> dict[str, Any]:
        """What is needed to go on."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.values,
            "updates": self.average.updates,
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        self.average.updates = state["updates"]
        for name, value in state["average"].items():
            self.average.values[name].copy_(value)


def _diverged(why: str) -> InputError:
    return InputError(f"the training has diverged ({why}): lower training.learning_rate")


def make_optimiser(model: nn.Module, options: TrainOptions) -> torch.optim.Optimizer:
    """The recipe's optimiser over what is trained; the trunk learns at its share of the rate."""
    trunk: list[nn.Parameter] = []
    heads: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (trunk if name.startswith("backbone.bottom_up") else heads).append(parameter)
    rate, decay = options.learning_rate, options.weight_decay
    groups: list[dict[str, Any]] = [{"params": heads, "base_rate": rate}]
    if trunk:
        groups.append({"params": trunk, "base_rate": rate * options.trunk_rate_factor})
    if options.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=options.momentum, weight_decay=decay)
    return torch.optim.AdamW(groups, lr=rate, weight_decay=decay)
