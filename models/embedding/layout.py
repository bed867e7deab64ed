"""Lays vectors out on a plane so that neighbours stay near: t-SNE, by landmarks if there are many.

Called by the map job of the workers and by benchmarks/map.py; openTSNE is named here only. Nothing
here needs torch.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openTSNE import TSNEEmbedding
from openTSNE.affinity import PerplexityBasedNN

Vectors = NDArray[np.floating[Any]]
Plane = NDArray[np.float32]
Report = Callable[[float], None]
"""Told which share of the work is done; what it raises ends the work."""

LANDMARKS = 10_000
"""So many are laid out among themselves; the rest is placed between them."""

_PERPLEXITY = 30.0
_COMPONENTS = 64
"""Dimensions that neighbours are looked for in: the shipped embedder's 512 have no more to say."""
_FEWEST = 8
"""Below it t-SNE has nothing to balance: the two main directions do."""
_EARLY_STEPS, _STEPS, _PLACING_STEPS = 250, 500, 60
_FFT_FROM = 3000
"""Where interpolating the forces on a grid begins to be faster than summing them over a tree."""
_CHUNK = 5000
_REPORT_EVERY = 10
_LANDMARKS_SHARE = 0.6
"""Of all work, where there are more vectors than landmarks; what follows is the placing."""


def lay_out(
    vectors: Vectors,
    groups: NDArray[np.integer[Any]],
    report: Report = lambda share: None,
    seed: int = 0,
    landmarks: int = LANDMARKS,
) -> Plane:
    """Places in [0, 1] x [0, 1] for vectors (N, D); the same input and seed give the same places.

    Neighbours are those by cosine. `groups` (N,) says which kind each vector is of: every kind
    gets its share of the landmarks, however rare it is. Memory beside the vectors' own grows with
    `landmarks`, and by 12 bytes for each vector.
    """
    if len(vectors) < _FEWEST:
        return _into_square(_main_directions(_unit(vectors), 2))
    rng = np.random.default_rng(seed)
    chosen = choose_landmarks(groups, landmarks, rng)
    few = len(chosen) == len(vectors)
    basis = _principal_axes(_unit(vectors[chosen]))
    spread = _spread_landmarks(
        _unit(vectors[chosen]) @ basis,
        lambda share: report(share if few else share * _LANDMARKS_SHARE),
        rng,
    )
    places = np.empty((len(vectors), 2), dtype=np.float32)
    places[chosen] = spread
    others = np.setdiff1d(np.arange(len(vectors)), chosen)
    for start in range(0, len(others), _CHUNK):
        report(_LANDMARKS_SHARE + (1 - _LANDMARKS_SHARE) * start / len(others))
        chunk = others[start : start + _CHUNK]
        places[chunk] = _place(spread, _unit(vectors[chunk]) @ basis)
    report(1.0)
    return _into_square(places)


def choose_landmarks(
    groups: NDArray[np.integer[Any]], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Indices in rising order, `count` at most; a group has as many as the root of its size asks.

    All of a small group are taken, so that a rare kind is not placed between others only.
    """
    if len(groups) <= count:
        return np.arange(len(groups))
    _, kind, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    quotas = _quotas(sizes, count)
    order = rng.permutation(len(groups))
    chosen = [order[kind[order] == group][:quota] for group, quota in enumerate(quotas)]
    return np.sort(np.concatenate(chosen))


def _quotas(sizes: NDArray[np.int64], count: int) -> list[int]:
    """How many of each group, `count` in all; smallest groups first, the rest shares what is left.

    Between equal shares and shares by size: by the root of the size.
    """
    quotas = [0] * len(sizes)
    left, weight = count, float(np.sqrt(sizes).sum())
    for group in np.argsort(sizes, kind="stable"):
        root = float(np.sqrt(sizes[group]))
        quotas[group] = min(int(sizes[group]), max(1, round(left * root / weight)))
        left, weight = left - quotas[group], weight - root
    return quotas


def _spread_landmarks(points: Plane, report: Report, rng: np.random.Generator) -> TSNEEmbedding:
    """t-SNE of points (L, K) from their two main directions: what is apart there stays apart."""
    perplexity = min(_PERPLEXITY, (len(points) - 1) / 3)
    affinities = PerplexityBasedNN(points, perplexity=perplexity, method="exact", n_jobs=1)
    start = points[:, :2] + rng.normal(0, 1e-6, (len(points), 2))  # twins need a way apart
    start = (start - start.mean(axis=0)) * (1e-4 / max(float(start[:, 0].std()), 1e-9))
    method = "fft" if len(points) > _FFT_FROM else "bh"
    embedding = TSNEEmbedding(
        start, affinities, negative_gradient_method=method, n_jobs=1, random_state=0
    )
    for steps, before, settings in (
        (_EARLY_STEPS, 0, {"exaggeration": 12, "momentum": 0.5}),
        (_STEPS, _EARLY_STEPS, {"momentum": 0.8}),
    ):
        embedding.optimize(
            steps,
            inplace=True,
            learning_rate="auto",
            callbacks=_told(report, before, _EARLY_STEPS + _STEPS),
            callbacks_every_iters=_REPORT_EVERY,
            **settings,
        )
    return embedding


def _told(report: Report, before: int, of: int) -> Callable[[int, float, object], None]:
    def tell(step: int, error: float, embedding: object) -> None:
        report((before + step) / of)

    return tell


def _place(landmarks: TSNEEmbedding, points: Plane) -> Plane:
    """Places of points (M, K) among the landmarks, each drawn by its own nearest ones."""
    near = min(25, len(landmarks) - 1)
    placed = landmarks.prepare_partial(points, initialization="median", k=near, perplexity=5)
    placed.optimize(
        _PLACING_STEPS,
        inplace=True,
        learning_rate=0.1,
        exaggeration=1.5,
        momentum=0.8,
        max_grad_norm=0.25,
    )
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    inside: Plane = np.clip(placed, low, high).astype(np.float32)
    return inside


def _unit(vectors: Vectors) -> Plane:
    """(N, D) in float32 and of length 1, so that distance and cosine agree."""
    wide = np.asarray(vectors, dtype=np.float32)
    unit: Plane = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
    return unit


def _principal_axes(points: Plane) -> Plane:
    """(D, K): the directions in which points (N, D) differ most, each with a settled sign."""
    centred = points - points.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :_COMPONENTS]
    largest = np.abs(axes).argmax(axis=0)
    settled: Plane = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    return settled


def _main_directions(points: Plane, count: int) -> Plane:
    if len(points) < 2:
        return np.zeros((len(points), count), dtype=np.float32)
    along: Plane = (points - points.mean(axis=0)) @ _principal_axes(points)[:, :count]
    return along


def _into_square(places: Plane) -> Plane:
    """Shifted and scaled alike in both directions, the middle of their extent to (0.5, 0.5)."""
    if not len(places):
        return places.astype(np.float32)
    low, high = places.min(axis=0), places.max(axis=0)
    extent = float((high - low).max())
    scaled = (places - (low + high) / 2) / (extent or 1.0) + 0.5
    inside: Plane = np.clip(scaled, 0.0, 1.0).astype(np.float32)
    return inside
