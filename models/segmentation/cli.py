"""The segmenter's commands: train, evaluate, import; gathered by lookalike.py.

Bodies import what they need when they run, so that `lookalike --help` never loads torch.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from models.segmentation.train_cli import train

SHIPPED = Path(__file__).parent.parent / "checkpoints" / "segmenter"
"""The checkpoint in the repository."""

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--checkpoint", type=_FOLDER, default=SHIPPED, help="Default: the shipped one.")
@click.option("--data", type=_FOLDER, required=True, help="A prepared folder.")
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="test")
@click.option("--out", type=_NEW_FOLDER, required=True, help="Folder for the page.")
@click.option("--threshold", type=float, help="Score threshold; default: the card's.")
@click.option("--device", default="auto", show_default=True)
@click.option("--write-card", metavar="NAME", help="Store the scores in the card under NAME.")
def evaluate(
    checkpoint: Path,
    data: Path,
    split: str,
    out: Path,
    threshold: float | None,
    device: str,
    write_card: str | None,
) -> None:
    """Measure a checkpoint: AP for boxes and masks, what is found, what is taken for what.

    OUT gets index.html with curves, a confusion matrix and the worst and best photos, the same
    tables in report.md, and metrics.json.
    """
    from models.segmentation.evaluate import evaluate_folder
    from models.segmentation.infer import load_segmenter
    from models.segmentation.page import write_evaluation
    from models.segmentation.ship import record_metrics

    precise = load_segmenter(checkpoint, device, 0.02, None, max_garments=100)
    shipped = load_segmenter(checkpoint, device, threshold)
    with _progress(f"{data.name} {split}") as advance:
        evaluation = evaluate_folder(precise, shipped, data, split, advance)
    page = write_evaluation(evaluation, out, data.name)
    metrics = evaluation.metrics
    _print_tables(metrics)
    if write_card:
        command = f"lookalike evaluate segmentation --data {data.name} --split {split} --out OUT"
        command += f" --write-card {write_card}"
        record_metrics(checkpoint, write_card, metrics, command)
    click.echo(page)


@click.command()
@click.option("--checkpoint", type=_FOLDER, default=SHIPPED)
@click.option("--data", "folders", type=_FOLDER, multiple=True, required=True)
@click.option("--photos", default=200, show_default=True, help="At most so many of each folder.")
@click.option("--write-card", is_flag=True, help="Ship with the threshold chosen.")
def threshold(checkpoint: Path, folders: tuple[Path, ...], photos: int, write_card: bool) -> None:
    """Choose the score threshold by F1 on the validation splits of prepared folders."""
    from models.segmentation.data.coco import read_photos
    from models.segmentation.evaluate import THRESHOLDS, choose_threshold
    from models.segmentation.found import find_garments
    from models.segmentation.infer import load_segmenter
    from models.segmentation.ship import record_threshold

    segmenter = load_segmenter(checkpoint, score_threshold=THRESHOLDS[0])
    found = [find_garments(segmenter, read_photos(f, "val")[:photos]) for f in folders]
    best, table = choose_threshold(found)
    for value, score in table.items():
        click.echo(f"{value}  F1 {score:.3f}{'  <- best' if float(value) == best else ''}")
    if write_card:
        record_threshold(checkpoint, best)


@click.command()
@click.argument("file", type=_FILE)
@click.argument("out", type=_NEW_FOLDER)
@click.option("--category", "categories", multiple=True, help="The categories' names, in order.")
@click.option("--threshold", "score_threshold", default=0.4, show_default=True)
@click.option("--licence", default="", help="The licence of the weights.")
def import_checkpoint(
    file: Path,
    out: Path,
    categories: tuple[str, ...],
    score_threshold: float,
    licence: str,
) -> None:
    """Bring a detectron2 Cascade Mask R-CNN (.pth, .pkl) into a checkpoint folder OUT."""
    from catalog.errors import CheckpointError
    from models.segmentation.foreign import import_detectron2

    try:
        card = import_detectron2(file, out, categories or None, score_threshold, licence)
    except CheckpointError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{card.id}: {len(card.categories or ())} categories, in {out}")


def _progress(label: str) -> AbstractContextManager[Callable[[int, int], None]]:
    from contextlib import contextmanager

    from rich.progress import Progress

    @contextmanager
    def show() -> Any:
        with Progress() as progress:
            task = progress.add_task(label, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)

    return show()


def _print_tables(metrics: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from models.segmentation.precision import METRIC_NAMES

    console = Console()
    for kind in ("box", "mask"):
        if kind not in metrics:
            continue
        scores = {name: metrics[kind][name] for name in METRIC_NAMES}
        total = Table(*scores, title=kind)
        total.add_row(*("-" if value is None else f"{value:.2f}" for value in scores.values()))
        console.print(total)
        table = Table("category", "AP", "AP50", "instances", title=f"{kind}, by category")
        for name, row in metrics[kind]["per_category"].items():
            table.add_row(name, str(row["AP"]), str(row["AP50"]), str(row["instances"]))
        console.print(table)
    for name, value in metrics["found"].items():
        console.print(f"{name}: {value}")


COMMANDS: dict[str, click.Command] = {
    "train segmentation": train,
    "evaluate segmentation": evaluate,
    "evaluate threshold": threshold,
    "import-checkpoint segmentation": import_checkpoint,
}
