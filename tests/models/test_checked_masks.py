"""The checked masks of catalog photos: they load as a test split, and what is shipped is sound."""

import csv
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from pycocotools import mask as coco_mask

from catalog.errors import InputError
from catalog.masks import decode_mask, encode_mask
from catalog.taxonomy import CATEGORIES
from models.segmentation.data.checked import CHECKED, prepare_checked
from models.segmentation.data.cli import prepare
from models.segmentation.data.coco import read_photos
from models.segmentation.evaluate import fitting_labels
from models.segmentation.folders import parse_source

SHARED = Path(os.environ.get("LOOKALIKE_DATA", "/nowhere"))
FOLDERS = {"clothing": "clothing_cc0", "luma": "luma"}
"""Of each annotation file: the folder of its photos."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with two photos of the sample below."""
    folder = tmp_path / "shop"
    (folder / "images").mkdir(parents=True)
    for seed in (1, 2):
        pixels = np.random.default_rng(seed).integers(0, 256, (60, 40, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / "images" / f"{seed}.jpg"), pixels)
    return folder


@pytest.fixture
def annotations(tmp_path: Path, source: Path) -> Path:
    """Annotations of the two photos, and of another shop."""
    folder = tmp_path / "annotations"
    folder.mkdir()
    write_annotations(folder / "shop.json", source)
    other = json.loads((folder / "shop.json").read_text())
    for image in other["images"]:
        image["file_name"] = f"elsewhere/{image['file_name']}"
    (folder / "other.json").write_text(json.dumps(other))
    return folder


def write_annotations(file: Path, source: Path) -> None:
    mask = np.zeros((60, 40), bool)
    mask[10:50, 5:30] = True
    rle = encode_mask(mask)
    photos = sorted((source / "images").iterdir())
    content = {
        "images": [
            {
                "id": number,
                "file_name": f"images/{photo.name}",
                "width": 40,
                "height": 60,
                "sha256": hashlib.sha256(photo.read_bytes()).hexdigest(),
                "labels": ["Longsleeve"],
            }
            for number, photo in enumerate(photos, start=1)
        ],
        "annotations": [
            {"id": number, "image_id": 1, "category_id": category, "segmentation": rle}
            for number, category in enumerate((3, 11), start=1)
        ],
        "categories": [{"id": i + 1, "name": name} for i, name in enumerate(CATEGORIES)],
    }
    file.write_text(json.dumps(content))


