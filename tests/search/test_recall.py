"""The index against an exact search: what it misses is counted, equals count as equals."""

import uuid
from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy.orm import Session, sessionmaker

from catalog.errors import InputError
from catalog.search import recall as module
from catalog.search.index import VectorIndex
from catalog.search.points import Hit
from catalog.search.recall import KINDS, Stored, compare, measure_index_recall, rank_exactly
from catalog.tables import Generation, Role
from tests.search.conftest import DIMENSIONS, Shop

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")


def make_stored(count: int, seed: int) -> Stored:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Stored(
        [uuid.UUID(int=number) for number in range(count)],
        rng.choice(np.array(["dress", "hat"]), count),
        rng.random(count) < 0.6,
        vectors,
    )


def part_of(stored: Stored, start: int, stop: int) -> Stored:
    rows = slice(start, stop)
    return Stored(
        stored.ids[rows], stored.categories[rows], stored.sold[rows], stored.vectors[rows]
    )


def chunks_of(stored: Stored, size: int) -> Iterator[Stored]:
    return (part_of(stored, i, i + size) for i in range(0, len(stored.ids), size))


def slow_ranking(stored: Stored, row: int, kind: str) -> list[float]:
    """One query, one other garment at a time."""
    scores = []
    for other in range(len(stored.ids)):
        same = stored.categories[other] == stored.categories[row]
        fits = kind == KINDS[0] or (same and (kind == KINDS[1] or stored.sold[other]))
        if other != row and fits:
            scores.append(float(stored.vectors[row] @ stored.vectors[other]))
    return sorted(scores, reverse=True)


@pytest.mark.parametrize("kind", KINDS)
def test_exact_neighbours_are_those_of_a_loop_whatever_the_chunks(kind: str) -> None:
    stored = make_stored(40, 1)
    asked = part_of(stored, 0, 9)
    for size in (3, 40):
        best = rank_exactly(asked, chunks_of(stored, size), kind, 4)
        for row in range(9):
            expected = (slow_ranking(stored, row, kind) + [-np.inf] * 4)[:4]
            np.testing.assert_allclose(best[row], expected, atol=1e-6)


def test_recall_is_what_one_counts_by_hand() -> None:
    vectors = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0.6, 0.8], [0, 1]], dtype=np.float32)
    ids = [uuid.UUID(int=number) for number in range(5)]
    stored = Stored(ids, np.array(["hat"] * 5), np.ones(5, dtype=bool), vectors)
    asked = part_of(stored, 0, 1)
    best = rank_exactly(asked, chunks_of(stored, 5), KINDS[0], 2)
    np.testing.assert_allclose(best, [[0.8, 0.6]])

    def measured(*hits: tuple[int, float]) -> module.Recall:
        return compare(asked, best, [[Hit(ids[i], score, {}) for i, score in hits]], stored)

    assert measured((1, 0.8), (2, 0.6)).at_k == 1.0
    twin = measured((1, 0.8), (3, 0.6))  # as near as 2: any of equals is right
    assert (twin.at_1, twin.at_k, dict(twin.missed)) == (1.0, 1.0, {})
    worse = measured((2, 0.6), (4, 0.3))  # 4 is really at 0, so its score is off by .3
    assert (worse.at_1, worse.at_k) == (0.0, 0.5)
    assert worse.score_error == pytest.approx(0.3)
    assert dict(worse.missed) == {ids[0]: 1}
    assert measured().at_k == 0.0


def fill(shop: Shop, count: int) -> None:
    rng = np.random.default_rng(3)
    for number in range(count):
        vector = rng.normal(size=DIMENSIONS).tolist()
        role = Role.SOLD if number % 3 else Role.WORN_WITH
        shop.sell(vector, category=("dress", "hat")[number % 2], role=role)
    shop.sync()


def test_an_index_that_holds_everything_finds_everything(
    shop: Shop, sessions: sessionmaker[Session], memory_index: VectorIndex
) -> None:
    fill(shop, 30)
    with sessions() as session:
        recall = measure_index_recall(session, memory_index, queries=20, k=5)
    assert (recall.garments, recall.queries, set(recall.kinds)) == (30, 20, set(KINDS))
    assert recall.worst == 1.0
    assert max(one.score_error for one in recall.kinds.values()) < 1e-3


def test_points_that_are_gone_are_missed(
    shop: Shop, sessions: sessionmaker[Session], memory_index: VectorIndex, generation: Generation
) -> None:
    fill(shop, 12)
    gone = sorted(shop.indexed(generation))[:6]
    memory_index.delete(generation.collection, gone)
    with sessions() as session:
        recall = measure_index_recall(session, memory_index, queries=12, k=11)
    # Of 11 neighbours each garment that is there finds 5, one that is gone itself finds 6.
    assert recall.kinds[KINDS[0]].at_k == pytest.approx((6 * 5 + 6 * 6) / (12 * 11))
    assert recall.worst < 0.99


def test_without_garments_there_is_nothing_to_measure(
    sessions: sessionmaker[Session], memory_index: VectorIndex, generation: Generation
) -> None:
    with sessions() as session, pytest.raises(InputError, match="ingest photos first"):
        measure_index_recall(session, memory_index)
