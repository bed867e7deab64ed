"""The embedder: what workers rely on when they turn crops into vectors."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray

from catalog.errors import CheckpointError
from catalog.photos.decode import decode_crop, encode_crop
from models.checkpoints import load_card, load_weights, save_checkpoint, write_card
from models.crops import PLAIN, cut_crop
from models.embedding.cli import COMMANDS
from models.embedding.cli import SHIPPED as CHECKPOINTS
from models.embedding.infer import Embedder, letterbox, load_embedder
from models.embedding.network import CGD, Architecture
from sample.shop import draw_items

SHIPPED = CHECKPOINTS / "embedder"
TINY = Architecture(trunk="test_resnet", dimensions=24, side_px=64)


def make_crops(sizes: Sequence[tuple[int, int]], seed: int = 0) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("embedder")
    save_checkpoint(path, "embedding", TINY.as_json(), CGD(TINY).state_dict(), dimensions=24)
    return path


@pytest.fixture(scope="module")
def embedder(folder: Path) -> Embedder:
    return load_embedder(folder, "cpu")


def test_crops_of_any_size_become_rows_of_length_one(embedder: Embedder) -> None:
    rows = embedder.embed_crops(make_crops([(64, 64), (1, 90), (200, 31)]))
    assert rows.shape == (3, embedder.dimensions)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_no_crops_give_no_rows(embedder: Embedder) -> None:
    assert embedder.embed_crops([]).shape == (0, 24)


def test_a_crops_row_does_not_depend_on_its_batch(embedder: Embedder) -> None:
    crops = make_crops([(40, 60)] * 35)
    together = embedder.embed_crops(crops)
    alone = np.concatenate([embedder.embed_crops([crop]) for crop in crops])
    np.testing.assert_allclose(together, alone, atol=1e-3)


def test_the_same_crops_give_the_same_rows(embedder: Embedder) -> None:
    crops = make_crops([(40, 60), (60, 40)])
    np.testing.assert_array_equal(embedder.embed_crops(crops), embedder.embed_crops(crops))


def test_the_embedder_is_named_after_its_checkpoint(embedder: Embedder, folder: Path) -> None:
    assert embedder.checkpoint_id == load_card(folder, "embedding").id


def test_half_precision_on_disk_hardly_moves_the_rows(folder: Path) -> None:
    torch.manual_seed(0)
    exact = Embedder(CGD(TINY), TINY, "exact")
    crops = make_crops([(50, 50)] * 4)
    rows = load_embedder(folder, "cpu").embed_crops(crops)
    assert (exact.embed_crops(crops) * rows).sum(axis=1).min() > 0.999


def test_a_loaded_checkpoint_computes_what_was_saved(folder: Path) -> None:
    torch.manual_seed(0)
    network = CGD(TINY)
    halved = {k: v.half().float() if v.is_floating_point() else v
              for k, v in network.state_dict().items()}  # fmt: skip
    network.load_state_dict(halved)
    crops = make_crops([(50, 50), (30, 70)])
    saved = Embedder(network, TINY, "saved").embed_crops(crops)
    np.testing.assert_allclose(load_embedder(folder, "cpu").embed_crops(crops), saved, atol=1e-6)


def test_bfloat16_arithmetic_keeps_the_rows_within_a_hundredth(folder: Path) -> None:
    embedder = load_embedder(folder, "cpu")
    crops = make_crops([(50, 50)] * 4)
    rows = embedder.embed_crops(crops)
    with torch.autocast("cpu", torch.bfloat16):
        coarse = embedder.embed_crops(crops)
    assert (rows * coarse).sum(axis=1).min() > 0.99


def corners(box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    left, top, width, height = box
    return left, top, left + width, top + height


def test_the_workers_coding_of_a_crop_keeps_its_row() -> None:
    embedder = load_embedder(SHIPPED, "cpu")
    photos = [next(item.photos()) for item in draw_items(4, seed=3, side_px=320)]
    worn = [(photo, photo.garments[0]) for photo in photos]
    crops = [cut_crop(p.pixels, corners(g.box), g.mask) for p, g in worn]
    direct = embedder.embed_crops(crops)
    coded = embedder.embed_crops([decode_crop(encode_crop(crop)) for crop in crops])
    assert (direct * coded).sum(axis=1).min() > 0.97


def test_a_batch_of_other_sizes_moves_a_row_by_less_than_a_hundred_thousandth(
    embedder: Embedder,
) -> None:
    crops = make_crops([(40, 60), (200, 31), (5, 5), (300, 300), (64, 64)])
    together = embedder.embed_crops(crops)
    for row, crop in zip(together, crops, strict=True):
        np.testing.assert_allclose(row, embedder.embed_crops([crop])[0], atol=1e-5)


def test_a_letterboxed_crop_keeps_its_shape_between_plain_bars() -> None:
    crop = np.zeros((100, 50, 3), dtype=np.uint8)
    square = letterbox(crop, 64)
    assert square.shape == (64, 64, 3)
    assert (square[:, :16] == PLAIN).all()
    assert (square[:, 48:] == PLAIN).all()
    assert (square[:, 16:48] == 0).all()


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    other = replace(TINY, descriptors="S")
    save_checkpoint(tmp_path, "embedding", other.as_json(), CGD(TINY).state_dict(), dimensions=24)
    with pytest.raises(CheckpointError, match="do not fit"):
        load_embedder(tmp_path)


def test_a_card_with_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, "embedding", {"trunk": "x"}, CGD(TINY).state_dict(), dimensions=24)
    with pytest.raises(CheckpointError, match="architecture needs exactly"):
        load_embedder(tmp_path)


def test_a_card_with_other_dimensions_is_refused(tmp_path: Path) -> None:
    card = save_checkpoint(
        tmp_path, "embedding", TINY.as_json(), CGD(TINY).state_dict(), dimensions=24
    )
    write_card(tmp_path, replace(card, dimensions=512))
    with pytest.raises(CheckpointError, match="dimensions"):
        load_embedder(tmp_path)


def make_foreign(network: Any) -> dict[str, torch.Tensor]:
    """A ResNet CGD under the names of the re-implementation, as DataParallel saves it."""
    numbers = {"conv1": 0, "bn1": 1, "layer1": 4, "layer2": 5, "layer3": 6, "layer4": 7}
    weights = {}
    for name, tensor in network.trunk.state_dict().items():
        part, _, rest = name.partition(".")
        weights[f"module.features.{numbers[part]}.{rest}"] = tensor
    for number, head in enumerate(network.heads):
        weights[f"module.main_modules.{number}.0.weight"] = head.weight.detach()
    weights["module.auxiliary_module.1.weight"] = torch.zeros(98, 2048)
    return weights


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CGD]:
    architecture = Architecture("resnet50", "SM", 16, 64, "stage3")
    network = CGD(architecture).eval()
    for head in network.heads:
        assert isinstance(head, torch.nn.Linear)
        torch.nn.init.zeros_(head.bias)
    path = tmp_path_factory.mktemp("foreign") / "model.pt"
    torch.save(make_foreign(network), path)
    return path, network


def run_import(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(COMMANDS["import-checkpoint embedding"], list(arguments))
    return result.exit_code, result.output


def test_a_foreign_checkpoint_embeds_as_its_own_network_does(
    foreign: tuple[Path, CGD], tmp_path: Path
) -> None:
    path, network = foreign
    code, output = run_import(str(path), str(tmp_path / "out"), "--side", "64")
    assert code == 0, output
    weights = load_weights(tmp_path / "out")
    expected = network.state_dict()
    assert weights.keys() == expected.keys()
    for name in ("trunk.conv1.weight", "trunk.layer4.2.bn3.bias", "heads.1.weight", "heads.0.bias"):
        torch.testing.assert_close(weights[name], expected[name], atol=1e-3, rtol=1e-3)
    card = load_card(tmp_path / "out", "embedding")
    assert card.architecture["stride"] == "stage3"
    assert card.dimensions == 16


def test_a_foreign_checkpoint_with_another_number_of_heads_is_refused(
    foreign: tuple[Path, CGD], tmp_path: Path
) -> None:
    code, output = run_import(str(foreign[0]), str(tmp_path / "out"), "--descriptors", "SMG")
    assert code == 1
    assert "2 heads, but 3 descriptors" in output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"backbone.conv.weight": torch.zeros(1)}, "not a part of a CGD network"),
        ({"features.0.weight": torch.zeros(1)}, "has no main_modules"),
        ({"a": Path("/")}, "plain tensors"),
        ([1, 2], "state dict"),
    ],
)
def test_foreign_files_that_are_no_cgd_are_refused(
    tmp_path: Path, content: object, message: str
) -> None:
    torch.save(content, tmp_path / "model.pt")
    code, output = run_import(str(tmp_path / "model.pt"), str(tmp_path / "out"))
    assert code == 1
    assert message in output


def test_a_file_that_torch_never_wrote_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"hello")
    code, output = run_import(str(tmp_path / "model.pt"), str(tmp_path / "out"))
    assert code == 1
    assert "plain tensors" in output
