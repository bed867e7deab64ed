"""Measures the layout of the map: time, peak memory, and how well neighbours stay neighbours.

Run by hand: python -m benchmarks.map [--vectors 100000] [--dimensions 512]. The vectors are drawn:
kinds of garments, clusters within them, a few directions in which each cluster varies, noise.
"""

import resource
import time

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.manifold import trustworthiness

from models.embedding.layout import lay_out

_KINDS, _CLUSTERS_A_KIND, _DIRECTIONS = 19, 25, 12
_BATCH = 250
_SAMPLE = 3000
_NEAREST = 10


def draw_vectors(
    count: int, dimensions: int, rng: np.random.Generator
) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    """Unit vectors (count, dimensions) and the cluster of each; a kind is `cluster % _KINDS`."""
    clusters = _KINDS * _CLUSTERS_A_KIND
    kinds = rng.normal(size=(_KINDS, dimensions))
    centres = kinds[np.arange(clusters) % _KINDS] + 0.7 * rng.normal(size=(clusters, dimensions))
    directions = 0.25 * rng.normal(size=(clusters, _DIRECTIONS, dimensions))
    cluster = rng.integers(0, clusters, count)
    vectors = np.empty((count, dimensions), dtype=np.float16)
    for start in range(0, count, _BATCH):
        own = cluster[start : start + _BATCH]
        along = rng.normal(size=(len(own), 1, _DIRECTIONS)) @ directions[own]
        drawn = centres[own] + along[:, 0] + 0.1 * rng.normal(size=(len(own), dimensions))
        vectors[start : start + _BATCH] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return vectors, cluster


def kept_neighbours(vectors: NDArray[np.float16], places: NDArray[np.float32]) -> float:
    """The share of each sampled vector's nearest, of all, that are among its 50 nearest places."""
    asked = np.linspace(0, len(vectors) - 1, min(_SAMPLE, len(vectors))).astype(int)[:500]
    wide = vectors.astype(np.float32)
    found = 0
    for one in asked:
        true = np.argsort(-(wide @ wide[one]))[1 : _NEAREST + 1]
        shown = np.argsort(np.square(places - places[one]).sum(axis=1))[1:51]
        found += len(np.intersect1d(true, shown))
    return found / (len(asked) * _NEAREST)


def same_cluster(places: NDArray[np.float32], cluster: NDArray[np.int64]) -> float:
    """The share of the nearest places that are of the same cluster."""
    asked = np.linspace(0, len(places) - 1, min(500, len(places))).astype(int)
    near = [
        np.argsort(np.square(places - places[one]).sum(axis=1))[1 : _NEAREST + 1] for one in asked
    ]
    return float((cluster[np.array(near)] == cluster[asked][:, None]).mean())


@click.command()
@click.option("--vectors", "count", default=100_000, show_default=True)
@click.option("--dimensions", default=512, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(count: int, dimensions: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors, cluster = draw_vectors(count, dimensions, rng)
    before_mib = _peak_mib()
    started, worked = time.perf_counter(), time.process_time()
    places = lay_out(vectors, cluster % _KINDS)
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - worked
    peak_mib = _peak_mib()
    sample = rng.choice(count, min(_SAMPLE, count), replace=False)
    trust = trustworthiness(
        vectors[sample].astype(np.float32), places[sample], n_neighbors=_NEAREST
    )
    table = Table("", f"{count:,} vectors of {dimensions}")
    table.add_row("layout, s", f"{seconds:.1f}")
    table.add_row("of it this process computed, s", f"{cpu_s:.1f}")
    table.add_row("peak memory of the process, MiB", f"{peak_mib:.0f}")
    table.add_row("of it before the layout began", f"{before_mib:.0f}")
    table.add_row(f"trustworthiness ({len(sample)} sampled, k={_NEAREST})", f"{trust:.4f}")
    table.add_row(
        f"{_NEAREST} nearest among 50 nearest places", f"{kept_neighbours(vectors, places):.3f}"
    )
    table.add_row(
        f"{_NEAREST} nearest places of the same cluster", f"{same_cluster(places, cluster):.3f}"
    )
    Console().print(table)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
