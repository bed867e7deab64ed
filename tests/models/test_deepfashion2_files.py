"""DeepFashion2 becomes a prepared folder; what is broken is told."""

from pathlib import Path
from typing import Any

import pytest

from catalog.errors import InputError
from models.segmentation.data.coco import read_photos
from models.segmentation.data.deepfashion2 import prepare_deepfashion2
from tests.models.small_datasets import SQUARE, all_photos, problems_of, write_json, write_photo


def garment(name: str = "trousers", style: int = 1, **changes: Any) -> dict[str, Any]:
    entry = {
        "category_name": name,
        "category_id": 8,
        "style": style,
        "segmentation": [SQUARE],
        "bounding_box": [4, 4, 24, 34],
        "landmarks": [0, 0, 0],
    }
    return {**entry, **changes}


def write_deepfashion2(source: Path) -> Path:
    for seed, folder in ((1, "train"), (2, "validation")):
        write_photo(source / folder / "image" / "000001.jpg", seed)
        content = {"source": "shop", "pair_id": 7, "item1": garment(), "item2": garment("sling", 0)}
        write_json(source / folder / "annos" / "000001.json", content)
    return source


def test_deepfashion2_keeps_categories_items_and_views(tmp_path: Path) -> None:
    prepare_deepfashion2(write_deepfashion2(tmp_path / "df2"), tmp_path / "out")
    (photo,) = read_photos(tmp_path / "out", "test")
    assert [photo.categories[a["category_id"]] for a in photo.annotations] == ["trousers", "sling"]
    assert [a.get("item") for a in photo.annotations] == ["7-1", None]
    assert {a["view"] for a in photo.annotations} == {"shop"}
    assert len(all_photos(tmp_path / "out")) == 2
    assert problems_of(tmp_path / "out") == []
    assert "Landmarks are not used" in (tmp_path / "out" / "report.md").read_text()


def test_deepfashion2_in_the_shipped_taxonomy(tmp_path: Path) -> None:
    prepare_deepfashion2(write_deepfashion2(tmp_path / "df2"), tmp_path / "out", shipped=True)
    (photo,) = read_photos(tmp_path / "out", "test")
    assert [g.category for g in photo.load_garments()] == ["pants", "top"]


def test_every_broken_part_of_deepfashion2_is_told_and_the_rest_is_kept(tmp_path: Path) -> None:
    source = write_deepfashion2(tmp_path / "df2")
    annos = source / "train" / "annos"
    (annos / "000002.json").write_text("{")
    write_photo(source / "train" / "image" / "000002.jpg", 5)
    write_json(annos / "000003.json", {"source": "user", "pair_id": 1, "item1": garment()})
    write_photo(source / "train" / "image" / "000004.jpg", 4)
    content = {
        "source": "user",
        "pair_id": 2,
        "item1": garment(),
        "item2": garment("cloak"),
        "item3": garment(segmentation=[[1, 2]]),
        "item4": {"style": 1},
    }
    write_json(annos / "000004.json", content)
    prepare_deepfashion2(source, tmp_path / "out")
    told = {(Path(p["file"]).name, p["where"]) for p in problems_of(tmp_path / "out")}
    assert told == {
        ("000002.json", "file"),
        ("000003.json", "file"),
        ("000004.json", "item2"),
        ("000004.json", "item3"),
        ("000004.json", "item4"),
    }
    assert len(all_photos(tmp_path / "out")) == 3


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="train/annos"):
        prepare_deepfashion2(tmp_path, tmp_path / "out")
