"""The command that trains CGD; gathered by models.embedding.cli.

torch is imported inside the command, so that listing it costs nothing.
"""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

FOLDER = click.Path(file_okay=False, path_type=Path)
EXISTING = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--crops", required=True, type=EXISTING, help="A set that data crops wrote.")
@click.option("--out", required=True, type=FOLDER, help="The checkpoint folder to write.")
@click.option(
    "--recipe", "name", default="cgd", show_default=True,
    help="cgd, heads, resnet50, or a .toml file.",
)  # fmt: skip
@click.option("--starting-weights", type=FILE, help="ImageNet weights of the trunk.")
@click.option("--init", type=EXISTING, help="A checkpoint with the same trunk to begin with.")
@click.option(
    "--validate", type=EXISTING, multiple=True, help="Crops that choose the best weights."
)
@click.option("--trunk", help="A timm model.")
@click.option("--descriptors", help="S, M, G or any combination.")
@click.option("--dimensions", type=int)
@click.option("--side", type=int, help="The checkpoint's input side in pixels.")
@click.option("--loss", type=click.Choice(["triplet", "contrastive", "multi-similarity", "supcon"]))
@click.option("--steps", type=int)
@click.option("--seed", type=int)
@click.option("--heads-only/--whole", default=None, help="Whether the trunk stays frozen.")
@click.option("--category-weight", type=float, help="Of the category's contrast.")
@click.option("--kind-weight", type=float, help="Of the finer kind's contrast.")
@click.option(
    "--set", "overrides", multiple=True, metavar="SETTING=VALUE",
    help="Any setting of the recipe, as losses.margin=0.2; repeat for more.",
)  # fmt: skip
@click.option("--data-licence", multiple=True, metavar="SOURCE=LICENCE", help="For the card.")
@click.option("--licence", default="", help="What the weights may be used for, for the card.")
@click.option("--device", default="auto", show_default=True)
def train_embedding_command(
    crops: Path,
    out: Path,
    name: str,
    starting_weights: Path | None,
    init: Path | None,
    validate: tuple[Path, ...],
    trunk: str | None,
    descriptors: str | None,
    dimensions: int | None,
    side: int | None,
    loss: str | None,
    steps: int | None,
    seed: int | None,
    heads_only: bool | None,
    category_weight: float | None,
    kind_weight: float | None,
    overrides: tuple[str, ...],
    data_licence: tuple[str, ...],
    licence: str,
    device: str,
) -> None:
    """Train CGD on a set of crops, or go on where it was stopped.

    The same command again goes on with a run that was killed.
    """
    from models.embedding.recipe import load_recipe
    from models.embedding.train import Job, Listener, train_embedding

    if (starting_weights is None) == (init is None):
        raise click.UsageError("give either --starting-weights or --init")
    short = {
        "architecture.trunk": trunk,
        "architecture.descriptors": descriptors,
        "architecture.dimensions": dimensions,
        "architecture.side_px": side,
        "losses.ranking": loss,
        "losses.category_weight": category_weight,
        "losses.kind_weight": kind_weight,
        "seed": seed,
        "heads_only": None if heads_only is None else str(heads_only).lower(),
        # Only the one that the recipe uses counts.
        "trunk.steps": steps,
        "heads.steps": steps,
    }
    given = [f"{key}={value}" for key, value in short.items() if value is not None]
    recipe = load_recipe(name, [*given, *overrides])
    job = Job(
        crops=crops,
        out=out,
        starting_weights=starting_weights,
        init=init,
        validate=validate,
        licences=dict(_split(text) for text in data_licence),
        licence=licence,
        command=shlex.join(("lookalike", *sys.argv[1:])),
        device=device,
    )
    with _listen() as (report, advance):
        card = train_embedding(job, recipe, Listener(report, advance))
    click.echo(f"{out}: {card.id}")


def _split(text: str) -> tuple[str, str]:
    source, equals, licence = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} is not SOURCE=LICENCE", param_hint="--data-licence")
    return source, licence


def _listen() -> Any:
    """A bar with the time left, and lines above it."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    @contextmanager
    def show() -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns) as progress:
            task = progress.add_task("", total=None)
            yield (
                lambda line: progress.console.print(line, highlight=False, markup=False),
                lambda done, total: progress.update(task, completed=done, total=total),
            )

    return show()
