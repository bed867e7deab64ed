"""Labelled photos become garments: regions, specks, two wearers, outlines, random views."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catalog.masks import decode_mask, encode_mask
from catalog.taxonomy import CATEGORIES
from models.segmentation.augment import (
    AugmentOptions,
    View,
    crop,
    flip,
    make_random_view,
    place_before_studio,
    scale,
    turn,
)
from models.segmentation.data.ccp import prepare_ccp, split_label_map, split_wearers
from models.segmentation.data.clothing import cut_garment, is_plausible, looks_like_denim
from models.segmentation.data.coco import (
    CocoWriter,
    LabelledGarment,
    read_photos,
)
from models.segmentation.data.drawn import prepare_drawn

# pycocotools 2 still answers NumPy 2 in the old way, with a warning each time.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAMES = ["null", "hair", "blazer", "jeans", "shoes", "boots"]


def block(shape: tuple[int, int], *rectangles: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for x0, y0, x1, y1 in rectangles:
        mask[y0:y1, x0:x1] = True
    return mask


def noise(height: int, width: int, seed: int) -> np.ndarray:
    """A photo that no other photo resembles."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_a_mask_survives_its_run_length_form(height: int, width: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    assert np.array_equal(decode_mask(json.loads(json.dumps(encode_mask(mask)))), mask)


def test_labels_become_the_shipped_categories_and_skin_becomes_background() -> None:
    labels = np.zeros((100, 60), np.uint8)
    labels[0:10] = 1
    labels[10:50] = 2
    labels[50:90] = 3
    found = split_label_map(labels, NAMES)
    assert [garment.category for garment in found] == ["jacket", "jean"]
    assert np.array_equal(found[1].mask, labels == 3)


def test_a_pair_of_shoes_is_one_garment() -> None:
    region = block((100, 100), (30, 80, 42, 95), (55, 82, 66, 95))
    masks = split_wearers(region)
    assert len(masks) == 1
    assert np.array_equal(masks[0], region)


def test_two_people_in_the_same_label_are_two_garments() -> None:
    left, right = block((100, 100), (5, 20, 25, 80)), block((100, 100), (70, 20, 92, 80))
    masks = split_wearers(left | right)
    assert len(masks) == 2
    assert np.array_equal(masks[0], left)
    assert np.array_equal(masks[1], right)


def test_specks_are_dropped() -> None:
    garment = block((100, 100), (20, 20, 60, 60))
    masks = split_wearers(garment | block((100, 100), (95, 95, 97, 97)))
    assert len(masks) == 1
    assert np.array_equal(masks[0], garment)
    assert split_wearers(block((100, 100), (1, 1, 2, 2))) == []


def test_ccp_is_read_with_its_own_splits_and_palette(tmp_path: Path) -> None:
    source, out = tmp_path / "ccp", tmp_path / "out"
    (source / "images").mkdir(parents=True)
    (source / "masks").mkdir()
    (source / "labels.json").write_text(json.dumps({"labels": NAMES}))
    rows = [
        {"image": "images/a.jpg", "mask": "masks/a.png", "annotation": "pixel", "split": "train"},
        {"image": "images/b.jpg", "mask": "masks/b.png", "annotation": "pixel", "split": "test"},
        {"image": "images/c.jpg", "mask": "", "annotation": "image", "split": "train"},
    ]
    with (source / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    labels = np.zeros((40, 20), np.uint8)
    labels[5:30, 4:16] = 3
    for name in "ab":
        cv2.imwrite(str(source / "images" / f"{name}.jpg"), noise(40, 20, ord(name)))
        image = Image.fromarray(labels, mode=None).convert("P")
        image.putdata(labels.ravel().tolist())
        image.save(source / "masks" / f"{name}.png")
    prepare_ccp(source, out)
    (photo,) = read_photos(out, "train")
    assert photo.path.name == "a.jpg"
    assert photo.labels == ("jean",)
    assert np.array_equal(photo.load_garments()[0].mask, labels == 3)
    assert [p.path.name for p in read_photos(out, "test")] == ["b.jpg"]


def test_a_drawn_catalog_keeps_its_exact_masks(tmp_path: Path) -> None:
    source, out = tmp_path / "sample", tmp_path / "out"
    (source / "photos").mkdir(parents=True)
    mask = block((30, 24), (4, 4, 20, 25))
    images = [{"id": i, "file_name": f"photos/{i}.jpg", "height": 30, "width": 24} for i in (1, 2)]
    for image in images:
        cv2.imwrite(str(source / str(image["file_name"])), noise(30, 24, int(str(image["id"]))))
    content = {
        "images": images,
        "categories": [{"id": 1, "name": "dress"}],
        "annotations": [{"image_id": 2, "category_id": 1, "segmentation": encode_mask(mask)}],
    }
    (source / "annotations.json").write_text(json.dumps(content))
    prepare_drawn(source, out)
    (photo,) = read_photos(out, "train")
    (garment,) = photo.load_garments()
    assert garment.category == "dress"
    assert np.array_equal(garment.mask, mask)
    assert len(read_photos(out, "val")) == 1


def test_grabcut_outlines_a_garment_on_a_plain_floor() -> None:
    rng = np.random.default_rng(0)
    truth = block((160, 120), (30, 30, 90, 130))
    photo = np.where(truth[..., None], (200, 40, 60), (150, 160, 150)) + rng.normal(
        0, 4, (160, 120, 1)
    )
    mask = cut_garment(photo.clip(0, 255).astype(np.uint8))
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9
    assert is_plausible(mask)


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((100, 80), bool),
        np.ones((100, 80), bool),
        block((100, 80), (40, 40, 45, 45)),
        block((100, 80), (0, 40, 80, 44), (38, 0, 42, 100), (0, 0, 4, 100), (0, 0, 80, 4)),
    ],
    ids=["nothing", "everything", "a speck", "a grid of lines"],
)
def test_outlines_that_no_garment_has_are_left_out(mask: np.ndarray) -> None:
    assert not is_plausible(mask)


