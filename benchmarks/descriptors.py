"""Is a combination of descriptors ahead of a single one, when each gets its own heads?

Run by hand: python -m benchmarks.descriptors CROPS --init CHECKPOINT --validate CROPS [...].
`evaluate embedding --table` compares the heads of one checkpoint, which were trained together and
give a combination more dimensions. Here every combination has all dimensions, and heads that were
trained for it alone, on the same trunk, crops and views; seeds tell what is noise.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from models.embedding.combinations import combine_rows, list_combinations, make_describe
from models.embedding.crop_set import CropRecord, read_records
from models.embedding.evaluate import Embedded
from models.embedding.heads import describe_views, train_heads
from models.embedding.infer import load_network
from models.embedding.network import CGD, Architecture
from models.embedding.recipe import load_recipe
from models.embedding.run_folder import RunFolder
from models.embedding.settings import Recipe
from models.embedding.validation import Validator
from models.starting_weights import load_starting_weights

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
MEASURES = ("items.map@r", "categories.map@r", "kinds.map@r")


def start_network(
    init: Path | None, starting_weights: Path | None, recipe: Recipe
) -> tuple[CGD, Architecture]:
    """The trunk to compare on, with all three descriptors."""
    if init is not None:
        return load_network(init)
    if starting_weights is None:
        raise click.UsageError("give --init or --starting-weights")
    network = CGD(recipe.architecture).eval()
    load_starting_weights(network.trunk, starting_weights)
    return network, recipe.architecture


def train_and_score(
    letters: str,
    trunk: CGD,
    described: NDArray[np.float16],
    records: Sequence[CropRecord],
    validator: Validator,
    validation: Sequence[Embedded],
    recipe: Recipe,
) -> dict[str, float]:
    """Heads for these descriptors alone, and what they score on the validation crops."""
    architecture = replace(recipe.architecture, descriptors=letters)
    own = replace(recipe, architecture=architecture)
    network = CGD(architecture).eval()
    network.trunk.load_state_dict(trunk.trunk.state_dict())
    places = ["SMG".index(letter) for letter in letters]
    train_heads(network, described[:, :, places], records, own)
    rows = []
    for one in validation:
        parts = np.split(one.rows, 3, axis=1)
        chosen = np.concatenate([parts[place] for place in places], axis=1)
        rows.append(Embedded(one.subjects, combine_rows(network, chosen)))
    return validator.score(rows)


@click.command()
@click.argument("crops", type=FOLDER)
@click.option("--init", type=FOLDER, help="A checkpoint with S, M and G whose trunk is used.")
@click.option("--starting-weights", type=FILE, help="ImageNet weights of the trunk instead.")
@click.option("--trunk", default="tf_efficientnet_lite2", show_default=True)
@click.option("--side", default=192, show_default=True)
@click.option("--validate", type=FOLDER, multiple=True, required=True)
@click.option("--sample", default=4000, show_default=True, help="Crops to train on, drawn once.")
@click.option("--seeds", default=3, show_default=True)
def main(
    crops: Path,
    init: Path | None,
    starting_weights: Path | None,
    trunk: str,
    side: int,
    validate: tuple[Path, ...],
    sample: int,
    seeds: int,
) -> None:
    """Train heads for each combination of S, M and G on a frozen trunk, and compare them."""
    recipe = load_recipe("heads", [f"architecture.trunk={trunk}", f"architecture.side_px={side}"])
    network, architecture = start_network(init, starting_weights, recipe)
    recipe = replace(recipe, architecture=replace(architecture, side_px=side))
    validator = Validator(validate, replace(recipe.validation, measures=MEASURES))
    records = read_records(crops)
    drawn = np.random.default_rng(0).permutation(len(records))[:sample]
    records = [records[place] for place in sorted(drawn)]
    with tempfile.TemporaryDirectory() as scratch:
        folder = RunFolder(Path(scratch), {})
        described = describe_views(network, recipe, crops, records, folder)
    validation = validator.embed(
        make_describe(network, recipe.architecture, next(network.parameters()).device)
    )
    table = Table("descriptors", *MEASURES, "mean", title=f"{len(records)} crops, {seeds} seeds")
    for letters in track(list_combinations("SMG"), "training heads"):
        scores = [
            train_and_score(
                letters, network, described, records, validator, validation,
                replace(recipe, seed=seed),
            )
            for seed in range(seeds)
        ]  # fmt: skip
        cells = [_spread([score[name] for score in scores]) for name in (*MEASURES, "validation")]
        table.add_row(letters, *cells)
    Console(width=110).print(table)


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})"


if __name__ == "__main__":
    main()
