"""Training: recipes, one tiny run that must learn by heart, and runs that are killed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray

from catalog.errors import InputError
from models.checkpoints import load_card, load_weights
from models.embedding.augment import Augmentation, make_view
from models.embedding.batches import BatchPlan, number_classes
from models.embedding.cli import COMMANDS
from models.embedding.crop_set import CropRecord, plain_crop, read_crop, read_records
from models.embedding.evaluate import embed_subjects, measure
from models.embedding.heads import train_heads
from models.embedding.infer import load_embedder
from models.embedding.losses import LossSettings
from models.embedding.metrics import hits_at, rank_gallery
from models.embedding.network import CGD, Architecture
from models.embedding.recipe import list_recipes, load_recipe
from models.embedding.settings import HeadSettings, Recipe, TrunkSettings, ValidationSettings
from models.embedding.step import TrainingStep
from models.embedding.subjects import read_subjects
from models.embedding.train import Job, Listener, train_embedding
from models.embedding.validation import Best, Validator
from tests.models.striped_photos import write_crops, write_prepared

pytestmark = [
    # pycocotools 2 still answers NumPy 2 in the old way, with a warning each time.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

TINY = Architecture(trunk="test_resnet", dimensions=24, side_px=64)
CHANNELS = 96  # of the tiny trunk's feature map
MILD = Augmentation(zoom=0.0, other_background=0.0, keep_background=0.0)
RECIPE = Recipe(
    architecture=TINY,
    trunk=TrunkSettings(
        steps=80, side_px=64, warmup=5, averaging=0.8, trunk_rate=1e-3, frozen=("conv1",)
    ),
    batches=BatchPlan(groups=2, items=4, views=2),
    losses=LossSettings(category_weight=0.0),
)


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_crops(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "start.pth"
    torch.save(CGD(TINY).trunk.state_dict(), path)
    return path


def make_job(crops: Path, start: Path, out: Path, validate: Sequence[Path] = ()) -> Job:
    return Job(crops, out, start, validate=tuple(validate), device="cpu")


def test_a_tiny_run_learns_eight_items_by_heart(crops: Path, start: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    job = make_job(crops, start, tmp_path / "out")
    card = train_embedding(job, RECIPE, Listener(lines.append))
    assert load_card(tmp_path / "out", "embedding") == card
    embedder = load_embedder(tmp_path / "out", "cpu")
    rng = np.random.default_rng(1)
    records = read_records(crops)
    pairs = [read_crop(crops, record) for record in records]
    gallery = embedder.embed_crops([plain_crop(*pair) for pair in pairs])
    queries = embedder.embed_crops([make_view(*pair, 64, MILD, rng) for pair in pairs])
    names = [record.identity for record in records]
    assert hits_at(rank_gallery(queries, gallery, 1), names, names, 1).mean() == 1
    assert lines[-1].startswith("step 80: ranking")
    assert not list((tmp_path / "out" / "run").glob("*.pt"))


class Killed(Exception):
    """Stands for a kill."""


def kill_after(steps: int) -> Listener:
    def advance(done: int, total: int) -> None:
        if done == steps:
            raise Killed

    return Listener(lambda line: None, advance)


QUICK = replace(RECIPE, trunk=replace(RECIPE.trunk, steps=8), save_every_s=0.0,
                validation=ValidationSettings(every=3))  # fmt: skip


def test_a_killed_run_ends_where_an_undisturbed_one_does(
    crops: Path, start: Path, tmp_path: Path
) -> None:
    quiet = Listener(lambda line: None)
    straight = make_job(crops, start, tmp_path / "straight", [crops])
    train_embedding(straight, QUICK, quiet)
    job = make_job(crops, start, tmp_path / "killed", [crops])
    with pytest.raises(Killed):
        train_embedding(job, QUICK, kill_after(5))
    assert not (tmp_path / "killed" / "card.json").exists()
    lines: list[str] = []
    train_embedding(job, QUICK, Listener(lines.append))
    assert lines[0] == "going on after step 5"
    first, second = load_weights(tmp_path / "straight"), load_weights(tmp_path / "killed")
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, atol=1e-5, rtol=1e-3)


def test_another_recipe_does_not_go_on_with_a_killed_run(
    crops: Path, start: Path, tmp_path: Path
) -> None:
    job = make_job(crops, start, tmp_path / "out")
    with pytest.raises(Killed):
        train_embedding(job, QUICK, kill_after(2))
    with pytest.raises(InputError, match="other settings or data was stopped here"):
        train_embedding(job, replace(QUICK, seed=1), Listener(lambda line: None))


def test_described_crops_are_kept_over_a_kill(crops: Path, start: Path, tmp_path: Path) -> None:
    recipe = replace(QUICK, heads_only=True, heads=HeadSettings(steps=3, identities=4))
    job = make_job(crops, start, tmp_path / "out")
    with pytest.raises(Killed):
        train_embedding(job, recipe, kill_after(8))
    saved = tmp_path / "out" / "run" / "described-00000.pt"
    before = saved.stat().st_mtime_ns
    vectors = torch.load(saved, weights_only=True)["vectors"]
    assert vectors.shape == (8, 2, 3, CHANNELS)
    with pytest.raises(Killed):
        train_embedding(job, recipe, kill_after(8))
    assert saved.stat().st_mtime_ns == before
    card = train_embedding(job, recipe, Listener(lambda line: None))
    assert not saved.exists()
    assert card.training["heads"]["steps"] == 3
    assert "trunk" not in card.training


def test_the_best_weights_by_validation_are_kept(crops: Path, start: Path, tmp_path: Path) -> None:
    job = make_job(crops, start, tmp_path / "out", [crops])
    card = train_embedding(job, QUICK, Listener(lambda line: None))
    kept = card.training["kept"]
    assert kept["step"] in (3, 6, 8)
    embedder = load_embedder(tmp_path / "out", "cpu")
    metrics, _ = measure(
        embed_subjects(embedder.embed_crops, read_subjects(crops, "all", "labelled"))
    )
    assert metrics["categories"]["map@r"] == pytest.approx(kept["categories.map@r"], abs=0.05)
    assert list((tmp_path / "out" / "run" / "curves").iterdir())


def test_only_a_better_score_replaces_the_best() -> None:
    best, weights = Best(), {"w": torch.zeros(1)}
    assert best.offer({"validation": 0.5}, 1, weights)
    weights["w"] += 1
    assert not best.offer({"validation": 0.5}, 2, weights)
    assert (best.step, best.weights["w"].item()) == (1, 0.0)


def test_a_measure_that_no_validation_set_can_give_is_refused(crops: Path) -> None:
    settings = ValidationSettings(measures=("items.recall@1",))
    with pytest.raises(InputError, match=r"items.recall@1 needs items with several crops"):
        Validator([crops], settings)


def test_the_card_tells_sources_counts_licences_and_seed(
    crops: Path, start: Path, tmp_path: Path
) -> None:
    result = CliRunner().invoke(
        COMMANDS["train embedding"],
        ["--crops", str(crops), "--starting-weights", str(start), "--out", str(tmp_path / "out"),
         "--recipe", "heads", "--trunk", "test_resnet", "--dimensions", "24", "--side", "64",
         "--steps", "2", "--seed", "7", "--descriptors", "SG", "--loss", "supcon",
         "--set", "augmentation.zoom=0", "--data-licence", "striped=CC0-1.0",
         "--licence", "Apache-2.0", "--device", "cpu"],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    card = load_card(tmp_path / "out", "embedding")
    striped = {"name": "striped", "licence": "CC0-1.0", "crops": 8, "items": 8}
    assert list(card.data) == [{"name": "start: start.pth"}, striped]
    assert (card.licence, card.training["seed"]) == ("Apache-2.0", 7)
    assert card.architecture["descriptors"] == "SG"
    assert card.training["losses"]["ranking"] == "supcon"
    assert card.training["augmentation"]["zoom"] == 0.0
    assert "command" in card.training


def test_a_run_can_begin_with_a_checkpoint(crops: Path, start: Path, tmp_path: Path) -> None:
    still = replace(QUICK, trunk=replace(QUICK.trunk, steps=0))
    quiet = Listener(lambda line: None)
    train_embedding(make_job(crops, start, tmp_path / "a"), still, quiet)
    again = Job(crops, tmp_path / "b", init=tmp_path / "a", device="cpu")
    train_embedding(again, still, quiet)
    first, second = load_weights(tmp_path / "a"), load_weights(tmp_path / "b")
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = replace(still, architecture=replace(TINY, trunk="resnet18"))
    with pytest.raises(InputError, match="can't begin this recipe"):
        train_embedding(replace(again, out=tmp_path / "c"), other, quiet)


@pytest.mark.parametrize("held", [True, False])
def test_depthwise_filters_are_held_where_the_recipe_says_so(held: bool) -> None:
    architecture = replace(TINY, trunk="test_efficientnet")
    trunk = replace(QUICK.trunk, frozen=(), freeze_depthwise=held)
    network = CGD(architecture)
    recipe = replace(QUICK, architecture=architecture, trunk=trunk)
    TrainingStep(
        network,
        recipe,
        number_classes([CropRecord("a", "a", "dress", "s", "p")]),
        torch.device("cpu"),
    )
    filters = {
        name: module.weight.requires_grad
        for name, module in network.trunk.named_modules()
        if isinstance(module, torch.nn.Conv2d) and module.groups > 1
    }
    assert filters
    assert set(filters.values()) == {not held}
    others = [
        p for n, p in network.trunk.named_parameters() if n.split(".weight")[0] not in filters
    ]
    assert all(parameter.requires_grad for parameter in others)


def test_other_taxonomies_can_be_trained(start: Path, tmp_path: Path) -> None:
    crops = write_crops(tmp_path)
    index = crops / "crops.jsonl"
    index.write_text(index.read_text().replace('"skirt"', '"padded jacket"'))
    job = make_job(crops, start, tmp_path / "out")
    recipe = replace(QUICK, trunk=replace(QUICK.trunk, steps=1),
                     losses=LossSettings(kind_weight=0.5, auxiliary_on="kind"))  # fmt: skip
    lines: list[str] = []
    train_embedding(job, recipe, Listener(lines.append))
    assert "kind" in lines[-1]


@pytest.mark.parametrize("name", list_recipes())
def test_the_recipes_can_be_read(name: str) -> None:
    assert load_recipe(name).architecture.dimensions >= 512


def test_a_setting_can_be_overridden() -> None:
    recipe = load_recipe("cgd", ["losses.margin=0.3", "trunk.frozen=[]", "losses.ranking=supcon"])
    assert (recipe.losses.margin, recipe.trunk.frozen) == (0.3, ())
    assert recipe.losses.ranking == "supcon"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("losses.magin=0.3", r"losses.magin: no such setting; there are .*margin"),
        ("trunk.steps=many", r"trunk.steps needs int, not 'many'"),
        ("trunk.frozen=bn1", r"trunk.frozen needs a list"),
        ("losses.ranking=best", r"losses: ranking is one of triplet"),
        ("architecture.descriptors=SX", r"descriptors must be"),
        ("losses=3", r"losses is a section"),
        ("margin", r"an override is like"),
        ('validation.measures=["recall"]', r"a measure is like items.recall@1"),
    ],
)
def test_settings_that_can_not_be_are_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_recipe("cgd", [text])


def test_an_unknown_recipe_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are cgd, heads, resnet50"):
        load_recipe("best")
    (tmp_path / "own.toml").write_text("seed = ")
    with pytest.raises(InputError, match="is no TOML file"):
        load_recipe(str(tmp_path / "own.toml"))


def make_described(records: Sequence[CropRecord]) -> NDArray[np.float16]:
    """Two views of a random vector for each record, very noisy in the last half: (N, 2, 3, C)."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(len(records), 1, 3, CHANNELS))
    noise = rng.normal(size=(len(records), 2, 3, CHANNELS))
    noise[..., CHANNELS // 2 :] *= 4
    return (centers + noise).astype(np.float16)


def find_other_views(network: CGD, described: NDArray[np.float16]) -> float:
    """Recall@1 of the first views among the second ones."""
    vectors = torch.from_numpy(described).float()
    with torch.no_grad():
        first, second = (network.combine(list(vectors[:, v].unbind(1))).numpy() for v in (0, 1))
    names = [str(i) for i in range(len(vectors))]
    return float(hits_at(rank_gallery(first, second, 1), names, names, 1).mean())


def test_trained_heads_find_more_items_than_whitened_ones(crops: Path) -> None:
    records = [
        replace(record, identity=f"{record.identity}-{copy}")
        for record in read_records(crops)
        for copy in range(16)
    ]
    described = make_described(records)
    recall = {}
    for steps in (0, 60):
        network = CGD(TINY)
        recipe = replace(RECIPE, heads=HeadSettings(steps=steps, identities=64))
        train_heads(network, described, records, recipe)
        recall[steps] = find_other_views(network, described)
    assert recall[60] > recall[0] + 0.1


def test_prepared_photos_go_through_crops_and_training_to_an_evaluated_checkpoint(
    start: Path, tmp_path: Path
) -> None:
    prepared = str(write_prepared(tmp_path / "shop"))
    runner = CliRunner()
    for words, arguments in (
        ("data crops", [prepared, "--out", str(tmp_path / "set")]),
        ("train embedding", ["--crops", str(tmp_path / "set"), "--starting-weights", str(start),
                             "--out", str(tmp_path / "own"), "--trunk", "test_resnet",
                             "--dimensions", "24", "--side", "64", "--steps", "2",
                             "--set", "trunk.side_px=64", "--validate", str(tmp_path / "set")]),
        ("evaluate embedding", ["--data", prepared, "--split", "train", "--crops", "labelled",
                                "--checkpoint", str(tmp_path / "own"),
                                "--out", str(tmp_path / "report")]),
    ):  # fmt: skip
        result = runner.invoke(COMMANDS[words], arguments)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "report" / "index.html").exists()
