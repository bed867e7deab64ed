"""Retrieval scores from embeddings and labels, with bootstrap intervals.

Called by evaluation and by training between epochs. All embeddings have rows of length 1.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def rank_gallery(queries: Floats, gallery: Floats, k: int) -> NDArray[np.int64]:
    """(Q, D), (G, D) -> (Q, k) gallery rows by falling similarity, ties by row number."""
    similarity = queries @ gallery.T  # (Q, G)
    return np.argsort(-similarity, axis=1, kind="stable")[:, :k]


def rank_others(embeddings: Floats, k: int) -> NDArray[np.int64]:
    """(N, D) -> (N, k): for every row its nearest other rows."""
    similarity = embeddings @ embeddings.T
    np.fill_diagonal(similarity, -np.inf)
    return np.argsort(-similarity, axis=1, kind="stable")[:, :k]


def hits_at(
    ranks: NDArray[np.int64], query_labels: Sequence[str], gallery_labels: Sequence[str], k: int
) -> NDArray[np.float64]:
    """(Q,) 1 where one of the first k has the query's label, else 0; its mean is recall@k."""
    same = _same(ranks[:, :k], query_labels, gallery_labels)
    return np.asarray(same.any(axis=1), dtype=np.float64)


def share_at(
    ranks: NDArray[np.int64], query_labels: Sequence[str], gallery_labels: Sequence[str], k: int
) -> NDArray[np.float64]:
    """(Q,) share of the first k with the query's label; its mean is precision@k."""
    same = _same(ranks[:, :k], query_labels, gallery_labels)
    return np.asarray(same.mean(axis=1), dtype=np.float64)


def map_at_r(
    ranks: NDArray[np.int64], query_labels: Sequence[str], gallery_labels: Sequence[str]
) -> NDArray[np.float64]:
    """(Q,) average precision over the first R, R = the query's relevant rows in the gallery.

    Musgrave et al. 2020, arXiv 2003.08505. `ranks` holds the whole gallery; queries without a
    relevant row get nan.
    """
    same = _same(ranks, query_labels, gallery_labels)
    scores = np.full(len(same), np.nan)
    for i, row in enumerate(same):
        relevant = int(row.sum())
        if relevant:
            first = row[:relevant]
            precision = first.cumsum() / np.arange(1, relevant + 1)
            scores[i] = float((precision * first).sum() / relevant)
    return scores


def votes_of_nearest(
    ranks: NDArray[np.int64], gallery_labels: Sequence[str], k: int = 5
) -> list[str]:
    """The label that most of the first k have; among equals the one that comes first."""
    votes = []
    for row in ranks[:, :k]:
        labels = [gallery_labels[i] for i in row]
        votes.append(max(labels, key=lambda label: (labels.count(label), -labels.index(label))))
    return votes


def bootstrap_interval(
    scores: NDArray[np.float64], rounds: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """The 95 % interval of the mean, by resampling the queries."""
    rng = np.random.default_rng(seed)
    at_once = max(1, 4_000_000 // len(scores))  # all rounds of a large set would fill the memory
    means: list[NDArray[np.float64]] = []
    for start in range(0, rounds, at_once):
        picks = rng.integers(len(scores), size=(min(at_once, rounds - start), len(scores)))
        means.append(scores[picks].mean(axis=1))
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return float(low), float(high)


def _same(
    ranks: NDArray[np.int64], query_labels: Sequence[str], gallery_labels: Sequence[str]
) -> NDArray[np.bool_]:
    found = np.asarray(gallery_labels, dtype=object)[ranks]  # (Q, k)
    return np.asarray(found == np.asarray(query_labels, dtype=object)[:, None], dtype=bool)
