"""The layout of the map: who is near stays near, the same again gives the same, few are enough."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.embedding.layout import choose_landmarks, lay_out


def clusters(count: int, of: int = 4, dimensions: int = 16) -> tuple[NDArray, NDArray]:
    """Vectors around a few centres, and the number of each one's centre."""
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(of, dimensions))
    own = np.arange(count) % of
    return (centres[own] + 0.1 * rng.normal(size=(count, dimensions))).astype(np.float16), own


def of_own_cluster(places: NDArray, own: NDArray, nearest: int = 5) -> float:
    """The share of each place's nearest that are of its own cluster."""
    apart = np.square(places[:, None] - places[None]).sum(axis=2)
    near = np.argsort(apart, axis=1)[:, 1 : nearest + 1]
    return float((own[near] == own[:, None]).mean())


@pytest.mark.parametrize("landmarks", [1000, 60])
def test_neighbours_stay_near_with_and_without_landmarks(landmarks: int) -> None:
    vectors, own = clusters(240)
    places = lay_out(vectors, own, landmarks=landmarks)
    assert places.shape == (240, 2)
    assert of_own_cluster(places, own) > 0.95
    shuffled = np.random.default_rng(0).permutation(places)
    assert of_own_cluster(shuffled, own) < 0.5


@pytest.mark.parametrize("landmarks", [1000, 40])
def test_the_same_vectors_get_the_same_places(landmarks: int) -> None:
    vectors, own = clusters(90)
    first = lay_out(vectors, own, landmarks=landmarks)
    assert np.array_equal(first, lay_out(vectors, own, landmarks=landmarks))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 9, 31])
def test_few_vectors_have_places_inside_the_square(count: int) -> None:
    vectors, own = clusters(count)
    places = lay_out(vectors, own)
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()
    assert ((places >= 0) & (places <= 1)).all()
    assert len(np.unique(places, axis=0)) == count


def test_one_alone_is_in_the_middle() -> None:
    assert lay_out(np.ones((1, 4)), np.zeros(1, dtype=int)).tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize("count", [3, 40])
def test_twins_do_no_harm(count: int) -> None:
    places = lay_out(np.ones((count, 4)), np.zeros(count, dtype=int))
    assert np.isfinite(places).all()
    assert ((places >= 0) & (places <= 1)).all()


def test_the_share_that_is_done_only_grows_and_ends_with_one() -> None:
    vectors, own = clusters(120)
    for landmarks in (1000, 40):
        told: list[float] = []
        lay_out(vectors, own, told.append, landmarks=landmarks)
        assert told == sorted(told)
        assert told[0] < 0.1
        assert told[-1] == 1.0


def test_what_a_report_raises_ends_the_work() -> None:
    vectors, own = clusters(60)

    def stop(share: float) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lay_out(vectors, own, stop)


def test_a_rare_kind_has_landmarks_too() -> None:
    groups = np.array([0] * 9000 + [1] * 900 + [2] * 3)
    chosen = choose_landmarks(groups, 500, np.random.default_rng(0))
    sizes = np.bincount(groups[chosen])
    assert len(chosen) == len(set(chosen.tolist())) == 500
    assert sizes[2] == 3
    assert 500 * 900 / 9903 < sizes[1] < sizes[0]
    assert choose_landmarks(groups[:5], 500, np.random.default_rng(0)).tolist() == [0, 1, 2, 3, 4]
