"""Turns scores of single queries into what metrics.json holds: means, intervals, counts.

Called by evaluation and by the validation during training.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.embedding.metrics import bootstrap_interval
from models.embedding.retrieval import Labelled, QueryScores, score_queries

Table = dict[str, Any]
"""Metric -> value in 0..1; `intervals` (the 95 % one of each metric) and `queries` beside them."""

MIN_QUERIES = 5
"""A category with fewer queries gets no row: its score would be chance."""


def summarise(values: Mapping[str, NDArray[np.float64]]) -> Table | None:
    """The means over the queries that have something to find; None when there is none."""
    kept = {name: column[~np.isnan(column)] for name, column in values.items()}
    count = min((len(column) for column in kept.values()), default=0)
    if count == 0:
        return None
    table: Table = {name: round(float(column.mean()), 4) for name, column in kept.items()}
    table["intervals"] = {
        name: [round(end, 4) for end in bootstrap_interval(column)] for name, column in kept.items()
    }
    table["queries"] = count
    return table


def summarise_by(values: Mapping[str, NDArray[np.float64]], groups: Sequence[str]) -> Table:
    """A table for each group of queries with at least five; queries of group "" are in none."""
    names = np.asarray(groups, dtype=object)
    tables = {}
    for name in sorted({group for group in groups if group}):
        table = summarise({metric: v[names == name] for metric, v in values.items()})
        if table is not None and table["queries"] >= MIN_QUERIES:
            tables[name] = table
    return tables


def score_labels(
    embeddings: NDArray[np.float32],
    found: NDArray[np.bool_],
    labels: Sequence[str],
    groups: Mapping[str, Sequence[str]],
) -> tuple[Table | None, QueryScores]:
    """Every row is a query among all others, right where a row of its label is found.

    Rows with the label "" take no part. `groups` (a key of the table -> each row's group) adds
    tables such as `by_category`. None when no label comes twice.
    """
    known = np.array([bool(label) for label in labels])
    rows: NDArray[np.int64] = np.flatnonzero(known)
    side = Labelled(embeddings[rows], [labels[i] for i in rows.tolist()], found[rows])
    scores = score_queries(side)
    table = summarise(scores.values)
    if table is not None:
        for key, words in groups.items():
            table[key] = summarise_by(scores.values, [words[i] for i in rows.tolist()])
    return table, _spread(scores, rows, len(labels))


def score_between(
    embeddings: NDArray[np.float32],
    found: NDArray[np.bool_],
    labels: Sequence[str],
    queries: NDArray[np.int64],
    gallery: NDArray[np.int64],
) -> tuple[Table | None, QueryScores]:
    """Rows `queries` search among rows `gallery` for their own label."""
    asked = Labelled(embeddings[queries], [labels[i] for i in queries.tolist()], found[queries])
    among = Labelled(embeddings[gallery], [labels[i] for i in gallery.tolist()], found[gallery])
    scores = score_queries(asked, among)
    nearest = np.where(scores.nearest < 0, -1, gallery[scores.nearest])
    spread = _spread(QueryScores(scores.values, nearest), queries, len(labels), moved=True)
    return summarise(scores.values), spread


def _spread(
    scores: QueryScores, rows: NDArray[np.int64], count: int, moved: bool = False
) -> QueryScores:
    """Scores of some rows as scores of all `count`, those in between nan and without neighbours.

    `nearest` counts within `rows` unless it was `moved` to all rows already.
    """
    values = {name: np.full(count, np.nan) for name in scores.values}
    for name, column in scores.values.items():
        values[name][rows] = column
    nearest = np.full((count, scores.nearest.shape[1]), -1, dtype=np.int64)
    if len(rows):
        found = scores.nearest if moved else rows[scores.nearest]
        nearest[rows] = np.where(scores.nearest < 0, -1, found)
    return QueryScores(values, nearest)
