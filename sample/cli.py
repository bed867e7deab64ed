"""`lookalike sample`: writes the drawn sample catalog to a folder; gathered by lookalike.py."""

from pathlib import Path

import click


@click.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--items", default=48, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=7, show_default=True, type=click.IntRange(min=0))
@click.option(
    "--side",
    "side_px",
    default=512,
    show_default=True,
    type=click.IntRange(min=128, max=2048),
    help="Height of the photos in pixels; they are three quarters as wide.",
)
def sample(out: Path, items: int, seed: int, side_px: int) -> None:
    """Draw a sample catalog into OUT: feed.csv, photos/ and annotations.json (COCO masks)."""
    from sample.feed import write_sample  # numpy and OpenCV only when they are needed

    with click.progressbar(length=items, label="Drawing items") as bar:

        def advance(done: int, total: int) -> None:
            bar.update(done - bar.pos)

        try:
            feed = write_sample(out, items, seed, side_px, advance)
        except FileExistsError as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"{feed}: {items} items. Index them with: lookalike ingest {feed}")


COMMANDS = {"sample": sample}
