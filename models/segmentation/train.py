"""Training of the segmenter on prepared folders, within a budget of minutes.

Called by `lookalike train segmentation`. The run can be stopped and resumed; the schedule
follows the time that was spent training, so a slow machine gets fewer steps, not half a schedule.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from catalog.masks import decode_mask
from models.checkpoints import load_weights
from models.devices import autocast, choose_device, put_on
from models.segmentation.architecture import CascadeConfig, build_cascade
from models.segmentation.augment import AugmentOptions, View, make_random_view
from models.segmentation.compat import BitMasks, Boxes, EventStorage, GeneralizedRCNN, Instances
from models.segmentation.data.coco import LabelledPhoto, read_photos
from models.segmentation.infer import load_model_weights
from models.segmentation.trunks import TimmTrunk, freeze_batch_norm, freeze_trunk
from models.starting_weights import load_starting_weights

LONGEST_STEP_S = 60.0
"""A step that took longer was suspended: the rest of its time does not count as training."""


@dataclass(frozen=True)
class Source:
    """A prepared folder and its share of the photos that training sees."""

    folder: Path
    share: float


@dataclass(frozen=True)
class TrainOptions:
    """The settings of a run; the defaults are the recipe of the shipped checkpoint."""

    minutes: float = 60.0
    batch_photos: int = 4
    learning_rate: float = 6e-4
    trunk_rate_factor: float = 0.3
    weight_decay: float = 0.02
    warmup_share: float = 0.03
    final_rate_factor: float = 0.02
    frozen_stages: int = 3
    average_decay: float = 0.997
    max_gradient_norm: float = 5.0
    save_every_s: float = 300.0
    seed: int = 0
    device: str = "auto"
    augment: AugmentOptions = field(default_factory=AugmentOptions)


class RandomViews(IterableDataset[dict[str, Any]]):
    """An endless stream of random views in detectron2's form, sources drawn by their share."""

    def __init__(
        self, sources: Sequence[Source], config: CascadeConfig, augment: AugmentOptions, seed: int
    ) -> None:
        self.photos = [read_photos(source.folder, "train") for source in sources]
        self.shares = np.array([source.share for source in sources])
        self.config, self.augment, self.seed = config, augment, seed

    def __iter__(self) -> Iterator[dict[str, Any]]:
        cv2.setNumThreads(0)
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        decks = [_deal(photos, rng) for photos in self.photos]
        while True:
            deck = decks[rng.choice(len(decks), p=self.shares / self.shares.sum())]
            view = make_random_view(read_view(next(deck)), self.augment, rng)
            yield to_detectron2(view, self.config)


def _deal(photos: Sequence[LabelledPhoto], rng: np.random.Generator) -> Iterator[LabelledPhoto]:
    while True:
        for index in rng.permutation(len(photos)):
            yield photos[index]


def read_view(photo: LabelledPhoto) -> View:
    """A labelled photo with its pixels."""
    pixels = photo.load_pixels()
    garments = tuple(photo.load_garments())
    if photo.foreground is not None:
        return View(pixels, garments, decode_mask(photo.foreground))
    return View(pixels, garments, garments[0].mask if len(garments) == 1 else None)


def to_detectron2(view: View, config: CascadeConfig) -> dict[str, Any]:
    """A view as detectron2's models read it: `image` (3, H, W) and `instances`."""
    pixels = view.photo if config.channel_order == "RGB" else view.photo[..., ::-1]
    height, width = pixels.shape[:2]
    instances = Instances((height, width))
    masks = np.zeros((len(view.garments), height, width), dtype=bool)
    for index, garment in enumerate(view.garments):
        masks[index] = garment.mask
    bit_masks = BitMasks(torch.from_numpy(masks))
    classes = [config.categories.index(garment.category) for garment in view.garments]
    instances.gt_masks = bit_masks
    instances.gt_boxes = bit_masks.get_bounding_boxes() if classes else Boxes(torch.zeros(0, 4))
    instances.gt_classes = torch.tensor(classes, dtype=torch.int64)
    image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
    return {"image": image, "instances": instances}


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


