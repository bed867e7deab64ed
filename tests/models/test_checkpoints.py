"""Checkpoint folders: what is saved comes back, and what is damaged is refused by name."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from catalog.errors import CheckpointError
from models import checkpoints
from models.checkpoints import load_card, load_weights, save_checkpoint, write_card

ARCHITECTURE = {"trunk": "tiny", "side_px": 8}


def make_weights(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "layer.weight": torch.randn(4, 3, generator=generator),
        "layer.bias": torch.randn(4, generator=generator),
        "steps": torch.tensor(7),
    }


SHIPPED = Path(checkpoints.__file__).parent / "checkpoints"
LARGEST_CLONE_BYTES = 64 * 2**20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_checkpoint(
        tmp_path / "checkpoint", "embedding", ARCHITECTURE, make_weights(), dimensions=4
    )
    return tmp_path / "checkpoint"


def test_weights_come_back_in_full_type_with_half_precision(folder: Path) -> None:
    weights = load_weights(folder)
    expected = make_weights()
    assert weights["layer.weight"].dtype == torch.float32
    assert torch.equal(weights["layer.weight"], expected["layer.weight"].half().float())
    assert weights["steps"].item() == 7


def test_the_card_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    saved = save_checkpoint(
        tmp_path,
        "segmentation",
        ARCHITECTURE,
        make_weights(),
        categories=("top", "dress"),
        score_threshold=0.5,
        data=({"name": "photos", "licence": "CC0-1.0", "split": "train"},),
        metrics={"AP50": {"value": 0.5, "command": "evaluate"}},
    )
    assert load_card(tmp_path, "segmentation") == saved


def test_the_id_depends_on_weights_architecture_and_categories_only(tmp_path: Path) -> None:
    def make_id(name: str, **changes: object) -> str:
        arguments = {"architecture": ARCHITECTURE, "state_dict": make_weights()} | changes
        return save_checkpoint(tmp_path / name, "embedding", **arguments).id  # type: ignore[arg-type]

    first = make_id("a")
    assert first.startswith("embedding-")
    assert len(first) == len("embedding-") + 12
    assert make_id("b", notes="measured again") == first
    assert make_id("c", state_dict=make_weights(seed=1)) != first
    assert make_id("d", architecture={"trunk": "other"}) != first
    assert make_id("e", categories=("top",)) != first


def test_large_weights_are_split_and_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = save_checkpoint(tmp_path / "whole", "embedding", ARCHITECTURE, make_weights())
    monkeypatch.setattr(checkpoints, "MAX_PART_BYTES", checkpoints._HEADER_ROOM + 26)
    card = save_checkpoint(tmp_path / "parts", "embedding", ARCHITECTURE, make_weights())
    names = sorted(path.name for path in (tmp_path / "parts").glob("weights*"))
    assert names == ["weights-00001-of-00002.safetensors", "weights-00002-of-00002.safetensors"]
    assert card.id == whole.id
    assert load_weights(tmp_path / "parts").keys() == make_weights().keys()


def test_all_shipped_weights_together_are_small_enough_for_a_clone() -> None:
    files = list(SHIPPED.rglob("*.safetensors"))
    assert {file.parent.name for file in files} == {"segmenter", "embedder"}
    assert sum(file.stat().st_size for file in files) <= LARGEST_CLONE_BYTES
    assert max(file.stat().st_size for file in files) <= checkpoints.MAX_PART_BYTES


def test_saving_over_a_split_checkpoint_leaves_none_of_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "MAX_PART_BYTES", checkpoints._HEADER_ROOM + 26)
        save_checkpoint(tmp_path, "embedding", ARCHITECTURE, make_weights())
    save_checkpoint(tmp_path, "embedding", ARCHITECTURE, make_weights(seed=1))
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"card.json", "weights.safetensors"}
    load_weights(tmp_path)


def test_values_beyond_half_precision_keep_full_precision(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, "embedding", ARCHITECTURE, {"variance": torch.tensor([1e6, 1.0])})
    assert load_weights(tmp_path)["variance"][0] == 1e6


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint here") as caught:
        load_card(tmp_path / "absent", "embedding")
    assert caught.value.folder == tmp_path / "absent"
    assert caught.value.permanent


def test_a_checkpoint_of_another_kind_is_refused(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="of kind embedding, not segmentation"):
        load_card(folder, "segmentation")


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', '{"format": 9}', "\xff"])
def test_a_card_that_is_no_card_is_refused(folder: Path, text: str) -> None:
    (folder / "card.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(CheckpointError, match=r"card\.json"):
        load_card(folder, "embedding")


def test_a_card_whose_architecture_was_edited_is_refused(folder: Path) -> None:
    fields = json.loads((folder / "card.json").read_text())
    fields["architecture"]["side_px"] = 9
    (folder / "card.json").write_text(json.dumps(fields))
    with pytest.raises(CheckpointError, match="does not fit its content"):
        load_card(folder, "embedding")


def test_a_new_measurement_keeps_the_id(folder: Path) -> None:
    card = load_card(folder, "embedding")
    write_card(folder, replace(card, metrics={"recall@1": 0.5}))
    assert load_card(folder, "embedding").id == card.id
    assert load_card(folder, "embedding").metrics == {"recall@1": 0.5}


def test_truncated_weights_are_refused(folder: Path) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match="damaged"):
        load_weights(folder)


def test_one_flipped_bit_in_the_weights_is_noticed(folder: Path) -> None:
    path = folder / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="not those that the card describes"):
        load_weights(folder)


def test_missing_weights_and_missing_parts_are_told_apart(folder: Path) -> None:
    (folder / "weights.safetensors").rename(folder / "weights-00001-of-00002.safetensors")
    with pytest.raises(CheckpointError, match="1 of 2 weight files"):
        load_weights(folder)
    (folder / "weights-00001-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match="is missing"):
        load_weights(folder)


def test_a_card_is_read_without_torch(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from models.checkpoints import load_card;"
        f"print(load_card(Path({str(folder)!r}), 'embedding').dimensions, 'torch' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["4", "False"]
