"""COCO files become a prepared folder; what is broken is told."""

from pathlib import Path
from typing import Any

import pytest

from catalog.errors import InputError
from models.segmentation.data.coco import read_photos
from models.segmentation.data.coco_files import prepare_coco
from tests.models.small_datasets import (
    SQUARE,
    all_photos,
    problems_of,
    write_coco,
    write_json,
    write_photo,
)


def test_coco_files_keep_their_names_and_splits(tmp_path: Path) -> None:
    source = tmp_path / "own"
    write_coco(source, "train", 1)
    write_coco(source, "test", 2)
    prepare_coco(source, tmp_path / "out")
    (photo,) = read_photos(tmp_path / "out", "train")
    found = {g.category: int(g.mask.sum()) for g in photo.load_garments()}
    assert found == {"Kleid": 600, "Hut": 100}
    assert len(read_photos(tmp_path / "out", "test")) == 1


def test_a_category_map_renames_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    source = tmp_path / "own"
    write_coco(source, "train", 1)
    names = tmp_path / "names.toml"
    names.write_text('Kleid = "dress"\n')
    prepare_coco(source, tmp_path / "out", category_map=names)
    (photo,) = read_photos(tmp_path / "out", "train")
    assert [g.category for g in photo.load_garments()] == ["dress"]
    (problem,) = problems_of(tmp_path / "out")
    assert "leaves Hut out" in problem["problem"]
    names.write_text('Hose = "pants"\n')
    with pytest.raises(InputError, match="Hose"):
        prepare_coco(source, tmp_path / "other", category_map=names)


def test_every_annotation_of_a_coco_file_is_kept_or_told(tmp_path: Path) -> None:
    source = tmp_path / "own"
    content = write_coco(source, "train", 1)
    counts = {"size": [60, 40], "counts": [100, 50, 2250]}
    broken: list[dict[str, Any]] = [
        {"image_id": 9, "category_id": 8, "segmentation": [SQUARE]},
        {"image_id": 9, "category_id": 3, "segmentation": []},
        {"image_id": 9, "category_id": 3},
        {"image_id": 9, "category_id": 3, "segmentation": {"size": [6, 4], "counts": "x"}},
        {"image_id": 9, "category_id": 3, "segmentation": [SQUARE], "iscrowd": 1},
        {"image_id": 4, "category_id": 3, "segmentation": [SQUARE]},
    ]
    whole = [{"image_id": 9, "category_id": 3, "segmentation": counts}]
    for number, entry in enumerate(broken + whole, start=3):
        content["annotations"].append({"id": number, **entry})
    write_json(source / "annotations" / "instances_train.json", content)
    prepare_coco(source, tmp_path / "out")
    (photo,) = all_photos(tmp_path / "out")
    told = {p["where"] for p in problems_of(tmp_path / "out")}
    assert told == {f"annotation {number}" for number in range(3, 9)}
    assert len(photo.annotations) + len(told) == len(content["annotations"])
    assert photo.load_garments()[-1].mask.sum() == 50


def test_a_folder_without_coco_files_is_refused(tmp_path: Path) -> None:
    write_photo(tmp_path / "own" / "a.jpg", 1)
    with pytest.raises(InputError, match="train, val or test"):
        prepare_coco(tmp_path / "own", tmp_path / "out")
    write_json(tmp_path / "own" / "train.json", {"images": 3})
    with pytest.raises(InputError, match=r"train\.json"):
        prepare_coco(tmp_path / "own", tmp_path / "out")