def test_checked_photos_become_a_test_split_and_no_other(
    source: Path, annotations: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    told: list[str] = []
    prepare_checked(source, out, told.append, annotations)
    first, second = read_photos(out, "test")
    assert [garment.category for garment in first.load_garments()] == ["t-shirts", "knitwear"]
    assert first.annotations[0]["bbox"] == [5, 10, 25, 40]
    assert not second.annotations
    assert fitting_labels(first) == {"t-shirts", "top", "knitwear"}
    assert first.load_pixels().shape == (60, 40, 3)
    assert not (out / "train.json").exists()
    assert not (out / "val.json").exists()
    with pytest.raises(InputError, match=r"no train\.json"):
        parse_source(f"{out}:.5")
    assert told[0].startswith("checked shop: 2 test photos, 0 problems")


def test_a_training_split_that_the_folder_held_before_is_gone(
    source: Path, annotations: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("report.json", "train.json", "val.json"):
        (out / name).write_text("{}")
    prepare_checked(source, out, annotations=annotations)
    assert not (out / "train.json").exists()
    assert not (out / "val.json").exists()


def test_a_missing_photo_is_named(source: Path, annotations: Path, tmp_path: Path) -> None:
    (source / "images" / "2.jpg").unlink()
    with pytest.raises(InputError, match=r"2\.jpg is missing: copy all photos of shop"):
        prepare_checked(source, tmp_path / "out", annotations=annotations)
    assert not (tmp_path / "out").exists()


def test_a_changed_photo_is_named_with_both_hashes(
    source: Path, annotations: Path, tmp_path: Path
) -> None:
    photo = source / "images" / "2.jpg"
    before = hashlib.sha256(photo.read_bytes()).hexdigest()
    cv2.imwrite(str(photo), np.zeros((60, 40, 3), np.uint8))
    after = hashlib.sha256(photo.read_bytes()).hexdigest()
    with pytest.raises(InputError, match=f"{after}, not {before}.*again") as raised:
        prepare_checked(source, tmp_path / "out", annotations=annotations)
    assert str(photo) in str(raised.value)


def test_a_folder_of_other_photos_names_the_sets_that_there_are(
    annotations: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="the folder of other or shop"):
        prepare_checked(tmp_path / "empty", tmp_path / "out", annotations=annotations)


# What is shipped


@pytest.fixture(params=sorted(CHECKED.glob("*.json")), ids=lambda file: file.stem)
def shipped(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The name and the content of each annotation file in the package."""
    return request.param.stem, json.loads(request.param.read_text(encoding="utf-8"))


def test_shipped_annotations_are_ours_to_give(shipped: tuple[str, dict[str, Any]]) -> None:
    info = shipped[1]["info"]
    assert "Apache-2.0" in info["license"]
    assert info["description"]


def test_shipped_ids_are_unique_and_known(shipped: tuple[str, dict[str, Any]]) -> None:
    content = shipped[1]
    assert content["categories"] == [{"id": i + 1, "name": n} for i, n in enumerate(CATEGORIES)]
    images = [image["id"] for image in content["images"]]
    assert len(set(images)) == len(images)
    for key in ("file_name", "sha256"):
        assert len({image[key] for image in content["images"]}) == len(images)
    entries = [entry["id"] for entry in content["annotations"]]
    assert len(set(entries)) == len(entries)
    assert {entry["image_id"] for entry in content["annotations"]} <= set(images)
    assert all(1 <= e["category_id"] <= len(CATEGORIES) for e in content["annotations"])
    assert not any(entry["iscrowd"] for entry in content["annotations"])


def test_shipped_masks_lie_in_their_photos_and_fill_their_boxes(
    shipped: tuple[str, dict[str, Any]],
) -> None:
    content = shipped[1]
    sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    for entry in content["annotations"]:
        mask = decode_mask(entry["segmentation"])
        assert mask.shape == sizes[entry["image_id"]], entry["id"]
        assert mask.sum() == entry["area"] > 0, entry["id"]
        assert entry["bbox"] == list(coco_mask.toBbox(entry["segmentation"])), entry["id"]


def test_shipped_garments_of_a_photo_do_not_share_pixels(
    shipped: tuple[str, dict[str, Any]],
) -> None:
    masks: dict[int, list[np.ndarray]] = {}
    for entry in shipped[1]["annotations"]:
        masks.setdefault(entry["image_id"], []).append(decode_mask(entry["segmentation"]))
    for image_id, stack in masks.items():
        assert np.sum(stack, axis=0).max() == 1, image_id


@pytest.mark.skipif(not SHARED.exists(), reason="LOOKALIKE_DATA names no folder")
def test_shipped_hashes_are_those_of_the_photos(
    shipped: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    name, content = shipped
    arguments = ["checked", str(SHARED / FOLDERS[name]), str(tmp_path / "out")]
    result = CliRunner().invoke(prepare, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    photos = read_photos(tmp_path / "out", "test")
    assert len(photos) == len(content["images"])
    for photo in photos:
        assert photo.load_pixels().shape[:2] == (photo.height, photo.width)
    assert sum(len(p.annotations) for p in photos) == len(content["annotations"])


@pytest.mark.skipif(not SHARED.exists(), reason="LOOKALIKE_DATA names no folder")
def test_the_clothing_photos_are_those_that_the_rule_on_the_page_chooses() -> None:
    by_label: dict[str, list[str]] = {}
    with (SHARED / "clothing_cc0" / "manifest.csv").open(newline="") as manifest:
        for row in csv.DictReader(manifest):
            if row["split"] == "test":
                by_label.setdefault(row["label"], []).append(row["image"])
    chosen = set()
    for photos in by_label.values():
        photos.sort(key=lambda name: hashlib.sha256(f"checked-masks-1:{name}".encode()).digest())
        chosen.update(photos if len(photos) <= 17 else photos[:12])
    content = json.loads((CHECKED / "clothing.json").read_text(encoding="utf-8"))
    assert {image["file_name"] for image in content["images"]} == chosen


@pytest.mark.skipif(not SHARED.exists(), reason="LOOKALIKE_DATA names no folder")
def test_the_luma_photos_are_those_that_the_rule_on_the_page_chooses() -> None:
    groups: dict[tuple[str, bool, str], list[tuple[bytes, str, str]]] = {}
    with (SHARED / "luma" / "manifest.csv").open(newline="", encoding="utf-8") as manifest:
        for row in csv.DictReader(manifest):
            key = (row["view"], "/Men" in row["categories"], row["attribute_set"])
            digest = hashlib.sha256(f"checked-masks-1:{row['image']}".encode()).digest()
            groups.setdefault(key, []).append((digest, row["product"], row["image"]))
    chosen: set[str] = set()
    for (view, _, _), photos in groups.items():
        first_of_product: dict[str, str] = {}
        for _, product, image in sorted(photos):
            first_of_product.setdefault(product, image)
        most = {"main": 11, "back": 3, "alt1": 3}.get(view, 0)
        chosen.update(list(first_of_product.values())[:most])
    content = json.loads((CHECKED / "luma.json").read_text(encoding="utf-8"))
    assert {image["file_name"] for image in content["images"]} == chosen


def test_each_luma_photo_sells_one_garment() -> None:
    content = json.loads((CHECKED / "luma.json").read_text(encoding="utf-8"))
    sold = [entry["image_id"] for entry in content["annotations"] if entry["role"] == "sold"]
    assert sorted(sold) == [image["id"] for image in content["images"]]
    assert {entry["role"] for entry in content["annotations"]} == {"sold", "worn with"}
