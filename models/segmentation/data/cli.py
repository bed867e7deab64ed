"""The commands that turn labelled photos into prepared folders; gathered by lookalike.py.

Bodies import what they need when they run, so that `lookalike --help` never loads torch.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from models.segmentation.cli import SHIPPED

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FOLDER = click.Path(file_okay=False, path_type=Path)
_KINDS = ("ccp", "checked", "clothing", "coco", "deepfashion2", "kfashion", "luma", "sample")


@click.command()
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("source", type=_FOLDER)
@click.argument("out", type=_NEW_FOLDER)
@click.option(
    "--taxonomy",
    type=click.Choice(["own", "shipped"]),
    default="own",
    show_default=True,
    help="deepfashion2, kfashion: their own categories, or the 19 that we ship.",
)
@click.option("--category-map", type=_FILE, help="coco: a TOML file of their names = ours.")
def prepare(kind: str, source: Path, out: Path, taxonomy: str, category_map: Path | None) -> None:
    """Convert labelled photos of SOURCE into a prepared folder OUT that training reads.

    OUT/report.md says what is in it and what could not be used, OUT/sheet.jpg shows some of it.
    """
    from models.segmentation.data.ccp import prepare_ccp
    from models.segmentation.data.checked import prepare_checked
    from models.segmentation.data.clothing import prepare_clothing
    from models.segmentation.data.coco_files import prepare_coco
    from models.segmentation.data.deepfashion2 import prepare_deepfashion2
    from models.segmentation.data.drawn import prepare_drawn
    from models.segmentation.data.kfashion import prepare_kfashion
    from models.segmentation.data.luma import prepare_luma
    from models.segmentation.data.sheet import draw_sheet

    if taxonomy == "shipped" and kind not in ("deepfashion2", "kfashion"):
        raise click.UsageError(f"--taxonomy is for deepfashion2 and kfashion, not for {kind}")
    if category_map is not None and kind != "coco":
        raise click.UsageError(f"--category-map is for coco, not for {kind}")
    converters: dict[str, Callable[[Path, Path, Callable[[str], None]], None]] = {
        "ccp": prepare_ccp,
        "checked": prepare_checked,
        "clothing": prepare_clothing,
        "coco": partial(prepare_coco, category_map=category_map),
        "deepfashion2": partial(prepare_deepfashion2, shipped=taxonomy == "shipped"),
        "kfashion": partial(prepare_kfashion, shipped=taxonomy == "shipped"),
        "luma": prepare_luma,
        "sample": prepare_drawn,
    }
    converters[kind](source, out, click.echo)
    click.echo(draw_sheet(out))


@click.command()
@click.argument("source", type=_FOLDER)
@click.argument("out", type=_NEW_FOLDER)
@click.option("--segmenter", "checkpoint", type=_FOLDER, default=SHIPPED, help="Who labels.")
@click.option("--device", default="auto", show_default=True)
def label(source: Path, out: Path, checkpoint: Path, device: str) -> None:
    """Label the photos of SOURCE that have tags only, by a segmenter that the tags correct."""
    from models.segmentation.data.tagged import MIN_SCORE, label_tagged
    from models.segmentation.infer import load_segmenter

    segmenter = load_segmenter(checkpoint, device, MIN_SCORE, None, max_garments=100)
    label_tagged(source, out, segmenter, click.echo)


COMMANDS: dict[str, click.Command] = {
    "data label-tagged": label,
    "data prepare": prepare,
}
