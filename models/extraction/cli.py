"""The commands that extract crops and features; gathered by lookalike.py.

Bodies import what they need when they run, so that `lookalike --help` never loads torch.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from models.extraction.run import Outcome

_SHIPPED = Path(__file__).parent.parent / "checkpoints"
_SOURCE = click.Path(exists=True, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_NEW_FOLDER = click.Path(file_okay=False, path_type=Path)

_source = click.argument("source", type=_SOURCE)
_photos = click.option(
    "--photos", type=_FOLDER, help="For a COCO file: what its names are relative to."
)
_out = click.option("--out", type=_NEW_FOLDER, required=True, help="Goes on there after a kill.")
_segmenter = click.option("--segmenter", type=_FOLDER, help="Default: the shipped one.")
_threshold = click.option("--threshold", type=float, help="Score threshold; default: the card's.")
_device = click.option("--device", default="auto", show_default=True)


@click.command()
@_source
@_photos
@_out
@_segmenter
@_threshold
@click.option(
    "--background",
    type=click.Choice(["plain", "keep", "both"]),
    default="both",
    show_default=True,
    help="Of the crops.",
)
@_device
def crops(
    source: Path,
    photos: Path | None,
    out: Path,
    segmenter: Path | None,
    threshold: float | None,
    background: Any,
    device: str,
) -> None:
    """Cut out the garments of SOURCE, a folder of photos or a COCO file.

    OUT gets crops/ (before a plain background, as workers store them), kept/ (with their own),
    masks/ and garments-*.parquet with boxes, scores and categories. A COCO file's garments are
    cut as they are labelled, those of a folder as the segmenter finds them.
    """
    from models.extraction.photos import list_photos
    from models.extraction.run import Pictures, extract
    from models.extraction.table import GarmentTable

    found = list_photos(source, photos)
    settings, finder = _load_segmenter(source, segmenter, threshold, device)
    table = GarmentTable(out, {**settings, "background": background})
    with _progress("cutting") as advance:
        outcome = extract(found, table, finder, None, Pictures(out, background), advance)
    _tell(outcome, out)


@click.command()
@_source
@_photos
@_out
@_segmenter
@click.option("--embedder", type=_FOLDER, help="Default: the shipped one.")
@_threshold
@_device
def features(
    source: Path,
    photos: Path | None,
    out: Path,
    segmenter: Path | None,
    embedder: Path | None,
    threshold: float | None,
    device: str,
) -> None:
    """Describe the garments of SOURCE by vectors.

    SOURCE is a folder of photos, a COCO file, or a folder that extract crops wrote. OUT gets
    garments-*.parquet with boxes, scores, categories and vectors, the same that a worker would
    store; models.extraction.table.read_vectors reads them.
    """
    from models.embedding.infer import load_embedder
    from models.extraction.photos import list_photos
    from models.extraction.run import embed_extracted, extract
    from models.extraction.table import SETTINGS, GarmentTable

    model = load_embedder(embedder or _SHIPPED / "embedder", device)
    settings: dict[str, Any] = {"embedder": model.checkpoint_id}
    if (source / SETTINGS).exists():
        settings["source"] = str(source.resolve())
        table = GarmentTable(out, settings, model.dimensions)
        with _progress("embedding") as advance:
            outcome = embed_extracted(source, table, model, advance)
    else:
        found = list_photos(source, photos)
        more, finder = _load_segmenter(source, segmenter, threshold, device)
        table = GarmentTable(out, {**settings, **more}, model.dimensions)
        with _progress("describing") as advance:
            outcome = extract(found, table, finder, model, None, advance)
    _tell(outcome, out)


def _load_segmenter(
    source: Path, checkpoint: Path | None, threshold: float | None, device: str
) -> tuple[dict[str, Any], Any]:
    """What the table has to agree on, and the segmenter; none is needed for labels."""
    settings: dict[str, Any] = {"source": str(source.resolve())}
    if source.is_file():
        return settings, None
    from models.segmentation.infer import load_segmenter

    segmenter = load_segmenter(checkpoint or _SHIPPED / "segmenter", device, threshold)
    settings["segmenter"] = segmenter.checkpoint_id
    settings["threshold"] = segmenter.score_threshold
    return settings, segmenter


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None]]:
    from rich.progress import Progress

    with Progress() as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _tell(outcome: "Outcome", out: Path) -> None:
    for name, problem in outcome.failed.items():
        click.secho(f"left out: {name}: {problem}", fg="yellow", err=True)
    click.echo(
        f"{out}: {outcome.garments} garments of {outcome.photos} photos, "
        f"{outcome.before} photos were there before, {len(outcome.failed)} left out"
    )


COMMANDS: dict[str, click.Command] = {"extract crops": crops, "extract features": features}
