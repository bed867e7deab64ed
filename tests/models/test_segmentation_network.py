"""The segmenter's network: detectron2 loads, foreign weights fit or are refused, it learns."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from catalog.errors import CheckpointError, InputError
from catalog.taxonomy import KFASHION_CATEGORIES
from models.segmentation import compat
from models.segmentation.architecture import CascadeConfig, build_cascade, published_config
from models.segmentation.augment import View
from models.segmentation.cli import import_checkpoint
from models.segmentation.foreign import import_detectron2, infer_config, read_weights
from models.segmentation.infer import load_segmenter
from models.segmentation.recipe import TrainOptions
from models.segmentation.schedule import rate_factor
from models.segmentation.suppress import merge_duplicates
from models.segmentation.trunks import TimmTrunk, freeze_trunk
from models.segmentation.views import to_detectron2
from models.starting_weights import load_starting_weights, rename_efficientnet_lite

TINY = CascadeConfig(
    trunk="tf_efficientnet_lite0",
    fpn_channels=32,
    box_head_size=32,
    mask_head_size=32,
    mask_head_layers=1,
    proposals=50,
    rois_per_photo=32,
    short_side_px=128,
)


def test_the_stand_in_for_the_compiled_part_refuses_what_it_has_not_got() -> None:
    from detectron2 import _C

    with pytest.raises(AttributeError):
        _C.nms_rotated  # noqa: B018
    assert compat.GeneralizedRCNN.__module__.startswith("detectron2.")


def test_a_config_comes_back_from_its_card() -> None:
    assert CascadeConfig.from_card(TINY.to_card()) == TINY
    with pytest.raises(InputError, match="colour"):
        CascadeConfig.from_card({"colour": "red"})


def test_the_published_recipe_has_the_sizes_that_detectron2_prints() -> None:
    with torch.device("meta"):
        model = build_cascade(published_config(KFASHION_CATEGORIES))
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert shapes["roi_heads.box_head.2.fc1.weight"] == (1024, 256 * 7 * 7)
    assert shapes["roi_heads.box_predictor.0.cls_score.weight"] == (22, 1024)
    assert shapes["roi_heads.mask_head.mask_fcn4.weight"] == (256, 256, 3, 3)
    assert shapes["backbone.bottom_up.res4.5.conv3.weight"] == (1024, 256, 1, 1)


def old_names(trunk: TimmTrunk) -> dict[str, torch.Tensor]:
    """The trunk's tensors under EfficientNet-PyTorch's names, made block by block by hand."""
    weights = {}
    network = trunk.network
    count = 0
    parts = {True: ("conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"),
             False: ("conv_dw", "bn1", "conv_pw", "bn2")}  # fmt: skip
    names = {True: ("_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_project_conv", "_bn2"),
             False: ("_depthwise_conv", "_bn1", "_project_conv", "_bn2")}  # fmt: skip
    for stage in network.blocks:
        for unit in stage:
            expands = hasattr(unit, "conv_pwl")
            for new, old in zip(parts[expands], names[expands], strict=True):
                for leaf, value in getattr(unit, new).state_dict().items():
                    weights[f"_blocks.{count}.{old}.{leaf}"] = value
            count += 1
    for new, old in (("conv_stem", "_conv_stem"), ("bn1", "_bn0")):
        for leaf, value in getattr(network, new).state_dict().items():
            weights[f"{old}.{leaf}"] = value
    return weights


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "tf_efficientnet_lite2"])
def test_every_tensor_of_a_trunk_is_found_under_its_old_name(name: str) -> None:
    trunk = TimmTrunk(name)
    renamed = rename_efficientnet_lite(old_names(trunk), trunk.network)
    wanted = trunk.network.state_dict()
    assert renamed.keys() == wanted.keys()
    assert all(torch.equal(renamed[key], wanted[key]) for key in wanted)


def test_trunk_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    torch.save(old_names(TimmTrunk("tf_efficientnet_lite2")), tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match="do not fit"):
        load_starting_weights(TimmTrunk("tf_efficientnet_lite0").network, tmp_path / "weights.pth")


def test_depthwise_filters_and_the_first_stages_are_frozen() -> None:
    trunk = TimmTrunk("tf_efficientnet_lite0")
    freeze_trunk(trunk, 3, depthwise=True)
    trained = {name for name, p in trunk.network.named_parameters() if p.requires_grad}
    assert trained
    assert not any("conv_dw" in name or name.startswith("conv_stem") for name in trained)
    assert not any(name.startswith(("blocks.0", "blocks.1", "blocks.2")) for name in trained)


def test_one_garment_under_two_names_comes_out_once() -> None:
    coat, jacket, dress = np.zeros((3, 40, 40), bool)
    coat[5:35, 5:35], jacket[6:35, 5:35], dress[5:35, 14:24] = True, True, True
    masks = np.stack([coat, jacket, dress, jacket])
    merged = merge_duplicates(masks, [0.3, 0.4, 0.5, 0.2], [12, 11, 4, 11], 0.7)
    assert [index for index, _ in merged] == [1, 2]
    assert [score for _, score in merged] == pytest.approx([0.7, 0.5])


def test_one_shoe_of_a_pair_is_no_garment_of_its_own() -> None:
    masks = np.zeros((3, 10, 10), bool)
    masks[0, 2:8, 1:4] = masks[0, 2:8, 6:9] = True  # the pair
    masks[1, 2:8, 1:4] = True  # the left one
    masks[2, 2:8, 1:4] = True  # the left one as something else
    shoes, sock = 16, 3
    assert merge_duplicates(masks, [0.9, 0.8, 0.5], [shoes, shoes, sock], 0.7) == [
        (0, 0.9), (2, 0.5),
    ]  # fmt: skip


def test_an_empty_mask_is_no_garment() -> None:
    assert merge_duplicates(np.zeros((2, 5, 5), bool), [0.9, 0.8], [1, 2], 0.7) == []
    assert merge_duplicates(np.zeros((0, 5, 5), bool), [], [], 0.7) == []


def test_the_rate_rises_then_falls() -> None:
    options = TrainOptions()
    values = [rate_factor(p / 100, options) for p in range(101)]
    assert values[3] == pytest.approx(1.0)
    assert values[0] < values[1] < values[2]
    assert values[3:] == sorted(values[3:], reverse=True)
    assert values[-1] == pytest.approx(options.final_rate_factor)


def test_a_photo_without_garments_can_be_trained_on() -> None:
    entry = to_detectron2(View(np.zeros((64, 48, 3), np.uint8), ()), TINY)
    assert entry["image"].shape == (3, 64, 48)
    assert len(entry["instances"]) == 0


@pytest.fixture(scope="module")
def foreign_weights() -> dict[str, torch.Tensor]:
    return build_cascade(published_config(KFASHION_CATEGORIES)).state_dict()


@pytest.mark.parametrize("suffix", [".pth", ".pkl"])
def test_a_foreign_cascade_becomes_a_checkpoint(
    suffix: str, foreign_weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    file, out = tmp_path / f"model{suffix}", tmp_path / "out"
    if suffix == ".pth":
        torch.save({"model": foreign_weights, "iteration": 3}, file)
    else:
        arrays = {name: value.numpy() for name, value in foreign_weights.items()}
        arrays["pixel_mean"] = np.zeros((3, 1, 1), np.float32)
        file.write_bytes(pickle.dumps({"model": arrays, "__author__": "somebody"}))
    result = CliRunner().invoke(import_checkpoint, [str(file), str(out)])
    assert result.exit_code == 0, result.output
    segmenter = load_segmenter(out, device="cpu")
    assert segmenter.categories == KFASHION_CATEGORIES


def test_weights_of_another_architecture_are_refused_by_name(
    foreign_weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.save({"model": {"conv1.weight": torch.zeros(1)}}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="no Cascade Mask R-CNN"):
        import_detectron2(tmp_path / "a.pth", tmp_path / "out")
    with pytest.raises(CheckpointError, match="21 categories, but 2"):
        infer_config(foreign_weights, tmp_path / "b.pth", ["one", "two"])


class Malicious:
    """Unpickles to a call that leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("suffix", [".pth", ".pkl"])
def test_a_malicious_file_is_refused_and_runs_nothing(suffix: str, tmp_path: Path) -> None:
    file, trace = tmp_path / f"model{suffix}", tmp_path / "trace"
    content = {"model": {"x": Malicious(trace)}}
    if suffix == ".pth":
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(content))
    with pytest.raises(CheckpointError, match="weights alone"):
        read_weights(file)
    assert not trace.exists()
