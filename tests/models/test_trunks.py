"""Trunks of several timm families: features, freezing, weights to begin with; and stage two."""

from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from catalog.errors import CheckpointError, InputError
from models.segmentation.architecture import CascadeConfig, build_cascade, published_config
from models.segmentation.compat import EventStorage
from models.segmentation.ship import make_checkpoint
from models.segmentation.transfer import Transfer, fit_to_checkpoint, move_rows, take_over
from models.segmentation.trunk_weights import (
    fill_trunk,
    fit_pixels,
    read_trunk_weights,
    rename_resnet,
)
from models.segmentation.trunks import (
    TimmTrunk,
    check_trunk,
    freeze_batch_norm,
    freeze_trunk,
)
from models.segmentation.views import View, to_detectron2
from tests.models.tiny_training import TINY, draw_photo

# An EfficientNet, a ResNet, a MobileNet, a patchified network, and one with channels last.
FAMILIES = (
    "tf_efficientnet_lite0",
    "test_resnet",
    "mobilenetv3_small_050",
    "test_convnext",
    "test_mambaout",
    "regnetx_002",
)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_network_of_any_family_takes_a_training_step(name: str) -> None:
    config = replace(TINY, trunk=name)
    model = build_cascade(config).train()
    trunk = model.backbone.bottom_up
    check_trunk(trunk)
    freeze_trunk(trunk, 2)
    freeze_batch_norm(model)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)
    photo, garments = draw_photo(0)
    with EventStorage():
        sum(model([to_detectron2(View(photo, tuple(garments)), config)]).values()).backward()
    optimiser.step()
    after = model.state_dict()
    changed = {k for k in after if not torch.equal(before[k], after[k])}
    assert any(k.startswith("backbone.bottom_up") for k in changed)
    with torch.no_grad():
        images = torch.randn(1, 3, 64, 96)
        fresh = build_cascade(config).backbone.bottom_up
        fresh.load_state_dict({k.removeprefix("backbone.bottom_up."): v for k, v in before.items()
                               if k.startswith("backbone.bottom_up")})  # fmt: skip
        assert torch.equal(fresh.eval()(images)["res2"], trunk.eval()(images)["res2"])
        assert not torch.equal(fresh(images)["res5"], trunk(images)["res5"])


def frozen_names(name: str, stages: int) -> set[str]:
    trunk = TimmTrunk(name)
    freeze_trunk(trunk, stages)
    return {n.split(".")[0] for n, p in trunk.network.named_parameters() if not p.requires_grad}


def test_what_is_frozen_are_the_modules_up_to_a_stage() -> None:
    assert frozen_names("test_resnet", 0) == set()
    assert frozen_names("test_resnet", 1) == {"conv1", "bn1"}
    assert frozen_names("test_resnet", 3) == {"conv1", "bn1", "layer1", "layer2"}
    assert frozen_names("test_convnext", 2) == {"stem_0", "stem_1", "stages_0"}
    with pytest.raises(InputError, match=r"no stem of its own.*set frozen_stages to 0, or to 2"):
        frozen_names("test_convnext", 1)
    with pytest.raises(InputError, match=r"0 \(none\) to 5"):
        frozen_names("test_resnet", 6)


def test_freezing_a_resnet_of_detectron2_counts_alike() -> None:
    trunk = build_cascade(published_config()).backbone.bottom_up
    freeze_trunk(trunk, 2)
    frozen = {n.split(".")[0] for n, p in trunk.named_parameters() if not p.requires_grad}
    assert frozen == {"stem", "res2"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("test_vit", r"strides \[16, 16, 16\].*\[4, 8, 32\] are missing"),
        ("swin_tiny_patch4_window7_224", "does not take photos of any size"),
        ("resnet_18", "no network 'resnet_18'; did you mean"),
    ],
)
def test_a_network_that_can_not_be_a_trunk_is_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_trunk(TimmTrunk(name))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_classifier_s_file_fills_the_trunk_of_its_network(
    name: str, suffix: str, tmp_path: Path
) -> None:
    classifier = timm.create_model(name)
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(classifier.state_dict(), path)
    else:
        save_file({k: v.contiguous() for k, v in classifier.state_dict().items()}, path)
    trunk = TimmTrunk(name).eval()
    fill_trunk(trunk, read_trunk_weights(path), path)
    photos = torch.randn(1, 3, 64, 96)
    wanted = timm.create_model(name, features_only=True).eval()
    with torch.no_grad():
        given = trunk(photos)["res5"]
        expected = classifier.eval().forward_intermediates(
            photos, intermediates_only=True, output_fmt="NCHW"
        )
    assert any(e.shape == given.shape and torch.allclose(e, given, atol=1e-5) for e in expected)
    assert wanted.state_dict().keys() == trunk.network.state_dict().keys()


def test_weights_of_another_network_are_refused_with_the_first_that_is_missing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(timm.create_model("test_convnext").state_dict(), path)
    with pytest.raises(CheckpointError, match=r"do not fit the trunk: .*first conv1"):
        fill_trunk(TimmTrunk("test_resnet"), read_trunk_weights(path), path)
    (tmp_path / "cut.safetensors").write_bytes(b"cut")
    with pytest.raises(CheckpointError, match="can't be read"):
        read_trunk_weights(tmp_path / "cut.safetensors")


