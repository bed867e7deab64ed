"""The commands of the embedding model; gathered by lookalike.py.

torch is imported inside the commands, so that listing them costs nothing.
"""

import sys
from pathlib import Path

import click

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--crops", required=True, type=FOLDER, help="A set that data crops wrote.")
@click.option("--starting-weights", required=True, type=FILE, help="ImageNet weights of the trunk.")
@click.option("--out", required=True, type=FOLDER, help="The checkpoint folder to write.")
@click.option("--trunk", default="tf_efficientnet_lite0", show_default=True, help="A timm model.")
@click.option("--descriptors", default="SMG", show_default=True, help="S, M, G or any combination.")
@click.option("--dimensions", default=512, show_default=True)
@click.option("--side", "side_px", default=192, show_default=True, help="Input side in pixels.")
@click.option("--steps", default=1500, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--heads-only", is_flag=True, help="Keep the trunk frozen: minutes on a CPU.")
@click.option("--kind-weight", default=0.5, show_default=True, help="Of the category's loss.")
@click.option("--device", default="auto", show_default=True)
def train_embedding_command(
    crops: Path,
    starting_weights: Path,
    out: Path,
    trunk: str,
    descriptors: str,
    dimensions: int,
    side_px: int,
    steps: int,
    seed: int,
    heads_only: bool,
    kind_weight: float,
    device: str,
) -> None:
    """Train CGD on a set of crops."""
    from models.embedding.heads import HeadSettings
    from models.embedding.losses import LossSettings
    from models.embedding.network import Architecture
    from models.embedding.train import TrainingSettings, train_embedding

    try:
        architecture = Architecture(trunk, descriptors, dimensions, side_px)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    losses = LossSettings(kind_weight=kind_weight)
    card = train_embedding(
        crops,
        starting_weights,
        out,
        architecture,
        TrainingSettings(steps=steps, seed=seed, losses=losses),
        heads=HeadSettings(steps=steps, seed=seed) if heads_only else None,
        command=" ".join(("lookalike", *sys.argv[1:])),
        device=device,
        report=click.echo,
    )
    click.echo(f"{out}: {card.id}")


@click.command()
@click.argument("annotations", type=FILE)
@click.option("--photos", required=True, type=FOLDER, help="What file names are relative to.")
@click.option("--out", required=True, type=FOLDER, help="The set to add to.")
@click.option("--source", required=True, help="The data set's name.")
def prepare_crops_command(annotations: Path, photos: Path, out: Path, source: str) -> None:
    """Cut the garments of a COCO file (boxes, RLE masks) into a set of crops."""
    from models.embedding.crop_set import prepare_crops

    click.echo(f"{out}: {prepare_crops(annotations, photos, out, source)} crops added")


@click.command()
@click.argument("checkpoint", type=FOLDER)
@click.option("--crops", required=True, type=FOLDER, help="The set to measure on.")
@click.option("--device", default="auto", show_default=True)
def evaluate_embedding_command(checkpoint: Path, crops: Path, device: str) -> None:
    """Measure a checkpoint on a set of crops: items and categories found, with intervals."""
    from models.embedding.evaluate import evaluate_crops
    from models.embedding.infer import load_embedder

    for name, score in evaluate_crops(load_embedder(checkpoint, device), crops).items():
        click.echo(f"{name}: {score}")


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
