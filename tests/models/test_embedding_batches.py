"""Training views and batches: what differs, what stays, whose turn it is."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from models.embedding.augment import Augmentation, make_view
from models.embedding.batches import BatchPlan, load_batch, number_classes, plan_batches
from models.embedding.crop_set import CropRecord, read_crop, read_records
from tests.models.striped_photos import write_crops

# pycocotools 2 still answers NumPy 2 in the old way, with a warning each time.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_crops(tmp_path_factory.mktemp("data"))


def test_views_differ_and_keep_their_size(crops: Path) -> None:
    crop, mask = read_crop(crops, read_records(crops)[0])
    rng = np.random.default_rng(0)
    first, second = (make_view(crop, mask, 48, Augmentation(), rng) for _ in range(2))
    assert first.shape == second.shape == (48, 48, 3)
    assert not np.array_equal(first, second)


def test_views_keep_the_garments_colour(crops: Path) -> None:
    crop, mask = read_crop(crops, read_records(crops)[0])
    rng = np.random.default_rng(0)
    for _ in range(20):
        view = make_view(crop, mask, 48, Augmentation(other_background=0), rng)
        middle = np.median(view[20:28, 20:28].reshape(-1, 3), axis=0)
        assert middle[0] > middle[1] + 20  # red stays red, blurred with its stripes or not


def test_a_batch_holds_every_item_in_two_views(crops: Path) -> None:
    records = read_records(crops)
    planned = next(plan_batches(records, BatchPlan(groups=2, items=3, views=2), seed=0))
    names = [record.identity for record in planned]
    assert len(names) == 12
    assert all(names.count(name) == 2 for name in names)
    rng = np.random.default_rng(0)
    batch = load_batch(crops, planned, number_classes(records), 32, Augmentation(), rng)
    assert batch.views.shape == (12, 32, 32, 3)
    assert len(set(batch.items.tolist())) == 6
    assert sorted(set(batch.categories.tolist())) == [0, 1]


def test_every_item_gets_its_turn_before_one_comes_twice() -> None:
    records = [CropRecord(str(i), f"item-{i}", "dress", "drawn", "") for i in range(10)]
    batches = islice(plan_batches(records, BatchPlan(groups=1, items=5, views=1), seed=0), 2)
    assert len({record.identity for batch in batches for record in batch}) == 10


def test_an_item_with_several_photos_shows_different_ones() -> None:
    records = [CropRecord(str(i), "item", "dress", "drawn", "") for i in range(3)]
    batch = next(plan_batches(records, BatchPlan(groups=1, items=1, views=2), seed=0))
    assert batch[0].key != batch[1].key


def test_classes_are_what_the_records_name_whatever_the_taxonomy() -> None:
    records = [CropRecord("1", "a", "padded jacket", "k", "", kind="parka"),
               CropRecord("2", "b", "bratop", "k", "")]  # fmt: skip
    numbers = number_classes(records)
    assert numbers.categories == {"bratop": 0, "padded jacket": 1}
    assert numbers.kinds == {"bratop": 0, "parka": 1}


@pytest.mark.parametrize(("power", "expected"), [(0.0, 1 / 2), (0.5, 1 / 4), (1.0, 1 / 10)])
def test_rare_groups_come_as_often_as_the_power_of_their_size(
    power: float, expected: float
) -> None:
    records = [CropRecord(f"r{i}", f"r{i}", "rare", "s", "") for i in range(9)]
    records += [CropRecord(f"c{i}", f"c{i}", "common", "s", "") for i in range(81)]
    plan = BatchPlan(groups=1, items=1, views=1, power=power)
    drawn = [batch[0].category for batch in islice(plan_batches(records, plan, 0), 2000)]
    assert drawn.count("rare") / len(drawn) == pytest.approx(expected, abs=0.04)


def test_groups_can_be_made_by_kind() -> None:
    records = [CropRecord(str(i), str(i), "dress", "s", "", kind=str(i % 3)) for i in range(9)]
    plan = BatchPlan(groups=3, items=2, views=1, by="kind")
    batch = next(plan_batches(records, plan, 0))
    assert sorted(record.kind for record in batch) == ["0", "0", "1", "1", "2", "2"]
