"""What people have corrected, as training data: `lookalike corrections export`.

Loaded by `lookalike` when the command is called.
"""

import json
from pathlib import Path

import click

from catalog.corrections_export import IMAGES, copy_photos, export_corrections
from catalog.services import make_services
from catalog.settings import load_settings


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--photos", is_flag=True, help=f"Copy the photos into {IMAGES}/ beside it.")
def export(file: Path, photos: bool) -> None:
    """Write what was reviewed as a COCO file, for example OUT/train.json."""
    services = make_services(load_settings())
    try:
        with services.sessions() as session:
            found = export_corrections(session)
            file.parent.mkdir(parents=True, exist_ok=True)
            if photos:
                copy_photos(services.images, found.photos, file.parent / IMAGES)
    finally:
        services.close()
    file.write_text(json.dumps(found.content))
    click.echo(f"{len(found.photos):,} photos with {found.garments:,} garments in {file}.")
    if found.waiting:
        click.echo(f"{found.waiting:,} photos wait to be cut anew: they are in the next export.")


COMMANDS: dict[str, click.Command] = {"corrections export": export}
