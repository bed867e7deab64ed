"""What the two models cost: photos and crops a second, memory, and what each choice is worth.

Run by hand: python -m benchmarks.models FOLDER [--photos 12] [--rounds 3] [--only segmenter].
Each table compares ways that took turns in one process of its own. Seconds of the processor tell
more than the clock where other programs run; OMP_NUM_THREADS sets the threads.
"""

import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import click
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.alternating import Spent, take_turns
from catalog.photos.decode import decode_crop, decode_photo, photo_limits
from catalog.settings import load_settings
from models.ahead import work_ahead
from models.checkpoints import load_card, load_weights
from models.devices import choose_device
from models.embedding.infer import Embedder, load_embedder, load_network
from models.segmentation.architecture import CascadeConfig, build_cascade, published_config
from models.segmentation.infer import Segmenter, load_model_weights, load_segmenter
from workers.seeing import Pixels, describe_garment, see_photos

BATCH = 4
Rows = list[tuple[str, str]]
"""What is measured, and the figure."""


def decode(data: bytes) -> Pixels:
    return decode_photo(data, photo_limits(load_settings()))


def in_batches(values: Sequence[Any], size: int = BATCH) -> Iterator[Sequence[Any]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def find_behind(segmenter: Segmenter, photos: Sequence[bytes]) -> int:
    """Photos to described garments: read and scaled ahead, described behind the network."""

    def read(data: bytes) -> tuple[Pixels, torch.Tensor]:
        pixels = decode(data)
        return pixels, segmenter.prepare(pixels)

    def describe(pixels: Pixels, found: Any) -> int:
        garments = segmenter.read_garments(found, pixels)
        return len([describe_garment(pixels, garment) for garment in garments])

    read_photos = list(photos)
    with ThreadPoolExecutor(2) as behind:
        counts = []
        ready = work_ahead(read, read_photos, ahead=2 * BATCH)
        while batch := [one for _, one in zip(range(BATCH), ready, strict=False)]:
            detections = segmenter.detect([image for _, image in batch])
            counts += [
                behind.submit(describe, pixels, found)
                for (pixels, _), found in zip(batch, detections, strict=True)
            ]
        return sum(count.result() for count in counts)


def measure_segmenter(photos: Sequence[bytes], rounds: int, device: str) -> Rows:
    """Bytes to described garments, against the bare network and against one photo at a time."""
    segmenter = load_segmenter(load_settings().segmenter_checkpoint, device)
    pixels = [decode(data) for data in photos]
    images = [segmenter.prepare(photo) for photo in pixels]

    def plain() -> None:
        # As detectron2's DefaultPredictor: decode, scale, one photo, paste, then the next.
        for data in photos:
            photo = decode(data)
            for garment in segmenter.segment_photos([photo])[0]:
                describe_garment(photo, garment)

    spent = take_turns(
        {
            "network alone": lambda: [segmenter.detect(batch) for batch in in_batches(images)],
            "ours": lambda: find_behind(segmenter, photos),
            "one photo at a time": plain,
        },
        rounds,
    )
    return _rates(spent, len(photos), "photos", "network alone")


def measure_embedder(photos: Sequence[bytes], rounds: int, device: str) -> Rows:
    """Coded crops to vectors, against the bare network and against one crop at a time."""
    crops = _find_crops(photos, device)
    embedder = load_embedder(load_settings().embedder_checkpoint, device)
    decoded = [decode_crop(crop) for crop in crops]
    ready = [embedder.prepare(batch) for batch in in_batches(decoded, 32)]

    def ours() -> None:
        read = list(work_ahead(decode_crop, crops, ahead=64))
        embedder.embed_crops(read)

    spent = take_turns(
        {
            "network alone": lambda: [embedder.run(batch) for batch in ready],
            "ours": ours,
            "one crop at a time": lambda: [embedder.embed_crops([decode_crop(c)]) for c in crops],
        },
        rounds,
    )
    return _rates(spent, len(crops), "crops", "network alone")


def measure_worker(photos: Sequence[bytes], rounds: int, device: str) -> Rows:
    """All that a worker does with a photo but the database, against both networks alone."""
    settings = load_settings()
    segmenter = load_segmenter(settings.segmenter_checkpoint, device)
    embedder = load_embedder(settings.embedder_checkpoint, device)
    images = [segmenter.prepare(decode(data)) for data in photos]
    crops = [decode_crop(crop) for crop in _find_crops(photos, device)]
    ready = [embedder.prepare(batch) for batch in in_batches(crops, 32)]

    def ours() -> None:
        def see(batch: Sequence[Pixels]) -> object:
            return see_photos(batch, segmenter, {"e": embedder}, settings.embed_batch)

        read = work_ahead(decode, photos, ahead=2 * BATCH)
        batches = iter(lambda: [one for _, one in zip(range(BATCH), read, strict=False)], [])
        for _ in work_ahead(see, batches, ahead=1):
            pass

    def networks() -> None:
        for batch in in_batches(images):
            segmenter.detect(batch)
        for crops_ready in ready:
            embedder.run(crops_ready)

    spent = take_turns({"both networks alone": networks, "a worker": ours}, rounds)
    return _rates(spent, len(photos), "photos", "both networks alone")


def measure_steps(photos: Sequence[bytes], rounds: int, device: str) -> Rows:
    """Where the seconds of a photo go, one step after the other; each step's median turn."""
    settings = load_settings()
    segmenter = load_segmenter(settings.segmenter_checkpoint, device)
    embedder = load_embedder(settings.embedder_checkpoint, device)
    turns: list[dict[str, float]] = []
    garments = 0
    for _ in range(rounds + 1):  # the first one warms up
        spent: dict[str, float] = {}
        garments = 0
        for batch in in_batches(photos):
            with _clock(spent, "read"):
                pixels = [decode(data) for data in batch]
            with _clock(spent, "scale"):
                images = [segmenter.prepare(photo) for photo in pixels]
            with _clock(spent, "segmenter's network"):
                detections = segmenter.detect(images)
            with _clock(spent, "garments and their masks"):
                found = [
                    (photo, garment)
                    for photo, seen in zip(pixels, detections, strict=True)
                    for garment in segmenter.read_garments(seen, photo)
                ]
            with _clock(spent, "crops, colours, coding"):
                crops = [decode_crop(describe_garment(*pair).crop) for pair in found]
            with _clock(spent, "embedder"):
                embedder.embed_crops(crops)
            garments += len(crops)
        turns.append(spent)
    medians = {name: median(turn[name] for turn in turns[1:]) for name in turns[0]}
    rows = [(name, f"{1000 * s / len(photos):.1f} ms a photo") for name, s in medians.items()]
    return [*rows, ("garments a photo", f"{garments / len(photos):.1f}")]


@contextmanager
def _clock(spent: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    spent[name] = spent.get(name, 0.0) + time.perf_counter() - began


def measure_shapes(photos: Sequence[bytes], rounds: int, device: str) -> Rows:
    """The shipped network against larger ones, and against the published ResNet-50."""
    shipped = load_card(load_settings().segmenter_checkpoint, "segmentation")
    config = CascadeConfig.from_card(shipped.architecture)
    configs = {
        "as shipped": config,
        "1,000 proposals": replace(config, proposals=1000),
        "short side 352": replace(config, short_side_px=352, long_side_px=640),
        "ResNet-50, 1,000 proposals, short side 800": published_config(),
    }
    pixels = [decode(data) for data in photos[:BATCH]]
    return _compare_networks({k: _untrained(c, device) for k, c in configs.items()}, pixels, rounds)


def measure_choices(photos: Sequence[bytes], rounds: int, device: str) -> Rows:
    """What folded batch norm and bfloat16 are worth, for both models."""
    settings = load_settings()
    pixels = [decode(data) for data in photos[:BATCH]]
    card = load_card(settings.segmenter_checkpoint, "segmentation")
    config = CascadeConfig.from_card(card.architecture)
    folded = load_segmenter(settings.segmenter_checkpoint, device)
    images = [folded.prepare(photo) for photo in pixels]
    unfolded = _untrained(config, device)
    ways: dict[str, Callable[[], object]] = {
        "segmenter": lambda: folded.detect(images),
        "segmenter, batch norm not folded": lambda: unfolded.detect(images),
        "segmenter, float32": _without_bfloat16(lambda: folded.detect(images)),
    }
    rows = _rates(take_turns(ways, rounds), len(pixels), "photos", "segmenter")
    embedder = load_embedder(settings.embedder_checkpoint, device)
    network, architecture = load_network(settings.embedder_checkpoint)
    plain = Embedder(network, architecture, "not folded", choose_device(device))
    crops = [decode_crop(crop) for crop in _find_crops(photos, device)][:16]
    ready = embedder.prepare(crops)
    ways = {
        "embedder, float32": lambda: embedder.run(ready),
        "embedder, batch norm not folded": lambda: plain.run(ready),
        "embedder, bfloat16": lambda: _in_bfloat16(embedder, ready, device),
    }
    return rows + _rates(take_turns(ways, rounds), len(crops), "crops", "embedder, float32")


def _in_bfloat16(embedder: Embedder, ready: torch.Tensor, device: str) -> object:
    with torch.autocast(choose_device(device).type, torch.bfloat16):
        return embedder.run(ready)


def _without_bfloat16(way: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        with patch("models.segmentation.infer.autocast", lambda device: nullcontext()):
            return way()

    return run


def _untrained(config: CascadeConfig, device: str) -> Segmenter:
    """A segmenter with random weights, or the shipped ones where they fit; batch norm unfolded."""
    torch.manual_seed(0)
    model = build_cascade(config)
    folder = load_settings().segmenter_checkpoint
    if (
        config.trunk
        == CascadeConfig.from_card(load_card(folder, "segmentation").architecture).trunk
    ):
        load_model_weights(model, load_weights(folder), folder)
    return Segmenter(model.to(choose_device(device)), config, "untrained", 0.3)


def _compare_networks(
    segmenters: Mapping[str, Segmenter], pixels: Sequence[Pixels], rounds: int
) -> Rows:
    prepared = {name: [one.prepare(p) for p in pixels] for name, one in segmenters.items()}
    ways = {
        name: (lambda one=one, name=name: one.detect(prepared[name]))
        for name, one in segmenters.items()
    }
    return _rates(take_turns(ways, rounds), len(pixels), "photos", next(iter(segmenters)))


def _find_crops(photos: Sequence[bytes], device: str) -> list[bytes]:
    segmenter = load_segmenter(load_settings().segmenter_checkpoint, device)
    crops = []
    for data in photos:
        pixels = decode(data)
        found = segmenter.segment_photos([pixels])[0]
        crops += [describe_garment(pixels, garment).crop for garment in found]
    return crops


def _rates(spent: Mapping[str, Spent], count: int, unit: str, reference: str) -> Rows:
    """A row for each way: its rate, and how it compares with the reference in both times."""
    base = spent[reference]
    return [
        (
            name,
            f"{count / one.wall_s:.2f} {unit}/s, {one.cpu_s / count:.3f} cpu s each; "
            f"{base.wall_s / one.wall_s:.2f}x by the clock, {base.cpu_s / one.cpu_s:.2f}x by cpu",
        )
        for name, one in spent.items()
    ]


MEASURES: dict[str, Callable[[Sequence[bytes], int, str], Rows]] = {
    "segmenter": measure_segmenter,
    "embedder": measure_embedder,
    "worker": measure_worker,
    "steps": measure_steps,
    "shapes": measure_shapes,
    "choices": measure_choices,
}


def run_measure(name: str, photos: Sequence[bytes], rounds: int, device: str) -> Rows:
    """One table, in this process, with the most memory that it took."""
    rows = MEASURES[name](photos, rounds, device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows.append(("peak memory", f"{peak:,.0f} MiB"))
    if choose_device(device).type == "cuda":
        rows.append(("peak GPU memory", f"{torch.cuda.max_memory_allocated() / 2**20:,.0f} MiB"))
    return rows


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--photos", default=12, show_default=True, help="The first so many of the folder.")
@click.option("--rounds", default=3, show_default=True, help="Turns; the median counts.")
@click.option("--only", type=click.Choice(list(MEASURES)), multiple=True, help="These tables.")
@click.option("--device", default="auto", show_default=True)
def main(folder: Path, photos: int, rounds: int, only: tuple[str, ...], device: str) -> None:
    """Measure on the first photos of FOLDER."""
    files = sorted(folder.rglob("*.jpg"))[:photos]
    data = [file.read_bytes() for file in files]
    for name in only or MEASURES:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            rows = pool.apply(run_measure, (name, data, rounds, device))
        title = f"{name}: {len(data)} photos, {torch.get_num_threads()} threads"
        table = Table("", "", title=title, show_header=False)
        for label, figure in rows:
            table.add_row(label, figure)
        Console(width=120).print(table)


if __name__ == "__main__":
    main()
