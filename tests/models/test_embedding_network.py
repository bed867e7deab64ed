"""CGD's descriptors, network and losses against slow, obvious versions of themselves."""

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor

from catalog.errors import CheckpointError
from models.embedding.descriptors import (
    GeneralizedMean,
    GlobalMax,
    GlobalMean,
    make_descriptors,
    split_dimensions,
)
from models.embedding.network import CGD, Architecture
from models.embedding.whitening import principal_projection
from models.starting_weights import load_starting_weights, rename_efficientnet_lite

TINY = Architecture(trunk="tf_efficientnet_lite0", dimensions=12, side_px=32)


def make_features(seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, 3, 4, 5, generator=generator) + 0.01


def loop_over_places(features: Tensor, power: float) -> Tensor:
    batch, channels, height, width = features.shape
    result = torch.zeros(batch, channels)
    for b, c in itertools.product(range(batch), range(channels)):
        values = [float(features[b, c, y, x]) for y in range(height) for x in range(width)]
        if math.isinf(power):
            result[b, c] = max(values)
        else:
            result[b, c] = (sum(v**power for v in values) / len(values)) ** (1 / power)
    return result


@pytest.mark.parametrize(
    ("descriptor", "power"),
    [
        (GlobalMean(), 1.0),
        (GlobalMax(), math.inf),
        (GeneralizedMean(), 3.0),
        (GeneralizedMean(1.7), 1.7),
    ],
)
def test_each_descriptor_is_the_power_mean_over_all_places(
    descriptor: torch.nn.Module, power: float
) -> None:
    features = make_features()
    torch.testing.assert_close(descriptor(features), loop_over_places(features, power))


def test_the_generalized_mean_lies_between_the_mean_and_the_maximum() -> None:
    features = make_features()
    pooled = GeneralizedMean()(features)
    assert (pooled > GlobalMean()(features)).all()
    assert (pooled < GlobalMax()(features)).all()


def test_the_generalized_mean_has_right_gradients_for_features_and_exponent() -> None:
    features = make_features().double().requires_grad_()
    descriptor = GeneralizedMean().double()

    def pool(features: Tensor, power: Tensor) -> Tensor:
        pooled: Tensor = torch.func.functional_call(descriptor, {"power": power}, features)
        return pooled

    # The descriptor computes in float32, hence the coarse step and tolerance.
    power = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        pool, (features, power), eps=1e-2, atol=1e-3, rtol=1e-2, nondet_tol=0
    )


def test_the_generalized_mean_survives_activations_beyond_half_precision() -> None:
    features = torch.full((1, 2, 3, 3), 60_000.0)
    assert torch.isfinite(GeneralizedMean()(features)).all()


def test_features_of_zero_give_no_nan() -> None:
    features = torch.zeros(1, 2, 3, 3, requires_grad=True)
    GeneralizedMean()(features).sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


@pytest.mark.parametrize("letters", ["S", "M", "G", "SM", "SG", "MG", "SMG", "GS"])
def test_every_combination_embeds_to_length_one(letters: str) -> None:
    architecture = Architecture(descriptors=letters, dimensions=13, side_px=32)
    network = CGD(architecture).eval()
    embedding = network(torch.randn(2, 3, 32, 32))
    assert embedding.shape == (2, 13)
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2))


@pytest.mark.parametrize("letters", ["", "X", "SS", "SMGS"])
def test_other_combinations_are_refused(letters: str) -> None:
    with pytest.raises(ValueError, match="descriptors must be"):
        make_descriptors(letters)


def test_dimensions_are_shared_out_evenly() -> None:
    assert split_dimensions(512, 3) == [171, 171, 170]
    assert split_dimensions(512, 2) == [256, 256]


@pytest.mark.parametrize("trunk", ["tf_efficientnet_lite0", "resnet18"])
def test_the_trunk_keeps_a_sixteenth_of_the_side(trunk: str) -> None:
    network = CGD(Architecture(trunk=trunk, side_px=64)).eval()
    assert network.trunk(torch.randn(1, 3, 64, 64)).shape[-2:] == (4, 4)


