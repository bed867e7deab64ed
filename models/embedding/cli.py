"""The commands of the embedding model; gathered by lookalike.py.

torch is imported inside the commands, so that listing them costs nothing.
"""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from models.embedding.training_cli import train_embedding_command

FOLDER = click.Path(file_okay=False, path_type=Path)
EXISTING = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
CUTS = click.Choice(["found", "labelled", "whole"])

SHIPPED = Path(__file__).parent.parent / "checkpoints"
"""The checkpoints in the repository."""


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None]]:
    from rich.progress import Progress

    with Progress() as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.option("--split", default="train", show_default=True, help="Of a prepared folder.")
@click.option("--photos", type=EXISTING, help="For a COCO file: what its names are relative to.")
@click.option("--out", required=True, type=FOLDER, help="The set to put them into.")
@click.option("--source", help="The data set's name; default: the folder's.")
def prepare_crops_command(
    data: Path, split: str, photos: Path | None, out: Path, source: str | None
) -> None:
    """Cut the labelled garments of DATA, a prepared folder or a COCO file, into a set of crops.

    What came from the same source and file before is replaced.
    """
    from models.embedding.cutting import prepare_crops

    annotations, images = data, photos
    if data.is_dir():
        annotations, images = data / f"{split}.json", photos or data / "images"
    if images is None:
        raise click.UsageError("a COCO file needs --photos")
    name = source or annotations.resolve().parent.name
    with _progress(f"cutting {name}") as advance:
        report = prepare_crops(annotations, images, out, name, advance=advance)
    for line in report.unreadable:
        click.secho(f"left out: {line}", fg="yellow", err=True)
    click.echo(
        f"{out}: {report.added} crops of {name}, {report.replaced} replaced, "
        f"{report.too_small} garments too small, {len(report.unreadable)} photos unreadable"
    )


@click.command()
@click.option("--data", required=True, type=EXISTING, help="A prepared folder, or a set of crops.")
@click.option("--out", required=True, type=FOLDER, help="Folder for the report.")
@click.option(
    "--checkpoint", "checkpoints", type=EXISTING, multiple=True,
    help="Default: the shipped one. Repeat to compare others with the first.",
)  # fmt: skip
@click.option("--segmenter", type=EXISTING, help="For --crops found; default: the shipped one.")
@click.option("--crops", "cut", type=CUTS, help="Default: found; labelled for a set of crops.")
@click.option("--split", help="Default: views where the folder has it, else test.")
@click.option("--neighbours", type=CUTS, help="How train photos that vote are cut; default: alike.")
@click.option("--table", is_flag=True, help="Compare the combinations of descriptors.")
@click.option("--starting-weights", type=FILE, help="ImageNet weights, for frozen rows in --table.")
@click.option("--limit", type=click.IntRange(min=1), help="Only so many photos, to try a command.")
@click.option("--write-card", metavar="NAME", help="Store the scores in the card under NAME.")
@click.option("--device", default="auto", show_default=True)
def evaluate_embedding_command(
    data: Path,
    out: Path,
    checkpoints: tuple[Path, ...],
    segmenter: Path | None,
    cut: str | None,
    split: str | None,
    neighbours: str | None,
    table: bool,
    starting_weights: Path | None,
    limit: int | None,
    write_card: str | None,
    device: str,
) -> None:
    """Measure how well similar garments are found: recall@k and mAP@R with intervals, a page."""
    from models.checkpoints import load_card, record_metrics
    from models.embedding.crop_set import INDEX
    from models.embedding.judge import Request, judge
    from models.segmentation.infer import load_segmenter

    chosen = cut or ("labelled" if (data / INDEX).exists() else "found")
    if limit and write_card:
        raise click.UsageError("--limit measures a part only, which no card should hold")
    request = Request(
        data=data,
        checkpoints=checkpoints or (SHIPPED / "embedder",),
        cut=chosen,  # type: ignore[arg-type]
        split=split,
        neighbours=neighbours,  # type: ignore[arg-type]
        table=table or starting_weights is not None,
        frozen=starting_weights,
        limit=limit,
        device=device,
        command=shlex.join(("lookalike", *sys.argv[1:])),
    )
    for folder in request.checkpoints:  # before minutes of finding garments
        load_card(folder, "embedding")
    out.mkdir(parents=True, exist_ok=True)
    needed = "found" in (chosen, neighbours)
    finder = load_segmenter(segmenter or SHIPPED / "segmenter", device) if needed else None
    metrics = judge(request, out, finder, _progress)
    click.echo((out / "metrics.md").read_text(encoding="utf-8"))
    if write_card:
        kept = {k: v for k, v in metrics.items() if k not in ("combinations", "command")}
        record_metrics(request.checkpoints[0], "embedding", write_card, kept, request.command)
    click.echo(out / "index.html")


@click.command()
@click.argument("file", type=FILE)
@click.argument("out", type=FOLDER)
@click.option("--descriptors", default="SM", show_default=True, help="Their order in the file.")
@click.option("--side", "side_px", default=224, show_default=True, help="Input side in pixels.")
@click.option("--licence", default="", help="What the weights may be used for.")
def import_cgd_command(file: Path, out: Path, descriptors: str, side_px: int, licence: str) -> None:
    """Bring a CGD state dict (.pt) of the common PyTorch re-implementation into a checkpoint."""
    from catalog.errors import CheckpointError
    from models.embedding.foreign import import_cgd

    try:
        card = import_cgd(file, out, descriptors, side_px, licence)
    except CheckpointError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{out}: {card.id}, {card.dimensions} dimensions")


COMMANDS = {
    "train embedding": train_embedding_command,
    "evaluate embedding": evaluate_embedding_command,
    "data crops": prepare_crops_command,
    "import-checkpoint embedding": import_cgd_command,
}
