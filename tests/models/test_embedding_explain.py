"""Why two garments match, against slow, obvious versions: sums, differences, covered places."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from models.crops import PLAIN, cut_crop, cut_mask
from models.embedding.explain import (
    compare_descriptors,
    explain_match,
    name_place,
    share_similarity,
)
from models.embedding.infer import Embedder, load_embedder
from models.embedding.network import CGD, Architecture
from tests.models.test_embedding_infer import SHIPPED

TINY = Architecture(trunk="test_resnet", dimensions=25, side_px=64)


def make_embedder(descriptors: str = "SMG") -> Embedder:
    torch.manual_seed(3)
    architecture = Architecture(
        trunk="test_resnet", descriptors=descriptors, dimensions=25, side_px=64
    )
    return Embedder(CGD(architecture), architecture, "tiny")


def make_crops(*sizes: tuple[int, int]) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


def all_of(crops: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.bool_]]:
    return [np.ones(crop.shape[:2], dtype=bool) for crop in crops]


def embed(network: CGD, features: Tensor) -> Tensor:
    return network.combine([descriptor(features) for descriptor in network.descriptors])


@pytest.mark.parametrize("descriptors", ["S", "M", "G", "SMG", "GS"])
def test_what_the_places_add_sums_up_to_the_similarity(descriptors: str) -> None:
    embedder = make_embedder(descriptors)
    crops = make_crops((60, 40), (50, 64))
    first, second = embedder.embed_crops(crops)
    network, features = embedder.map_features(embedder.prepare(crops))
    places, biases = share_similarity(network, features)
    sums = places.sum(dim=(1, 2)) + biases
    torch.testing.assert_close(sums, torch.full((2,), float(first @ second)))


def test_each_place_adds_what_finite_differences_say() -> None:
    torch.manual_seed(5)
    network = CGD(TINY).eval()
    channels = network.heads[0].in_features
    assert isinstance(channels, int)
    # No two places of a channel are near each other, so that no step changes which is the maximum.
    features = torch.rand(2, channels, 4).argsort(dim=-1).reshape(2, channels, 2, 2) / 4 + 0.2
    places, _ = share_similarity(network, features)
    lengths, others = [], []
    for descriptor, head in zip(network.descriptors, network.heads, strict=True):
        made = head(descriptor(features)).detach()
        lengths.append(made[0].norm())
        others.append(made[1] / made[1].norm())

    def similarity(first: Tensor) -> float:
        pairs = zip(network.descriptors, network.heads, lengths, others, strict=True)
        parts = [head(d(first[None]))[0] / length @ other for d, head, length, other in pairs]
        return torch.stack(parts).mean().item()

    first, second = embed(network, features)
    whole = (first @ second).item()
    assert similarity(features[0]) == pytest.approx(whole, abs=1e-5)
    step = 1e-2
    for y in range(2):
        for x in range(2):
            more, less = features[0].clone(), features[0].clone()
            more[:, y, x] *= 1 + step
            less[:, y, x] *= 1 - step
            slope = (similarity(more) - similarity(less)) / (2 * step)
            assert float(places[0, y, x]) == pytest.approx(slope, abs=2e-4, rel=0.05)


def test_covering_the_warmest_place_costs_more_than_covering_the_coldest() -> None:
    embedder = load_embedder(SHIPPED, "cpu")
    side = 224
    striped = np.full((side, side, 3), PLAIN, dtype=np.uint8)
    striped[40:180, 30:110] = (150, 20, 40)
    striped[40:180:12, 30:110] = (250, 240, 230)
    other = np.full((side, side, 3), PLAIN, dtype=np.uint8)
    other[60:200, 80:170] = (160, 25, 45)
    other[60:200:12, 80:170] = (245, 235, 225)
    heat, _ = explain_match(embedder, [striped, other], all_of([striped, other]))
    patch = 32
    starts = range(0, side, patch)
    warmth = {(y, x): heat[y : y + patch, x : x + patch].mean() for y in starts for x in starts}
    warmest, coldest = max(warmth, key=warmth.__getitem__), min(warmth, key=warmth.__getitem__)

    def similarity_without(place: tuple[int, int]) -> float:
        covered = striped.copy()
        covered[place[0] : place[0] + patch, place[1] : place[1] + patch] = PLAIN
        first, second = embedder.embed_crops([covered, other])
        return float(first @ second)

    assert similarity_without(warmest) < similarity_without(coldest) - 0.01


def test_a_garment_and_its_double_are_explained_too() -> None:
    (crop,) = make_crops((48, 48))
    first, second = explain_match(make_embedder(), [crop, crop], all_of([crop, crop]))
    assert first.max() == 1
    np.testing.assert_allclose(first, second, atol=1e-3)


def test_heat_is_on_the_garment_only_and_has_the_size_of_the_crop() -> None:
    rng = np.random.default_rng(2)
    photo = rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)
    mask = np.zeros((90, 120), dtype=bool)
    mask[20:70, 30:60] = True
    mask[20:40, 60:90] = True
    box = (30.0, 20.0, 90.0, 70.0)
    crop, inside = cut_crop(photo, box, mask), cut_mask(mask, box)
    assert inside.shape == crop.shape[:2]
    assert (crop[~inside] == PLAIN).all()
    heat, other = explain_match(make_embedder(), [crop, crop[:, :20]], [inside, inside[:, :20]])
    assert heat.shape == crop.shape[:2]
    assert other.shape == crop[:, :20].shape[:2]
    assert (heat.min(), heat.max()) == (0, 1)
    assert not heat[~inside].any()


def test_the_crops_of_a_pair_may_come_in_either_order() -> None:
    embedder = make_embedder()
    crops = make_crops((30, 60), (64, 20))
    first, second = explain_match(embedder, crops, all_of(crops))
    again = explain_match(embedder, crops[::-1], all_of(crops[::-1]))
    np.testing.assert_allclose(first, again[1], atol=1e-4)
    np.testing.assert_allclose(second, again[0], atol=1e-4)


def test_bfloat16_arithmetic_warms_the_same_places() -> None:
    embedder = make_embedder()
    crops = make_crops((64, 64), (64, 64))
    exact, _ = explain_match(embedder, crops, all_of(crops))
    with torch.autocast("cpu", torch.bfloat16):
        rough, _ = explain_match(embedder, crops, all_of(crops))
    assert np.isfinite(rough).all()
    assert np.corrcoef(exact.ravel(), rough.ravel())[0, 1] > 0.98


def test_explaining_leaves_the_embeddings_and_no_gradients_behind() -> None:
    embedder = make_embedder()
    crops = make_crops((40, 40), (40, 40))
    before = embedder.embed_crops(crops)
    explain_match(embedder, crops, all_of(crops))
    network, _ = embedder.map_features(embedder.prepare(crops))
    assert all(parameter.grad is None for parameter in network.parameters())
    np.testing.assert_array_equal(embedder.embed_crops(crops), before)


def test_the_similarity_is_the_mean_of_what_the_descriptors_say() -> None:
    embedder = make_embedder()
    crops = make_crops((40, 60), (60, 40))
    first, second = embedder.embed_crops(crops)
    said = compare_descriptors(embedder.descriptors, first, second)
    assert list(said) == ["S", "M", "G"]
    assert np.mean(list(said.values())) == pytest.approx(float(first @ second), abs=1e-5)
    network, features = embedder.map_features(embedder.prepare(crops))
    for letter, descriptor, head in zip(
        embedder.descriptors, network.descriptors, network.heads, strict=True
    ):
        a, b = F.normalize(head(descriptor(features)), dim=-1)
        assert said[letter] == pytest.approx((a @ b).item(), abs=1e-4)


def test_one_descriptor_says_the_whole_similarity() -> None:
    a, b = np.eye(2, dtype=np.float32)
    assert compare_descriptors("G", a, b) == {"G": 0.0}
    assert compare_descriptors("G", a, a) == {"G": 1.0}


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        (slice(0, 10), slice(0, 10), "upper left"),
        (slice(10, 20), slice(10, 20), "in the middle"),
        (slice(20, 30), slice(12, 18), "lower centre"),
        (slice(0, 30), slice(0, 30), "spread over the whole garment"),
        (slice(0, 0), slice(0, 0), "spread over the whole garment"),
    ],
)
def test_the_warmest_part_of_the_garment_has_a_name(
    rows: slice, columns: slice, words: str
) -> None:
    inside = np.zeros((60, 60), dtype=bool)
    inside[20:50, 25:55] = True
    heat = np.zeros((60, 60), dtype=np.float32)
    heat[20:50, 25:55][rows, columns] = 1
    heat[:5] = 1  # off the garment it counts for nothing
    assert name_place(heat, inside) == words