def test_blue_trousers_are_jeans_and_grey_ones_are_not() -> None:
    everywhere = np.ones((8, 8), bool)
    assert looks_like_denim(np.full((8, 8, 3), (60, 80, 120), np.uint8), everywhere)
    assert not looks_like_denim(np.full((8, 8, 3), 70, np.uint8), everywhere)


def make_view() -> View:
    photo = np.zeros((90, 60, 3), np.uint8)
    shirt, shoe = block((90, 60), (10, 10, 50, 50)), block((90, 60), (20, 75, 40, 85))
    photo[shirt], photo[shoe] = (200, 10, 10), (10, 200, 10)
    return View(
        photo,
        (LabelledGarment("shirts", shirt), LabelledGarment("shoes", shoe)),
        shirt | shoe,
    )


def colour_matches(view: View, index: int, channel: int) -> bool:
    mask = view.garments[index].mask
    return bool(np.array_equal(view.photo[..., channel] > 100, mask))


@pytest.mark.parametrize(
    "change",
    [flip, lambda v: turn(v, 1), lambda v: turn(v, 3), lambda v: crop(v, (4, 4, 58, 88))],
)
def test_masks_move_with_the_pixels(change: object) -> None:
    view = change(make_view())  # type: ignore[operator]
    assert colour_matches(view, 0, 0)
    assert colour_matches(view, 1, 1)


def test_a_crop_keeps_the_part_of_a_garment_that_is_seen_and_drops_what_is_outside() -> None:
    view = crop(make_view(), (0, 0, 60, 60))
    assert [garment.category for garment in view.garments] == ["shirts"]
    assert view.garments[0].mask.shape == (60, 60)


def test_scaling_bounds_the_long_side() -> None:
    assert scale(make_view(), 40, 1000).photo.shape[:2] == (60, 40)
    assert scale(make_view(), 400, 120).photo.shape[:2] == (120, 80)


def test_the_studio_leaves_the_inside_of_garments_alone() -> None:
    view = make_view()
    studio = place_before_studio(view, np.random.default_rng(1))
    assert np.abs(studio.photo[30, 30].astype(int) - view.photo[30, 30]).max() <= 2
    assert studio.photo[2, 2].min() > 90


@given(st.integers(0, 2**32 - 1))
def test_random_views_are_whole_whatever_the_dice_say(seed: int) -> None:
    options = AugmentOptions(1.0, 0.5, 0.5, 40, 80, 120)
    view = make_random_view(make_view(), options, np.random.default_rng(seed))
    assert view.photo.dtype == np.uint8
    for garment in view.garments:
        assert garment.mask.shape == view.photo.shape[:2]
        assert garment.mask.any()


def test_coco_files_hold_boxes_areas_and_category_ids(tmp_path: Path) -> None:
    writer = CocoWriter(tmp_path / "train.json")
    mask = block((20, 30), (5, 4, 15, 10))
    writer.add_photo("a.jpg", mask.shape, [LabelledGarment("bag", mask)], ["bag"])
    writer.write()
    (annotation,) = json.loads((tmp_path / "train.json").read_text())["annotations"]
    assert annotation["bbox"] == [5.0, 4.0, 10.0, 6.0]
    assert annotation["area"] == 60
    assert CATEGORIES[annotation["category_id"] - 1] == "bag"