def test_a_resnet_can_give_up_the_third_stages_stride_instead() -> None:
    network = CGD(Architecture(trunk="resnet18", side_px=64, stride="stage3")).eval()
    assert network.trunk(torch.randn(1, 3, 64, 64)).shape[-2:] == (4, 4)
    dilations = {m.dilation for m in network.trunk.modules() if isinstance(m, torch.nn.Conv2d)}
    assert dilations == {(1, 1)}


def test_an_architecture_comes_back_from_its_json() -> None:
    assert Architecture.from_json(TINY.as_json()) == TINY


@pytest.mark.parametrize(
    "change", [{"descriptors": "Q"}, {"side_px": 1}, {"stride": "none"}, {"unknown": 1}]
)
def test_an_architecture_with_wrong_values_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Architecture.from_json({**TINY.as_json(), **change})


def test_an_unknown_trunk_is_refused() -> None:
    with pytest.raises(ValueError, match="timm can't build"):
        CGD(Architecture(trunk="no_such_trunk"))


def in_package_names(trunk: Any) -> dict[str, Tensor]:
    """A trunk's weights as the efficientnet_lite packages name and order them."""
    ours = {"bn1": "_bn0", "bn2": "_bn1", "conv_stem": "_conv_stem", "conv_head": "_conv_head"}
    first = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
    later = {"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1",
             "conv_pwl": "_project_conv", "bn3": "_bn2"}  # fmt: skip
    counts = [len(stage) for stage in trunk.blocks]
    renamed = {}
    for name, tensor in trunk.state_dict().items():
        parts = name.split(".")
        if parts[0] == "blocks":
            number = sum(counts[: int(parts[1])]) + int(parts[2])
            names = later if number else first
            renamed[f"_blocks.{number}.{names[parts[3]]}.{parts[4]}"] = tensor
        else:
            renamed[f"{ours[parts[0]]}.{parts[1]}"] = tensor
    return renamed


def test_the_lite_packages_names_map_to_every_name_of_timm() -> None:
    trunk = timm.create_model("tf_efficientnet_lite0", num_classes=0, global_pool="")
    expected = trunk.state_dict()
    renamed = rename_efficientnet_lite(in_package_names(trunk), trunk)
    assert renamed.keys() == expected.keys()
    assert all(
        renamed[name] is not None and torch.equal(renamed[name], expected[name])
        for name in expected
    )


def test_starting_weights_fill_the_trunk(tmp_path: Path) -> None:
    source = CGD(TINY).trunk
    weights = {**in_package_names(source), "_fc.weight": torch.zeros(10, 1280)}
    torch.save(weights, tmp_path / "weights.pth")
    target = CGD(TINY).trunk
    load_starting_weights(target, tmp_path / "weights.pth")
    for name, tensor in source.state_dict().items():
        assert torch.equal(target.state_dict()[name], tensor)


def test_starting_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match="do not fit"):
        load_starting_weights(CGD(TINY).trunk, tmp_path / "weights.pth")


def test_a_file_with_code_in_it_is_never_run(tmp_path: Path) -> None:
    torch.save({"weights": Path("/")}, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match="plain tensors"):
        load_starting_weights(CGD(TINY).trunk, tmp_path / "weights.pth")


def test_whitened_heads_keep_the_order_of_similarity_of_separated_groups() -> None:
    generator = torch.Generator().manual_seed(0)
    centers = 5 * torch.randn(4, 16, generator=generator)
    groups = torch.arange(40) // 10
    vectors = centers[groups] + torch.randn(40, 16, generator=generator) + 100
    weight, bias = principal_projection(vectors, 6, power=0.25)
    projected = torch.nn.functional.normalize(vectors @ weight.T + bias, dim=1)
    similarity = projected @ projected.T
    same = groups[:, None] == groups[None, :]
    assert similarity[same].mean() > similarity[~same].mean() + 0.5
    assert float((vectors @ weight.T + bias).norm(dim=1).mean()) == pytest.approx(1.0, rel=1e-3)
