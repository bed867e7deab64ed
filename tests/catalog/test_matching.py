"""Pairing what was seen twice."""

from catalog.matching import pair_best


def closeness(one: float, other: float) -> float:
    return 1 - abs(one - other)


def test_the_most_alike_are_paired_first_and_each_once() -> None:
    assert pair_best([0.0, 0.3], [0.25, 0.9], closeness, 0.0) == [(0.3, 0.25), (0.0, 0.9)]


def test_what_is_not_alike_enough_stays_alone() -> None:
    assert pair_best([0.0, 0.3], [0.25, 0.9], closeness, 0.5) == [(0.3, 0.25)]
    assert pair_best([], [0.25], closeness, 0.5) == []


def test_of_equals_those_ahead_win() -> None:
    pairs = pair_best(["a", "b"], ["c", "d"], lambda *_: 1.0, 0.5)
    assert pairs == [("a", "c"), ("b", "d")]
