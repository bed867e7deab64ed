"""Maximal marginal relevance against its definition, written out slowly."""

import numpy as np
import pytest

from catalog.search.variety import choose_varied


def slow_choice(scores: list[float], vectors: np.ndarray, variety: float, limit: int) -> list[int]:
    chosen = [int(np.argmax(scores))]
    while len(chosen) < min(limit, len(scores)):
        best, best_gain = -1, -np.inf
        for place in range(len(scores)):
            if place in chosen:
                continue
            nearest = max(0.0, *(float(vectors[place] @ vectors[each]) for each in chosen), 0.0)
            gain = (1 - variety) * scores[place] - variety * nearest
            if gain > best_gain + 1e-7:
                best, best_gain = place, gain
        chosen.append(best)
    return chosen


@pytest.mark.parametrize("variety", [0.0, 0.3, 0.8, 1.0])
def test_the_choice_is_the_one_of_the_definition(variety: float) -> None:
    random = np.random.default_rng(3)
    vectors = random.normal(size=(30, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = (vectors @ vectors[0]).tolist()
    assert choose_varied(scores, vectors, variety, 12) == slow_choice(scores, vectors, variety, 12)


def test_twins_come_late_when_variety_is_wanted() -> None:
    vectors = np.array([[1, 0], [1, 0], [0.6, 0.8]], dtype=np.float32)
    scores = [1.0, 0.99, 0.6]
    assert choose_varied(scores, vectors, 0.0, 3) == [0, 1, 2]
    assert choose_varied(scores, vectors, 0.7, 3) == [0, 2, 1]
    assert choose_varied([], np.empty((0, 2), dtype=np.float32), 0.5, 3) == []
