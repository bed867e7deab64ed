"""A training run of the segmenter: it learns, survives a kill, shares work and says what it is."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from catalog.errors import CheckpointError, InputError
from models.checkpoints import load_card, load_weights, save_checkpoint
from models.segmentation.architecture import build_cascade
from models.segmentation.compat import EventStorage
from models.segmentation.infer import FoundGarment, Segmenter, load_segmenter
from models.segmentation.optimise import MOST_SKIPPED, Learner, choose_precision
from models.segmentation.plan import Machine, make_plan
from models.segmentation.ranks import count_processes, run_on_ranks
from models.segmentation.recipe import load_recipe
from models.segmentation.train import train_segmenter
from models.segmentation.trunks import freeze_batch_norm
from models.segmentation.views import Source, View, to_detectron2
from tests.models.tiny_training import (
    OPTIONS,
    TINY,
    draw_folder,
    draw_photo,
    on_two_ranks,
    plan_run,
)

# pycocotools 2 still answers NumPy 2 in the old way, with a warning each time.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RECIPE = """
[architecture]
trunk = "test_resnet"
fpn_channels = 32
box_head_size = 64
mask_head_size = 32
mask_head_layers = 1
proposals = 50
rois_per_photo = 32
short_side_px = 96
long_side_px = 128
[training]
steps = 12
batch_photos = 2
learning_rate = 1e-3
frozen_stages = 2
validations = 0
[augment]
min_side_px = 64
max_side_px = 96
max_long_side_px = 128
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("prepared") / "eight")


def read_lines(run: Path) -> list[dict[str, object]]:
    path = run / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture(scope="module")
