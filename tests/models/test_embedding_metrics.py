"""Retrieval metrics against loops and against cases worked out by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.embedding.metrics import (
    bootstrap_interval,
    hits_at,
    map_at_r,
    rank_gallery,
    rank_others,
    share_at,
    votes_of_nearest,
)
from models.embedding.retrieval import RECALL_AT, Labelled, average_precision, score_queries
from models.embedding.scores import score_between, score_labels, summarise, summarise_by


def make_labelled(seed: int = 0) -> tuple[NDArray[np.float32], list[str]]:
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(20, 4)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings, [f"label-{i}" for i in rng.integers(0, 4, 20)]


def rank_slowly(embeddings: NDArray[np.float32], query: int) -> list[int]:
    others = [i for i in range(len(embeddings)) if i != query]
    return sorted(others, key=lambda i: (-float(embeddings[query] @ embeddings[i]), i))


def test_recall_and_precision_agree_with_a_loop() -> None:
    embeddings, labels = make_labelled()
    ranks = rank_others(embeddings, 5)
    hits = hits_at(ranks, labels, labels, 5)
    shares = share_at(ranks, labels, labels, 5)
    for query in range(len(labels)):
        own = [labels[i] == labels[query] for i in rank_slowly(embeddings, query)[:5]]
        assert hits[query] == float(any(own))
        assert shares[query] == pytest.approx(sum(own) / 5)


def test_map_at_r_agrees_with_a_loop() -> None:
    embeddings, labels = make_labelled()
    scores = map_at_r(rank_others(embeddings, 19), labels, labels)
    for query in range(len(labels)):
        own = [labels[i] == labels[query] for i in rank_slowly(embeddings, query)]
        relevant = sum(own)
        if not relevant:
            assert np.isnan(scores[query])
            continue
        total = sum(sum(own[: k + 1]) / (k + 1) for k in range(relevant) if own[k])
        assert scores[query] == pytest.approx(total / relevant)


def test_a_query_is_never_its_own_neighbour() -> None:
    embeddings, _ = make_labelled()
    ranks = rank_others(embeddings, 19)
    assert all(query not in row for query, row in enumerate(ranks))


def test_the_vote_goes_to_the_most_frequent_then_the_nearest() -> None:
    gallery = ["a", "b", "b", "c", "a"]
    assert votes_of_nearest(np.array([[0, 1, 2, 3, 4], [1, 0, 3, 4, 2]]), gallery) == ["a", "b"]
    assert votes_of_nearest(np.array([[3, 1, 2, 0, 4]]), gallery, k=3) == ["b"]


def test_the_gallery_is_ranked_by_cosine() -> None:
    queries = np.array([[1, 0]], dtype=np.float32)
    gallery = np.array([[0, 1], [1, 0], [0.6, 0.8]], dtype=np.float32)
    assert rank_gallery(queries, gallery, 3).tolist() == [[1, 2, 0]]


def test_the_interval_holds_the_mean_and_shrinks_with_more_queries() -> None:
    few, many = np.array([0.0, 1.0] * 20), np.array([0.0, 1.0] * 2000)
    low, high = bootstrap_interval(few)
    assert low < 0.5 < high
    assert np.subtract(*bootstrap_interval(many)[::-1]) < (high - low) / 5


def test_map_at_r_of_a_ranking_worked_out_by_hand() -> None:
    # Three are relevant; right at ranks 1 and 3: (1/1 + 2/3) / 3. The fourth rank is beyond R.
    same = np.array([[True, False, True, True], [False, False, False, True]])
    np.testing.assert_allclose(average_precision(same, np.array([3, 1])), [5 / 9, 0.0])


def on_a_line(*angles: float) -> NDArray[np.float32]:
    """Unit vectors at these angles in degrees: the nearest is the one with the nearest angle."""
    radians = np.deg2rad(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_recall_worked_out_by_hand() -> None:
    # a0 -> b1 first, a3 second; b1 -> a0, a3, then b at 90; a3 -> b1, a0; the b at 90 -> a3, b1.
    rows = on_a_line(0, 1, 3, 90)
    scores = score_queries(Labelled(rows, ["a", "b", "a", "b"], np.ones(4, dtype=bool)))
    assert scores.values["recall@1"].tolist() == [0, 0, 0, 0]
    assert scores.values["recall@2"].tolist() == [1, 0, 1, 1]
    assert scores.values["recall@4"].tolist() == [1, 1, 1, 1]
    assert scores.values["map@r"].tolist() == [0, 0, 0, 0]
    assert scores.nearest[0].tolist() == [1, 2, 3, -1, -1]


def test_all_recalls_and_map_at_r_agree_with_a_loop() -> None:
    embeddings, labels = make_labelled(3)
    labels[0] = "alone"
    found = np.random.default_rng(0).random(20) > 0.2
    scores = score_queries(Labelled(embeddings, labels, found))
    for query in range(20):
        relevant = sum(label == labels[query] for label in labels) - 1
        ranked = [i for i in rank_slowly(embeddings, query) if found[i]]
        own = [labels[i] == labels[query] and bool(found[query]) for i in ranked]
        for k in RECALL_AT:
            value = scores.values[f"recall@{k}"][query]
            assert np.isnan(value) if relevant == 0 else value == float(any(own[:k]))
        if relevant:
            total = sum(
                sum(own[: k + 1]) / (k + 1) for k in range(min(relevant, len(own))) if own[k]
            )
            assert scores.values["map@r"][query] == pytest.approx(total / relevant)


def test_what_was_not_found_is_wrong_as_a_query_and_missing_in_the_gallery() -> None:
    rows = on_a_line(0, 0, 10, 25)
    found = np.array([True, False, True, True])
    scores = score_queries(Labelled(rows, ["a", "a", "b", "b"], found))
    assert scores.values["recall@1"].tolist() == [0, 0, 0, 1]
    assert scores.values["recall@10"].tolist() == [0, 0, 1, 1]
    assert scores.nearest[1].tolist() == [-1] * 5


def test_many_queries_are_ranked_in_parts_with_the_same_result() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(600, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    labels = [str(i) for i in rng.integers(0, 40, 600)]
    scores = score_queries(Labelled(rows, labels, np.ones(600, dtype=bool)))
    ranks = rank_others(rows, 599)
    np.testing.assert_array_equal(scores.values["recall@8"], hits_at(ranks, labels, labels, 8))
    np.testing.assert_allclose(scores.values["map@r"], map_at_r(ranks, labels, labels))


def test_views_search_among_the_main_ones_only() -> None:
    rows, found = on_a_line(0, 10, 1, 9), np.ones(4, dtype=bool)
    labels = ["p", "q", "q", "q"]
    table, scores = score_between(rows, found, labels, np.array([2, 3]), np.array([0, 1]))
    assert table is not None
    assert (table["recall@1"], table["recall@2"], table["queries"]) == (0.5, 1.0, 2)
    assert scores.nearest[2, :2].tolist() == [0, 1]
    assert scores.nearest[0, 0] == -1


def test_tables_count_their_queries_and_small_groups_get_none() -> None:
    values = {"recall@1": np.array([1, 1, 0, 1, 1, 1, np.nan])}
    table = summarise(values)
    assert table is not None
    assert (table["recall@1"], table["queries"]) == (0.8333, 6)
    assert list(summarise_by(values, ["a"] * 5 + ["b", ""])) == ["a"]
    assert summarise({"recall@1": np.array([np.nan])}) is None


def test_perfect_embeddings_score_one_in_every_group() -> None:
    rows = np.eye(4, dtype=np.float32).repeat(12, axis=0)
    labels = [str(i // 12) for i in range(48)]
    found = np.ones(48, dtype=bool)
    table, _ = score_labels(rows, found, labels, {"by_category": labels})
    assert table is not None
    groups = [table, *table["by_category"].values()]
    assert len(groups) == 5
    assert all(group[f"recall@{k}"] == 1.0 for group in groups for k in RECALL_AT)
    assert {group["map@r"] for group in groups} == {1.0}


def test_rows_without_a_label_take_no_part() -> None:
    rows, found = on_a_line(0, 1, 2), np.ones(3, dtype=bool)
    table, scores = score_labels(rows, found, ["a", "", "a"], {})
    assert table is not None
    assert (table["recall@1"], table["queries"]) == (1.0, 2)
    assert scores.nearest[0].tolist() == [2, -1, -1, -1, -1]
