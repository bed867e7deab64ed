"""What one photo costs a worker: finding garments, cutting and describing them, embedding them.

Run by hand: python -m benchmarks.photos FOLDER [--photos 16] [--batch 4]. OMP_NUM_THREADS and
OMP_WAIT_POLICY of the environment hold; to see what they are worth, compare runs one after the
other, with something else running and without.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import torch
from rich.console import Console
from rich.table import Table

from catalog.photos.decode import decode_crop, decode_photo, photo_limits
from catalog.settings import load_settings
from models.embedding.infer import load_embedder
from models.segmentation.infer import load_segmenter
from workers.seeing import Pixels, describe_garment, embed_in_batches


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--photos", default=16, show_default=True)
@click.option("--batch", default=4, show_default=True)
def main(folder: Path, photos: int, batch: int) -> None:
    """Measure on the first photos of FOLDER."""
    settings = load_settings()
    files = sorted(folder.rglob("*.jpg"))[:photos]
    pixels = [decode_photo(file.read_bytes(), photo_limits(settings)) for file in files]
    segmenter = load_segmenter(settings.segmenter_checkpoint, settings.device)
    embedder = load_embedder(settings.embedder_checkpoint, settings.device)
    spent: dict[str, float] = {}
    garments = 0
    segmenter.segment_photos(pixels[:1])  # the first call makes plans that later ones reuse
    for start in range(0, len(pixels), batch):
        some = pixels[start : start + batch]
        with _clock(spent, "find garments"):
            found = segmenter.segment_photos(some)
        with _clock(spent, "cut and describe them"):
            crops = [decode_crop(crop) for crop in _describe(some, found)]
        with _clock(spent, "embed them"):
            embed_in_batches(crops, embedder, settings.embed_batch)
        garments += len(crops)
    _print(spent, len(pixels), garments)


@contextmanager
def _clock(spent: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    spent[name] = spent.get(name, 0.0) + time.perf_counter() - began


def _describe(photos: Sequence[Pixels], found: Sequence[Any]) -> list[bytes]:
    pairs = zip(photos, found, strict=True)
    return [describe_garment(photo, garment).crop for photo, seen in pairs for garment in seen]


def _print(spent: dict[str, float], photos: int, garments: int) -> None:
    waiting = os.environ.get("OMP_WAIT_POLICY", "ACTIVE")
    table = Table("step", "s a photo", title=f"{torch.get_num_threads()} threads, {waiting}")
    for name, seconds in spent.items():
        table.add_row(name, f"{seconds / photos:.3f}")
    table.add_row("all", f"{sum(spent.values()) / photos:.3f}")
    Console().print(table, f"{garments} garments in {photos} photos")


if __name__ == "__main__":
    main()