def learned(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "learned"
    settings = {"steps": 120, "validations": 2, "average_decay": 0.95, "log_every": 20}
    train_segmenter(plan_run(folder, out, licence="CC0-1.0", command="lookalike train", **settings))
    return out


def test_eight_drawn_photos_are_learned_by_heart(learned: Path) -> None:
    best = load_card(learned / "checkpoint", "segmentation").training["best"]
    assert best["folders"]["eight"]["box"]["AP50"] > 95
    assert best["folders"]["eight"]["mask"]["AP50"] > 95
    lines = read_lines(learned)
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[-1] < 0.6 * losses[0]  # type: ignore[operator]
    assert [line["step"] for line in lines if "validation" in line] == [60, 120]
    assert list((learned / "tensorboard").iterdir())


def compare(
    one: list[list[FoundGarment]], other: list[list[FoundGarment]]
) -> tuple[float, float, float]:
    """The largest change of a score and of a box side in pixels, and the least IoU of masks.

    Of every garment with a score of .5 in `one` and the nearest of its category in `other`.
    """
    scores, sides, overlaps = [0.0], [0.0], [1.0]
    for garments, others in zip(one, other, strict=True):
        for a in (garment for garment in garments if garment.score >= 0.5):
            same = [garment for garment in others if garment.category == a.category]
            b = min(same, key=lambda garment: np.abs(np.subtract(garment.box, a.box)).max())
            scores.append(abs(a.score - b.score))
            sides.append(float(np.abs(np.subtract(a.box, b.box)).max()))
            overlaps.append(float((a.mask & b.mask).sum() / (a.mask | b.mask).sum()))
    return max(scores), max(sides), min(overlaps)


def test_saved_in_half_precision_and_loaded_a_checkpoint_answers_as_before(
    learned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = [draw_photo(index)[0] for index in range(8)]
    model = build_cascade(TINY)
    model.load_state_dict(torch.load(learned / "best.pt", weights_only=True))
    checkpoint = learned / "checkpoint"
    monkeypatch.setattr("models.devices.runs_bfloat16_fast", lambda _: False)
    trained = Segmenter(model, TINY, "x", 0.2, None).segment_photos(photos)
    loaded = load_segmenter(checkpoint, "cpu", 0.2, None).segment_photos(photos)
    score, side, overlap = compare(trained, loaded)
    assert score < 0.005  # measured: 0.0005, 0.01 px
    assert side < 0.1
    assert overlap > 0.99
    monkeypatch.setattr("models.devices.runs_bfloat16_fast", lambda _: True)
    half = load_segmenter(checkpoint, "cpu", 0.2, None).segment_photos(photos)
    score, side, overlap = compare(loaded, half)
    assert score < 0.03  # measured: 0.007, 0.06 px
    assert side < 0.5
    assert overlap > 0.95


def test_a_checkpoint_saved_again_is_the_same_checkpoint(learned: Path, tmp_path: Path) -> None:
    card = load_card(learned / "checkpoint", "segmentation")
    weights = load_weights(learned / "checkpoint")
    again = save_checkpoint(
        tmp_path / "again", card.kind, card.architecture, weights, categories=card.categories
    )
    assert again.id == card.id


LONE = Machine("cpu", 1, 1, "float32")


def start_run(folder: Path, out: Path) -> subprocess.Popen[str]:
    words = ["train", "segmentation", "--recipe", str(out.parent / "tiny.toml")]
    words += ["--data", str(folder), "--out", str(out), "--device", "cpu", "--threads", "1"]
    words += ["--save-every", "0", "--precision", "float32"]
    return subprocess.Popen(
        [sys.executable, "-m", "lookalike", *words], stdout=subprocess.PIPE, text=True
    )


def read_state_step(out: Path) -> int:
    path = out / "state.pt"
    return int(torch.load(path, weights_only=True)["step"]) if path.exists() else 0


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_a_killed_run_goes_on_and_ends_as_if_it_had_never_been_cut(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    process = start_run(folder, cut)
    while read_state_step(cut) < 3 and process.poll() is None:
        time.sleep(0.02)  # the run itself says how far it is; this only asks it again
    process.kill()
    process.communicate()
    stopped_at = read_state_step(cut)
    assert 3 <= stopped_at < 12
    for out in (cut, whole):
        train_segmenter(make_plan(load_recipe(str(recipe)), [Source(folder)], out, machine=LONE))
    assert f"going on at step {stopped_at}" in capsys.readouterr().out
    one, other = load_weights(whole / "checkpoint"), load_weights(cut / "checkpoint")
    assert all(torch.equal(one[name], other[name]) for name in one)
    description = json.loads((cut / "run.json").read_text())
    assert [s["from_step"] for s in description["sessions"]] == [0, stopped_at]
    assert description["versions"]["torch"] == torch.__version__


@pytest.fixture
def finished(folder: Path, tmp_path: Path) -> Path:
    train_segmenter(plan_run(folder, tmp_path / "run", steps=1))
    return tmp_path / "run"


def test_a_state_that_is_not_this_run_s_is_refused_with_the_difference(
    folder: Path, finished: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"training.learning_rate is 0.1, was 0.003"):
        train_segmenter(plan_run(folder, finished, learning_rate=0.1))
    other = draw_folder(tmp_path / "other")
    with pytest.raises(InputError, match="other:1 with 8 photos"):
        train_segmenter(plan_run(other, finished))
    state = finished / "state.pt"
    content = state.read_bytes()
    state.write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=r"state.pt: is damaged .*remove the file"):
        train_segmenter(plan_run(folder, finished))
    torch.save({"model": {}, "step": 3}, state)
    with pytest.raises(CheckpointError, match="not written by this version"):
        train_segmenter(plan_run(folder, finished))


def test_a_finished_run_can_be_given_more_steps(folder: Path, finished: Path) -> None:
    train_segmenter(plan_run(folder, finished, steps=3))
    card = load_card(finished / "checkpoint", "segmentation")
    assert card.training["steps"] == 3
    assert [line["step"] for line in read_lines(finished)] == [1, 2, 3]


def test_the_card_says_what_was_trained_on_and_claims_no_licence(finished: Path) -> None:
    card = load_card(finished / "checkpoint", "segmentation")
    assert card.licence == ""
    assert card.data == ({"name": "eight", "share": 1.0, "photos": {"train": 8, "val": 8}},)
    assert card.training["recipe"] == "tiny"
    assert card.training["settings"]["training"]["learning_rate"] == 3e-3


def test_two_processes_average_their_gradients_and_stay_in_step(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    plan = plan_run(folder, out, steps=2, validations=1, val_photos=5, threads=1)
    run_on_ranks(on_two_ranks, plan, 2, "cpu")
    first, second = (torch.load(out / f"rank-{n}.pt", weights_only=True) for n in range(2))
    for key in ("weights", "average"):
        assert all(torch.equal(v, second[key][name]) for name, v in first[key].items())
    untrained = build_cascade(TINY).state_dict()
    assert first["weights"].keys() == untrained.keys()
    assert first["mean"].tolist() == second["mean"].tolist() == [0.5, 5.0]
    assert first["first"] == second["first"] == 0.5
    assert (first["gathered"], second["gathered"]) == (list("abcde"), None)
    assert [line["step"] for line in read_lines(out)] == [1, 2, 2]
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 1)
    layer(torch.arange(6.0).reshape(2, 3)).pow(2).mean().backward()
    for rank in range(2):
        gradient = torch.load(out / f"gradient-{rank}.pt", weights_only=True)
        torch.testing.assert_close(gradient, layer.weight.grad)


def test_a_batch_that_can_not_be_shared_evenly_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="3 processes can't share a batch of 2"):
        train_segmenter(plan_run(folder, tmp_path / "run", processes=3))
    assert count_processes(None, "cpu") == 1


def make_learner(precision: torch.dtype) -> Learner:
    torch.manual_seed(0)
    model = build_cascade(TINY).train()
    freeze_batch_norm(model)
    return Learner(model, model, OPTIONS, precision)


def make_batch() -> list[dict[str, object]]:
    photo, garments = draw_photo(0)
    return [to_detectron2(View(photo, tuple(garments)), TINY)]


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_half_precision_scales_its_losses_and_learns(precision: torch.dtype) -> None:
    learner = make_learner(precision)
    assert learner.scaler.is_enabled() == (precision == torch.float16)
    before = [p.detach().clone() for p in learner.model.parameters() if p.requires_grad]
    with EventStorage():
        torch.manual_seed(1)
        half = learner.take_step(make_batch(), 1.0)
        torch.manual_seed(1)
        full = make_learner(torch.float32).take_step(make_batch(), 1.0)
    after = [p for p in learner.model.parameters() if p.requires_grad]
    assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True))
    assert float(sum(half.values())) == pytest.approx(float(sum(full.values())), rel=0.05)


def test_a_step_without_finite_gradients_changes_nothing_and_many_end_the_run() -> None:
    learner = make_learner(torch.float32)
    before = {name: value.clone() for name, value in learner.model.state_dict().items()}
    for parameter in learner.model.parameters():
        parameter.grad = torch.full_like(parameter, float("nan"))
    learner._step()
    assert all(torch.equal(before[k], v) for k, v in learner.model.state_dict().items())
    learner.skipped = MOST_SKIPPED
    with pytest.raises(InputError, match=r"diverged.*lower training.learning_rate"):
        learner._step()


def test_the_precision_follows_the_device_unless_it_is_named() -> None:
    cpu = torch.device("cpu")
    assert choose_precision("float16", cpu) == torch.float16
    assert choose_precision("auto", cpu) in (torch.bfloat16, torch.float32)
