"""Recipes are read whole or refused by name, and the views of a run are dealt as promised."""

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from catalog.errors import InputError
from catalog.taxonomy import CATEGORIES, DEEPFASHION2_CATEGORIES
from models.segmentation.architecture import CascadeConfig, published_config
from models.segmentation.augment import AugmentOptions
from models.segmentation.data.coco import LabelledPhoto
from models.segmentation.folders import (
    describe_folders,
    parse_source,
    read_categories,
    read_training_photos,
)
from models.segmentation.recipe import RECIPES, TrainOptions, load_recipe, read_override
from models.segmentation.schedule import Budget, rate_factor
from models.segmentation.train_cli import train
from models.segmentation.validation import make_validation_sets
from models.segmentation.views import BatchNumbers, Deck, Source, count_repeats
from tests.models.tiny_training import draw_folder


def test_lite2_is_what_the_defaults_and_the_shipped_checkpoint_have() -> None:
    recipe = load_recipe("lite2")
    assert recipe.architecture == CascadeConfig()
    assert recipe.training == TrainOptions(minutes=120.0, rare_share=0.2)
    assert recipe.augment == AugmentOptions()


def test_resnet50_is_the_published_network_and_schedule() -> None:
    recipe = load_recipe("resnet50")
    assert recipe.architecture == published_config()
    assert (recipe.training.steps, recipe.training.batch_photos) == (270_000, 16)
    drops = [round(share * 270_000, -2) for share in recipe.training.drop_at]
    assert drops == [210_000, 250_000]
    assert round(recipe.training.warmup_share * 270_000, -2) == 1000
    assert rate_factor(0.5, recipe.training) == 1
    assert rate_factor(0.8, recipe.training) == pytest.approx(0.1)
    assert rate_factor(1.0, recipe.training) == pytest.approx(0.01)


