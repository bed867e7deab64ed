"""Scores a checkpoint on labelled crops, cut exactly as workers cut them.

Called by `lookalike evaluate embedding`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.embedding.crop_set import plain_crop, read_crop, read_records
from models.embedding.infer import Embedder
from models.embedding.metrics import (
    bootstrap_interval,
    hits_at,
    map_at_r,
    rank_others,
    share_at,
    votes_of_nearest,
)


@dataclass(frozen=True)
class Score:
    """A mean over `count` queries with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}], {self.count} queries"


def evaluate_crops(embedder: Embedder, folder: Path) -> dict[str, Score]:
    """Every crop of the set is a query, all others its gallery.

    Items are scored where the set has more than one crop of them.
    """
    records = read_records(folder)
    embeddings = embedder.embed_crops([plain_crop(*read_crop(folder, r)) for r in records])
    categories = [record.category for record in records]
    identities = [record.identity for record in records]
    return score_embeddings(embeddings, categories, identities)


def score_embeddings(
    embeddings: NDArray[np.float32], categories: Sequence[str], identities: Sequence[str]
) -> dict[str, Score]:
    """(N, D) rows of length 1 with their labels -> the table that evaluation prints."""
    ranks = rank_others(embeddings, len(embeddings) - 1)
    votes = votes_of_nearest(ranks, categories)
    right = np.array([vote == own for vote, own in zip(votes, categories, strict=True)], float)
    scores = {
        "category share of 10": make_score(share_at(ranks, categories, categories, 10)),
        "category by vote of 5": make_score(right),
    }
    paired = np.array([identities.count(name) > 1 for name in identities])
    if paired.any():
        for k in (1, 10):
            hits = hits_at(ranks, identities, identities, k)
            scores[f"item recall@{k}"] = make_score(hits[paired])
        precision = map_at_r(ranks, identities, identities)
        scores["item mAP@R"] = make_score(precision[~np.isnan(precision)])
    return scores


def make_score(values: NDArray[np.float64]) -> Score:
    low, high = bootstrap_interval(values)
    return Score(float(values.mean()), low, high, len(values))
