"""Trades likeness for variety: the next result is like the query and unlike those before it.

Called by `similar`. Maximal marginal relevance, Carbonell and Goldstein 1998.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def choose_varied(
    scores: Sequence[float], vectors: NDArray[np.float32], variety: float, limit: int
) -> list[int]:
    """Places of at most `limit` candidates, the best choice first.

    scores: (N,) cosine with the query. vectors: (N, D) of length 1. variety: 0 keeps the order of
    the scores, 1 looks only at how unlike the candidates are; the first is always the most alike.
    """
    relevance = np.asarray(scores, dtype=np.float32)
    left = list(range(len(relevance)))
    chosen: list[int] = []
    nearest = np.zeros(len(relevance), dtype=np.float32)
    while left and len(chosen) < limit:
        gain = (1 - variety) * relevance[left] - variety * nearest[left]
        best = left.pop(int(np.argmax(relevance[left] if not chosen else gain)))
        chosen.append(best)
        nearest = np.maximum(nearest, vectors @ vectors[best])
    return chosen
