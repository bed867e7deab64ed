"""Scores each query by where its like stand among the gallery, however large both are.

Called by evaluation and by the validation during training.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.embedding.metrics import Floats

RECALL_AT = (1, 2, 4, 8, 10)
NEAREST = 5
MAP_AT_R = "map@r"
_ROWS = 256  # queries ranked at once: the gallery of a big set does not fit into memory squared


@dataclass(frozen=True)
class Labelled:
    """Embeddings (N, D), rows of length 1, with what each is searched for.

    `found` (N,) is False where nothing was cut out of the photo: as a query that is wrong at
    every rank, in a gallery nobody can find it. Its row is ignored.
    """

    embeddings: Floats
    labels: Sequence[str]
    found: NDArray[np.bool_]


@dataclass(frozen=True)
class QueryScores:
    """One value for each query under each metric's name; nan where it has nothing to find.

    nearest: (Q, 5) gallery rows, -1 where there are no more.
    """

    values: dict[str, NDArray[np.float64]]
    nearest: NDArray[np.int64]


def score_queries(queries: Labelled, gallery: Labelled | None = None) -> QueryScores:
    """Rank the gallery for each query; without one, all the other queries.

    recall@k: 1 where one of the first k has the query's label. map@r: mean average precision over
    the first R, R = the gallery's rows with that label, found or not (Musgrave et al. 2020, arXiv
    2003.08505).
    """
    others = gallery is None
    gallery = queries if gallery is None else gallery
    count = len(queries.labels)
    values = {f"recall@{k}": np.full(count, np.nan) for k in RECALL_AT}
    values[MAP_AT_R] = np.full(count, np.nan)
    nearest = np.full((count, NEAREST), -1, dtype=np.int64)
    for rows, ranks in _rank(queries, gallery, others):
        same = _same(queries, gallery, rows, ranks)
        relevant = _count_relevant(queries, gallery, rows, others)
        has = relevant > 0
        for k in RECALL_AT:
            values[f"recall@{k}"][rows[has]] = same[has, :k].any(axis=1)
        values[MAP_AT_R][rows[has]] = average_precision(same[has], relevant[has])
        first = ranks[:, :NEAREST]
        nearest[rows, : first.shape[1]] = np.where(queries.found[rows, None], first, -1)
    return QueryScores(values, nearest)


def average_precision(same: NDArray[np.bool_], relevant: NDArray[np.int64]) -> NDArray[np.float64]:
    """(Q, G) whether each rank is right, (Q,) how many could be -> (Q,) precision over the first R.

    Precision at each right rank among the first R, added up and divided by R.
    """
    places = np.arange(1, same.shape[1] + 1)
    inside = same & (places <= relevant[:, None])
    precision = inside.cumsum(axis=1) / places
    return np.asarray((precision * inside).sum(axis=1) / relevant, dtype=np.float64)


def _rank(
    queries: Labelled, gallery: Labelled, others: bool
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Query rows (q,) with all findable gallery rows (q, F) by falling similarity.

    Among equals the earlier row comes first. With `others` a query is not in its own ranking.
    """
    places = np.flatnonzero(gallery.found)
    for start in range(0, len(queries.labels), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(queries.labels)))
        similarity = queries.embeddings[rows] @ gallery.embeddings[places].T  # (q, F)
        if others:
            similarity[rows[:, None] == places[None, :]] = -np.inf
        ranks = places[np.argsort(-similarity, axis=1, kind="stable")]
        if others:  # itself stands last; one that was not found stands nowhere and drops nothing
            ranks = ranks[:, : max(0, len(places) - 1)]
        yield rows, ranks


def _same(
    queries: Labelled, gallery: Labelled, rows: NDArray[np.int64], ranks: NDArray[np.int64]
) -> NDArray[np.bool_]:
    own = np.asarray(queries.labels, dtype=object)[rows, None]
    same = np.asarray(gallery.labels, dtype=object)[ranks] == own
    return np.asarray(same & queries.found[rows, None], dtype=bool)


def _count_relevant(
    queries: Labelled, gallery: Labelled, rows: NDArray[np.int64], others: bool
) -> NDArray[np.int64]:
    counts: dict[str, int] = {}
    for label in gallery.labels:
        counts[label] = counts.get(label, 0) + 1
    own = 1 if others else 0
    return np.array([counts.get(queries.labels[row], 0) - own for row in rows], dtype=np.int64)