@pytest.mark.parametrize("file", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_reads_by_name_and_by_path(file: Path) -> None:
    assert load_recipe(file.stem) == load_recipe(str(file))


def test_one_value_is_overridden_and_a_budget_replaces_the_other() -> None:
    overrides = dict([read_override("training.learning_rate=1e-3"), ("training.steps", 100)])
    recipe = load_recipe("lite2", overrides)
    assert recipe.training.learning_rate == 1e-3
    assert (recipe.training.steps, recipe.training.minutes) == (100, None)
    assert read_override("training.optimiser=sgd") == ("training.optimiser", "sgd")


def test_another_trunk_brings_its_own_form_of_pixels() -> None:
    config = load_recipe("lite2", {"architecture.trunk": "resnet18"}).architecture
    assert config.pixel_mean == pytest.approx((123.675, 116.28, 103.53))
    assert config.pixel_std == pytest.approx((58.395, 57.12, 57.375))
    config = load_recipe("lite2", {"architecture.trunk": "resnet50"}).architecture
    assert (config.channel_order, config.pixel_std) == ("BGR", (1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[training]\nsteps = 1\nrate = 3", "unknown settings training.rate; known are minutes"),
        ("[trainig]\nsteps = 1", "'trainig' is not one of the tables"),
        ("[training]\nsteps = 1\nminutes = 2.0", "exactly one of minutes and steps"),
        ("[training]\nbatch_photos = 2", "exactly one of minutes and steps"),
        ("[training]\nsteps = 0", "training.steps = 0: Input should be greater"),
        ("[training]\nsteps = 1\noptimiser = 'lion'", "training.optimiser = 'lion'"),
        ("[architecture]\ntrunk = 'resnet8'\n[training]\nsteps = 1", "no network 'resnet8'"),
        ("[architecture]\ncategories = ['a']", "come from the data"),
        ("[augment]\ncrop_rate = 2.0\n[training]\nsteps = 1", "augment.crop_rate is a share"),
        ("[augment]\nmin_side_px = 900\n[training]\nsteps = 1", "must rise"),
        ("steps = [", "not a recipe in TOML"),
    ],
)
def test_a_wrong_recipe_is_refused_by_file_and_setting(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        load_recipe(str(path))
    assert message in str(error.value)


def test_an_unknown_recipe_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="lite0, lite2, resnet50"):
        load_recipe("resnet51")
    with pytest.raises(InputError, match="is no setting"):
        load_recipe("lite2", {"learning_rate": 1})


def test_the_budget_is_time_or_steps_and_a_suspended_step_does_not_count() -> None:
    by_time, by_steps = Budget(1.0, None), Budget(None, 4)
    for seconds in (10.0, 5000.0):
        by_time.spend(seconds)
        by_steps.spend(seconds)
    assert by_time.progress == 1.0
    assert (by_steps.progress, by_steps.spent_s) == (0.5, 70.0)
    assert by_steps.left_s == pytest.approx(70.0)


def make_photos(count: int, name: str) -> list[LabelledPhoto]:
    return [LabelledPhoto(Path(f"{name}{i}"), 1, 1, (), {}) for i in range(count)]


def slow_deal(photos: list[list[LabelledPhoto]], shares: list[float], seed: int, count: int):  # type: ignore[no-untyped-def]
    """Dealt from the start, one after the other: what `photo_at` must agree with."""
    import numpy as np

    dealt, row = [0] * len(photos), []
    for number in range(count):
        block, place = divmod(number, 1024)
        rng = np.random.default_rng([seed, 0, block])
        source = rng.choice(len(shares), 1024, p=np.array(shares) / sum(shares))[place]
        again, position = divmod(dealt[source], len(photos[source]))
        order = np.random.default_rng([seed, 1, source, again]).permutation(len(photos[source]))
        row.append(photos[source][order[position]].path)
        dealt[source] += 1
    return row


def test_views_are_dealt_as_if_from_the_start_wherever_one_begins() -> None:
    photos = [make_photos(7, "a"), make_photos(90, "b")]
    expected = slow_deal(photos, [1.0, 3.0], 5, 2200)
    deck = Deck(photos, [1.0, 3.0], 5)
    places = [0, 1, 1023, 1024, 2199, 700]
    assert [deck.photo_at(place).path for place in places] == [expected[p] for p in places]
    share = sum(path.name.startswith("b") for path in expected) / 2200
    assert share == pytest.approx(0.75, abs=0.04)
    of_b = [path for path in expected if path.name.startswith("b")]
    assert set(Counter(of_b[:90]).values()) == {1}


def test_photos_of_rare_categories_are_dealt_more_often() -> None:
    names = [frozenset({"shoes", "scarf"})] + [frozenset({"shoes"})] * 98 + [frozenset()]
    repeats = count_repeats(names, 0.25)
    assert repeats.tolist() == [pytest.approx(5.0)] + [1.0] * 99  # sqrt(.25 / .01)
    assert count_repeats(names, 0.0).tolist() == [1.0] * 100

    photos = make_photos(100, "a")
    rare = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": {}}
    photos[0] = replace(photos[0], annotations=(rare,), categories={1: "scarf"})
    deck = Deck([photos], [1.0], 5, rare_share=0.25)
    dealt = Counter(deck.photo_at(number).path for number in range(104))
    assert (dealt[photos[0].path], len(dealt)) == (5, 100)


def test_processes_share_a_batch_without_a_gap_or_a_repeat() -> None:
    whole = itertools.islice(BatchNumbers(3, 4), 2)
    parts = [itertools.islice(BatchNumbers(3, 4, rank, 2), 2) for rank in range(2)]
    together = [sorted([*a, *b]) for a, b in zip(*parts, strict=True)]
    assert together == list(whole) == [[12, 13, 14, 15], [16, 17, 18, 19]]


def test_folders_of_other_categories_are_refused_with_both_names(tmp_path: Path) -> None:
    one = draw_folder(tmp_path / "one", ["train"])
    names = ("vest", *DEEPFASHION2_CATEGORIES[:2])
    two = draw_folder(tmp_path / "two", ["train"], names, (names[1], names[2]))
    sources = [Source(one), Source(two, 2.0)]
    photos = read_training_photos(sources)
    assert read_categories(sources[:1], photos[:1]) == CATEGORIES
    assert read_categories(sources[1:], photos[1:]) == names
    with pytest.raises(InputError, match=r"one and .*two have other categories: top, .*vest"):
        read_categories(sources, photos)


def test_a_source_is_a_folder_with_a_share(tmp_path: Path) -> None:
    folder = draw_folder(tmp_path / "eight")
    assert parse_source(f"{folder}:.25") == Source(folder, 0.25)
    assert parse_source(str(folder)) == Source(folder, 1.0)
    for wrong, message in ((f"{folder}:much", "no share"), (f"{folder}:0", "above 0")):
        with pytest.raises(InputError, match=message):
            parse_source(wrong)
    with pytest.raises(InputError, match=r"no train.json.*data prepare"):
        parse_source(str(tmp_path))
    (folder / "train.json").write_text("{}")
    with pytest.raises(InputError, match=r"train.json: not a prepared folder's"):
        read_training_photos([Source(folder)])
    assert describe_folders([Source(draw_folder(tmp_path / "b"))], "CC0-1.0")[0] == {
        "name": "b", "share": 1.0, "photos": {"train": 8, "val": 8}, "licence": "CC0-1.0",
    }  # fmt: skip


def test_validation_takes_photos_from_all_over_the_split(tmp_path: Path) -> None:
    folder = draw_folder(tmp_path / "eight")
    unlabelled = draw_folder(tmp_path / "more", ["train"])
    sources = [Source(folder), Source(unlabelled), Source(folder)]
    sets = make_validation_sets(sources, 3, tmp_path / "out", write=True)
    assert [entry.name for entry in sets] == ["eight", "eight-3"]
    assert [photo.path.stem for photo in sets[0].photos] == ["0", "3", "7"]
    assert (sets[0].truth / "val.json").exists()


def test_both_budgets_at_once_are_refused(tmp_path: Path) -> None:
    words = ["--data", str(tmp_path), "--out", str(tmp_path), "--minutes", "1", "--steps", "2"]
    result = CliRunner().invoke(train, words)
    assert result.exit_code == 2
    assert "not both" in result.output