def as_caffe(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """torchvision's names as R-50.pkl has them, without the statistics, which are folded in."""
    named = {}
    for name, tensor in weights.items():
        if "running" in name or "num_batches" in name or name.startswith("fc"):
            continue
        module, leaf = name.rsplit(".", 1)
        is_norm = "bn" in module or module.endswith("downsample.1")
        suffix = {"weight": "_bn_s" if is_norm else "_w", "bias": "_bn_b"}[leaf]
        if module in ("conv1", "bn1"):
            named["res_conv1" + suffix if is_norm else "conv1" + suffix] = tensor
            continue
        layer, block, rest = module.split(".", 2)
        branch = "branch1" if rest.startswith("down") else "branch2" + "abc"[int(rest[-1]) - 1]
        named[f"res{int(layer[-1]) + 1}_{block}_{branch}{suffix}"] = tensor
    return named


def test_a_resnet_takes_torchvision_s_and_caffe_s_files_in_their_own_form_of_pixels() -> None:
    from torchvision.models import resnet50

    torch.manual_seed(0)
    network = resnet50().eval()
    weights = network.state_dict()
    weights["bn1.running_mean"] += 0.1
    config = fit_pixels(published_config(), weights)
    assert (config.channel_order, config.stride_in_1x1) == ("RGB", False)
    trunk = build_cascade(config).backbone.bottom_up.eval()
    fill_trunk(trunk, weights, Path("resnet50.pth"))
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        x = network.maxpool(network.relu(network.bn1(network.conv1(images))))
        expected = network.layer4(network.layer3(network.layer2(network.layer1(x))))
        torch.testing.assert_close(trunk(images)["res5"], expected, rtol=1e-3, atol=1e-3)
    caffe = as_caffe(weights)
    assert fit_pixels(published_config(), caffe) == published_config()
    fill_trunk(trunk, caffe, Path("R-50.pkl"))
    assert torch.equal(trunk.state_dict()["res4.5.conv3.weight"], weights["layer3.5.conv3.weight"])
    assert torch.equal(trunk.state_dict()["stem.conv1.norm.weight"], weights["bn1.weight"])
    with pytest.raises(CheckpointError, match="of its 265 tensors"):
        fill_trunk(trunk, {k: v for k, v in weights.items() if "layer4" not in k}, Path("x.pth"))
    assert "res2.0.shortcut.norm.bias" in rename_resnet(weights)


OLD, NEW = ("dress", "vest", "bag"), ("vest", "coat", "dress", "hat")


def test_rows_of_the_same_name_move_to_their_new_places() -> None:
    scores = "roi_heads.box_predictor.0.cls_score.weight"
    masks = "roi_heads.mask_head.predictor.bias"
    given = {scores: torch.arange(4.0)[:, None] + 10, masks: torch.arange(3.0), "x": torch.ones(2)}
    own = {scores: -torch.ones(5, 1), masks: -torch.ones(4), "x": torch.zeros(2)}
    filled = move_rows(own, given, OLD, NEW, Path("stage-one"))
    assert filled[scores][:, 0].tolist() == [11, -1, 10, -1, 13]  # the last is background
    assert filled[masks].tolist() == [1, -1, 0, -1]
    assert filled["x"].tolist() == [1, 1]
    same = move_rows(given, given, OLD, OLD, Path("stage-one"))
    assert all(torch.equal(same[name], given[name]) for name in given)


def make_stage_one(folder: Path, config: CascadeConfig) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    weights = build_cascade(config).state_dict()
    torch.save(weights, folder.with_suffix(".pt"))
    make_checkpoint(folder.with_suffix(".pt"), folder, config)
    return weights


def test_stage_two_takes_over_all_but_the_new_categories(tmp_path: Path) -> None:
    weights = make_stage_one(tmp_path / "one", replace(TINY, categories=OLD))
    config = replace(TINY, categories=NEW)
    torch.manual_seed(4)
    model = build_cascade(config)
    own = {k: v.clone() for k, v in model.state_dict().items()}
    transfer = take_over(model, config, tmp_path / "one")
    assert transfer == Transfer(("vest", "dress"), ("coat", "hat"), ("bag",))
    assert "re-initialised for 2 (coat, hat); dropped: 1 (bag)" in str(transfer)
    for name, tensor in model.state_dict().items():
        if tensor.shape == weights[name].shape:
            torch.testing.assert_close(tensor, weights[name], atol=1e-3, rtol=1e-3)
    name = "roi_heads.box_predictor.2.cls_score.weight"
    row = model.state_dict()[name]
    assert torch.equal(row[1], own[name][1])
    torch.testing.assert_close(row[2], weights[name][0], atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(row[4], weights[name][3], atol=1e-3, rtol=1e-3)


def test_the_checkpoint_s_form_of_pixels_is_kept_and_another_network_refused(
    tmp_path: Path,
) -> None:
    make_stage_one(tmp_path / "one", replace(TINY, categories=OLD, pixel_mean=(1.0, 2.0, 3.0)))
    config = fit_to_checkpoint(replace(TINY, categories=NEW), tmp_path / "one")
    assert (config.pixel_mean, config.categories) == ((1.0, 2.0, 3.0), NEW)
    with pytest.raises(InputError, match=r"fpn_channels is 48, there 32; choose the checkpoint's"):
        fit_to_checkpoint(replace(TINY, fpn_channels=48), tmp_path / "one")