def train_segmenter(
    config: CascadeConfig,
    sources: Sequence[Source],
    out: Path,
    options: TrainOptions = TrainOptions(),
    start: Path | None = None,
    report: Callable[[str], None] = lambda _: None,
    init: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Path:
    """Train until `options.minutes` are spent and return the file with the averaged weights.

    `start` holds ImageNet weights of the trunk, `init` is a checkpoint folder of the same
    architecture to begin with. A run whose `state.pt` is in `out` goes on from there, also with
    other sources. `report` gets a line every 20 steps.
    """
    out.mkdir(parents=True, exist_ok=True)
    run = _Run(config, options, out, start, init)
    loader = DataLoader(
        RandomViews(sources, config, options.augment, options.seed + run.step),
        batch_size=options.batch_photos,
        collate_fn=list,
        num_workers=1,
        prefetch_factor=4,
    )
    with EventStorage(run.step):
        run.follow(iter(loader), report, clock)
    return run.save()


class _Run:
    """A training run in progress: model, optimiser, averaged weights and the time spent."""

    def __init__(
        self,
        config: CascadeConfig,
        options: TrainOptions,
        out: Path,
        start: Path | None,
        init: Path | None,
    ) -> None:
        torch.manual_seed(options.seed)
        self.options, self.out = options, out
        self.device = choose_device(options.device)
        model = _make_trainable(config, options, start)
        if init is not None:
            load_model_weights(model, load_weights(init), init)
        put_on(model, self.device)
        self.model = model
        self.optimiser = _make_optimiser(self.model, options)
        self.average = AverageWeights(self.model, options.average_decay)
        self.step, self.spent_s, self.saved_s = 0, 0.0, 0.0
        if (out / "state.pt").exists():
            self._resume(torch.load(out / "state.pt", weights_only=True))

    def follow(
        self,
        batches: Iterator[list[dict[str, Any]]],
        report: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        """Take steps until the budget is spent."""
        budget_s = self.options.minutes * 60
        recent: list[float] = []
        while self.spent_s < budget_s:
            began = clock()
            loss = self._take_step(next(batches), self.spent_s / budget_s)
            recent.append(loss)
            self.spent_s += min(clock() - began, LONGEST_STEP_S)
            if self.step % 20 == 0:
                left = (budget_s - self.spent_s) / 60
                report(f"step {self.step} loss {np.mean(recent):.3f} {left:.1f} minutes left")
                recent.clear()
            if self.spent_s - self.saved_s >= self.options.save_every_s:
                self.save()

    def _take_step(self, batch: list[dict[str, Any]], progress: float) -> float:
        factor = rate_factor(progress, self.options)
        for group in self.optimiser.param_groups:
            group["lr"] = group["base_rate"] * factor
        with autocast(self.device):
            losses: dict[str, Tensor] = self.model(batch)
            total = torch.stack([loss.float() for loss in losses.values()]).sum()
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        trained = [p for group in self.optimiser.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(trained, self.options.max_gradient_norm, error_if_nonfinite=True)
        self.optimiser.step()
        self.average.update(self.model)
        self.step += 1
        return float(total.detach())

    def save(self) -> Path:
        """Write `state.pt` to resume from and `weights.pt` with the averaged weights."""
        self.saved_s = self.spent_s
        state = {
            "model": self.model.state_dict(),
            "average": self.average.values,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "spent_s": self.spent_s,
        }
        _write(state, self.out / "state.pt")
        return _write(self.average.values, self.out / "weights.pt")

    def _resume(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average.values = state["average"]
        self.step = self.average.updates = state["step"]
        self.spent_s = self.saved_s = state["spent_s"]


def rate_factor(progress: float, options: TrainOptions) -> float:
    """The share of the learning rate at a point 0-1 of the run: a short rise, then a cosine."""
    if progress < options.warmup_share:
        return max(0.02, progress / options.warmup_share)
    way = min(1.0, (progress - options.warmup_share) / (1 - options.warmup_share))
    low = options.final_rate_factor
    return low + (1 - low) * 0.5 * (1 + math.cos(math.pi * way))


def _make_trainable(
    config: CascadeConfig, options: TrainOptions, start: Path | None
) -> GeneralizedRCNN:
    model = build_cascade(config).train()
    trunk = model.backbone.bottom_up
    if isinstance(trunk, TimmTrunk):
        if start is not None:
            load_starting_weights(trunk.network, start)
        freeze_trunk(trunk, options.frozen_stages)
    freeze_batch_norm(model)
    return model


def _make_optimiser(model: GeneralizedRCNN, options: TrainOptions) -> torch.optim.Optimizer:
    trunk: list[nn.Parameter] = []
    heads: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (trunk if name.startswith("backbone.bottom_up") else heads).append(parameter)
    rate = options.learning_rate
    groups = [
        {"params": heads, "base_rate": rate},
        {"params": trunk, "base_rate": rate * options.trunk_rate_factor},
    ]
    return torch.optim.AdamW(groups, lr=rate, weight_decay=options.weight_decay)


def _write(content: object, path: Path) -> Path:
    partial = path.with_suffix(".partial")
    torch.save(content, partial)
    return partial.replace(path)
