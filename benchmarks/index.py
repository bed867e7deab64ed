"""Compares vector indexes: upserts a second, query times with and without a filter, memory.

Run by hand: python -m benchmarks.index [--points 10000] [--dimensions 512]. Each index works in a
process of its own, so that its memory can be told apart.
"""

import multiprocessing
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from catalog.search.index import Filters, Point, VectorIndex, make_index, make_memory_index
from catalog.settings import load_settings
from catalog.taxonomy import CATEGORIES
from stack.processes import free_port
from stack.servers import start_edge

_BATCH = 256


@dataclass(frozen=True)
class Figures:
    """What one index achieved."""

    upserts_per_s: float
    query_ms: float
    filtered_ms: float
    by_item_ms: float
    resident_mib: float


def measure(index: VectorIndex, vectors: NDArray[np.float32], queries: int) -> Figures:
    """Fill `index` with `vectors` (N, D) and search in it; memory is filled in by the caller."""
    index.create_collection("bench", vectors.shape[1])
    points = [_garment(number, vector) for number, vector in enumerate(vectors)]
    started = time.perf_counter()
    for start in range(0, len(points), _BATCH):
        index.upsert("bench", points[start : start + _BATCH])
    rate = len(points) / (time.perf_counter() - started)
    asked = vectors[:queries]
    hat = Filters(category="hat", role="sold")
    return Figures(
        rate,
        _median_ms(asked, lambda vector: index.query("bench", vector, limit=10)),
        _median_ms(asked, lambda vector: index.query("bench", vector, hat, limit=10)),
        _median_ms(asked, lambda vector: index.query_by_item("bench", vector, hat, limit=12)),
        0.0,
    )


def _garment(number: int, vector: NDArray[np.float32]) -> Point:
    category = CATEGORIES[number % len(CATEGORIES)]
    payload = {"category": category, "role": "sold", "items": [number // 2], "v": 1}
    return Point(uuid.UUID(int=number), vector, payload)


def _median_ms(
    vectors: NDArray[np.float32], search: Callable[[NDArray[np.float32]], object]
) -> float:
    times = []
    for vector in vectors:
        started = time.perf_counter()
        search(vector)
        times.append(time.perf_counter() - started)
    return float(np.median(times)) * 1000


def _resident_mib(process_id: int | str) -> float:
    status = Path(f"/proc/{process_id}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _measure_memory(vectors: NDArray[np.float32], queries: int) -> Figures:
    before = _resident_mib("self")
    figures = measure(make_memory_index(), vectors, queries)
    return Figures(*_times(figures), _resident_mib("self") - before)


def _measure_edge(vectors: NDArray[np.float32], queries: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        server = start_edge(Path(folder) / "data", free_port())
        try:
            index = make_index(load_settings({}, qdrant_url=server.url))
            figures = measure(index, vectors, queries)
            return Figures(*_times(figures), _resident_mib(server.process.pid))
        finally:
            server.stop()


def _times(figures: Figures) -> tuple[float, float, float, float]:
    return (figures.upserts_per_s, figures.query_ms, figures.filtered_ms, figures.by_item_ms)


def _in_child(
    measured: Callable[[NDArray[np.float32], int], Figures],
    vectors: NDArray[np.float32],
    queries: int,
) -> Figures:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (vectors, queries))


@click.command()
@click.option("--points", default=10_000, show_default=True)
@click.option("--dimensions", default=512, show_default=True)
@click.option("--queries", default=50, show_default=True)
def main(points: int, dimensions: int, queries: int) -> None:
    """Print a table that compares the Edge server with qdrant-client's memory mode."""
    vectors = np.random.default_rng(0).normal(size=(points, dimensions)).astype(np.float32)
    edge = _in_child(_measure_edge, vectors, queries)
    memory = _in_child(_measure_memory, vectors, queries)
    table = Table(title=f"{points} points of {dimensions} dimensions, median of {queries} queries")
    for name in ("", "Edge server", "client's memory", "Edge is"):
        table.add_column(name, justify="right")
    for label, field, more_is_better in (
        ("upserts/s", "upserts_per_s", True),
        ("query ms", "query_ms", False),
        ("query with filters ms", "filtered_ms", False),
        ("query by item ms", "by_item_ms", False),
        ("resident MiB", "resident_mib", False),
    ):
        ours, theirs = getattr(edge, field), getattr(memory, field)
        ratio = ours / theirs if more_is_better else theirs / ours
        table.add_row(label, f"{ours:,.1f}", f"{theirs:,.1f}", f"{ratio:.1f}x better")
    Console().print(table)


if __name__ == "__main__":
    main()
