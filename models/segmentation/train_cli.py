"""The command that trains a segmenter; gathered by the room's cli.py.

Its body imports what it needs when it runs, so that `lookalike --help` never loads torch.
"""

import shlex
import sys
from pathlib import Path
from typing import Any

import click

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FOLDER = click.Path(file_okay=False, path_type=Path)

_SETTINGS = {
    "minutes": "training.minutes",
    "steps": "training.steps",
    "batch_photos": "training.batch_photos",
    "learning_rate": "training.learning_rate",
    "validations": "training.validations",
    "val_photos": "training.val_photos",
    "seed": "training.seed",
    "trunk": "architecture.trunk",
    "crop_rate": "augment.crop_rate",
    "studio_rate": "augment.studio_rate",
}
"""Options that override one setting of the recipe; `--set` reaches the others."""


@click.command()
@click.option(
    "--recipe", default="lite2", show_default=True, help="resnet50, lite2, lite0, or a TOML file."
)
@click.option(
    "--data",
    "sources",
    multiple=True,
    required=True,
    metavar="FOLDER[:SHARE]",
    help="A prepared folder and its share of the photos seen; repeat for more.",
)
@click.option("--out", type=_NEW_FOLDER, required=True, help="The run's folder; goes on there.")
@click.option("--init", type=_FOLDER, help="A checkpoint to take over, whatever its categories.")
@click.option("--start", type=_FILE, help="ImageNet weights of the trunk.")
@click.option("--minutes", type=float, help="Budget: time of training, without validation.")
@click.option("--steps", type=int, help="Budget: steps.")
@click.option("--batch-photos", type=int, help="Photos a step, over all processes.")
@click.option("--learning-rate", type=float)
@click.option("--short-side", type=(int, int), metavar="FROM TO", help="Of training, in pixels.")
@click.option("--crop-rate", type=float, help="Share of close crops.")
@click.option("--studio-rate", type=float, help="Share before a studio wall.")
@click.option("--trunk", help="A feature extractor of timm, or resnet50, resnet101.")
@click.option("--validations", type=int, help="How often the val splits are scored; 0: never.")
@click.option("--val-photos", type=int, help="At most so many of each folder's val split.")
@click.option("--seed", type=int)
@click.option(
    "--set", "others", multiple=True, metavar="TABLE.KEY=VALUE", help="Any setting of the recipe."
)
@click.option("--licence", default="", help="What the trained weights may be used for.")
@click.option("--device", default="auto", show_default=True)
@click.option("--processes", type=click.IntRange(min=1), help="Default: one for each GPU.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; default: all cores.")
@click.option("--data-workers", type=click.IntRange(min=0), help="Processes that make views.")
@click.option(
    "--precision",
    type=click.Choice(["auto", "bfloat16", "float16", "float32"]),
    default="auto",
    show_default=True,
)
@click.option("--save-every", default=5.0, show_default=True, help="Minutes between states kept.")
def train(
    recipe: str,
    sources: tuple[str, ...],
    out: Path,
    init: Path | None,
    start: Path | None,
    short_side: tuple[int, int] | None,
    others: tuple[str, ...],
    licence: str,
    device: str,
    processes: int | None,
    threads: int | None,
    data_workers: int | None,
    precision: str,
    save_every: float,
    **settings: Any,
) -> None:
    """Train a segmenter in --out, going on where it was stopped, and write OUT/checkpoint.

    The checkpoint holds the averaged weights with the best mask AP on the val splits.
    """
    import torch

    from models.segmentation.folders import parse_source
    from models.segmentation.plan import Machine, make_plan
    from models.segmentation.recipe import load_recipe
    from models.segmentation.train import train_segmenter

    if settings["minutes"] is not None and settings["steps"] is not None:
        raise click.UsageError("give --minutes or --steps, not both")
    if data_workers is None:
        data_workers = 4 if torch.cuda.is_available() else 1
    plan = make_plan(
        load_recipe(recipe, _collect_overrides(settings, short_side, others)),
        [parse_source(text) for text in sources],
        out,
        init=init,
        start=start,
        machine=Machine(device, processes, data_workers, precision, threads, 60 * save_every),
        licence=licence,
        command=_own_command(),
    )
    train_segmenter(plan)


def _collect_overrides(
    settings: dict[str, Any], short_side: tuple[int, int] | None, others: tuple[str, ...]
) -> dict[str, Any]:
    from models.segmentation.recipe import read_override

    overrides = {_SETTINGS[key]: value for key, value in settings.items() if value is not None}
    if short_side is not None:
        least, most = short_side
        overrides |= {"augment.min_side_px": least, "augment.max_side_px": most}
        overrides["augment.max_long_side_px"] = most * 3 // 2
    return overrides | dict(read_override(text) for text in others)


def _own_command() -> str:
    """The command line as it was given, for the run's file and the card."""
    return shlex.join(["lookalike", *sys.argv[1:]])
