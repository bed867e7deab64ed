"""Eight drawn photos as a prepared folder, and a recipe so small that a step takes a moment.

Used by the tests of the segmenter's training.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from catalog.taxonomy import CATEGORIES
from models.segmentation.architecture import CascadeConfig
from models.segmentation.augment import AugmentOptions
from models.segmentation.data.coco import CocoWriter, LabelledGarment
from models.segmentation.plan import Machine, Plan, make_plan
from models.segmentation.ranks import Ranks
from models.segmentation.recipe import Recipe, TrainOptions
from models.segmentation.train import Run
from models.segmentation.views import Source

TINY = CascadeConfig(
    trunk="test_resnet",
    fpn_channels=32,
    box_head_size=64,
    mask_head_size=32,
    mask_head_layers=1,
    anchor_sizes=(8, 16, 32, 64, 96),
    proposals=50,
    rois_per_photo=32,
    short_side_px=96,
    long_side_px=128,
)
OPTIONS = TrainOptions(
    steps=4,
    batch_photos=2,
    learning_rate=3e-3,
    trunk_rate_factor=1.0,
    frozen_stages=0,
    freeze_depthwise=False,
    validations=0,
)
STILL = AugmentOptions(0, 0, 0, 0, 96, 96, 128)
MACHINE = Machine("cpu", processes=1, data_workers=0, precision="float32", log_every=1)


def draw_folder(
    folder: Path,
    splits: Sequence[str] = ("train", "val"),
    categories: Sequence[str] = CATEGORIES,
    worn: tuple[str, str] = ("dress", "bag"),
) -> Path:
    """Write eight photos of 96 x 80 px, each with one large and one small garment."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for split in splits:
        writer = CocoWriter(folder / f"{split}.json", categories)
        for index in range(8):
            photo, garments = draw_photo(index, worn)
            cv2.imwrite(str(folder / "images" / f"{index}.png"), photo)
            writer.add_photo(f"{index}.png", photo.shape[:2], garments)
        writer.write()
    return folder


def draw_photo(
    index: int, worn: tuple[str, str] = ("dress", "bag")
) -> tuple[np.ndarray, list[LabelledGarment]]:
    """A (96, 80, 3) photo and its two garments, an ellipse and a square beside it."""
    rng = np.random.default_rng(index)
    large, small = np.zeros((2, 96, 80), np.uint8)
    centre = (int(rng.integers(28, 34)), int(rng.integers(40, 56)))
    cv2.ellipse(large, centre, (int(rng.integers(16, 22)), 34), 0, 0, 360, 1, -1)
    x, y = int(rng.integers(56, 60)), int(rng.integers(20, 70))
    small[y : y + 20, x : x + 20] = 1
    photo = np.full((96, 80, 3), 225, np.uint8)
    photo[large > 0], photo[small > 0] = (40, 40, 200), (180, 60, 30)
    masks = zip(worn, (large, small), strict=True)
    return photo, [LabelledGarment(name, mask > 0) for name, mask in masks]


def plan_run(folder: Path, out: Path, **settings: Any) -> Plan:
    """A tiny run on one folder; `settings` are the plan's, its machine's or of the training."""
    options = {f.name for f in dataclasses.fields(TrainOptions)}
    places = {f.name for f in dataclasses.fields(Machine)}
    training = {k: settings.pop(k) for k in list(settings) if k in options}
    machine = {k: settings.pop(k) for k in list(settings) if k in places}
    recipe = Recipe("tiny", TINY, dataclasses.replace(OPTIONS, **training), STILL)
    return make_plan(
        recipe, [Source(folder)], out, machine=dataclasses.replace(MACHINE, **machine), **settings
    )


def follow_on_rank(ranks: Ranks, plan: Plan) -> None:
    """A rank's whole run; leaves its weights and what it heard from the others beside the run."""
    run = Run(plan, ranks)
    run.follow()
    part = list(ranks.take(list("abcde")))
    heard = {
        "weights": run.learner.model.state_dict(),
        "average": run.learner.average.values,
        "mean": ranks.mean(torch.tensor([1.0, 10.0]) * ranks.number),
        "first": ranks.from_first(ranks.number + 0.5),
        "gathered": ranks.gather(part),
    }
    torch.save(heard, plan.out / f"rank-{ranks.number}.pt")


def average_gradient(ranks: Ranks, out: Path) -> None:
    """The gradient of a linear layer, of which every rank sees one row; written by the first."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 1)
    rows = torch.arange(6.0).reshape(2, 3)
    shared = ranks.share_gradients(layer)
    shared(rows[ranks.number : ranks.number + 1]).pow(2).mean().backward()
    torch.save(layer.weight.grad, out / f"gradient-{ranks.number}.pt")


def on_two_ranks(ranks: Ranks, plan: Plan) -> None:
    """Both of the above in one start of two processes."""
    average_gradient(ranks, plan.out)
    follow_on_rank(ranks, plan)
