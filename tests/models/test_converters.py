"""DeepFashion2, K-Fashion and COCO files become prepared folders; what is broken is told."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from catalog.errors import InputError
from catalog.masks import encode_mask
from catalog.taxonomy import (
    CATEGORIES,
    DEEPFASHION2_CATEGORIES,
    KFASHION_CATEGORIES,
    SHIPPED_FROM_DEEPFASHION2,
    SHIPPED_FROM_KFASHION,
)
from models.segmentation.data.cli import prepare
from models.segmentation.data.coco import LabelledPhoto, read_photos
from models.segmentation.data.coco_files import prepare_coco
from models.segmentation.data.deepfashion2 import prepare_deepfashion2
from models.segmentation.data.duplicates import find_leaks, near_pairs
from models.segmentation.data.kfashion import CATEGORY_OF_WORD, order_points, prepare_kfashion
from models.segmentation.data.polygons import PolygonError, mask_of_polygons

SHARED = Path(os.environ.get("LOOKALIKE_DATA", "/nowhere"))
SQUARE = [4.0, 4.0, 24.0, 4.0, 24.0, 34.0, 4.0, 34.0]


def write_photo(path: Path, seed: int, height: int = 60, width: int = 40) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    cv2.imwrite(str(path), pixels)
    return path


def write_json(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def problems_of(out: Path) -> list[Mapping[str, str]]:
    problems: list[Mapping[str, str]] = json.loads((out / "report.json").read_text())["problems"]
    return problems


def all_photos(out: Path) -> list[LabelledPhoto]:
    splits = [split for split in ("train", "val", "test") if (out / f"{split}.json").exists()]
    return [photo for split in splits for photo in read_photos(out, split)]


# Polygons


def test_a_rectangle_covers_its_pixels() -> None:
    mask = mask_of_polygons([SQUARE], (60, 40))
    assert mask.sum() == 20 * 30
    assert mask[4:34, 4:24].all()


def test_polygons_of_one_garment_are_one_mask() -> None:
    other = [30.0, 40.0, 38.0, 40.0, 38.0, 50.0, 30.0, 50.0]
    assert mask_of_polygons([SQUARE, other], (60, 40)).sum() == 20 * 30 + 8 * 10


@pytest.mark.parametrize(
    ("polygon", "why"),
    [
        ([1, 1, 5, 5], "2 points"),
        ([1, 1, 5, 5, 9], "pairs"),
        ([1, 1, 5, 5, 9, float("nan")], "no number"),
        ([1, 1, 5, "x", 9, 9], "no number"),
        ([1, 1, 500, 5, 9, 9], "outside of the 40 x 60 photo"),
        ([3, 3, 3, 3, 3, 3], "no pixel"),
    ],
)
def test_a_broken_polygon_says_what_is_wrong(polygon: list[Any], why: str) -> None:
    with pytest.raises(PolygonError, match=why):
        mask_of_polygons([polygon], (60, 40))


# DeepFashion2


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


# K-Fashion


def points(polygon: list[float]) -> dict[str, float]:
    pairs = zip(polygon[::2], polygon[1::2], strict=True)
    named = [(f"X좌표{i}", x, f"Y좌표{i}", y) for i, (x, y) in enumerate(pairs, start=1)]
    return {key: value for a, x, b, y in reversed(named) for key, value in ((b, y), (a, x))}


def kfashion_file(name: str, size: tuple[int, int] = (60, 40), **parts: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {part: [{}] for part in ("아우터", "상의", "하의", "원피스")}
    drawn = {part: [points(SQUARE)] * len(labels) for part, labels in parts.items()}
    return {
        "이미지 정보": {
            "이미지 식별자": 1,
            "이미지 높이": size[0],
            "이미지 너비": size[1],
            "이미지 파일명": name,
        },
        "데이터셋 정보": {
            "데이터셋 상세설명": {
                "렉트좌표": empty,
                "폴리곤좌표": {**empty, **drawn},
                "라벨링": {**empty, **parts},
            }
        },
    }


def test_kfashion_keeps_categories_and_attributes(tmp_path: Path) -> None:
    source = tmp_path / "kf"
    write_photo(source / "photos" / "a_1.jpg", 1)
    labels = [{"카테고리": "청바지", "색상": "블루", "소재": ["데님"]}]
    write_json(source / "labels" / "1.json", kfashion_file("a_1.jpg", 하의=labels))
    prepare_kfashion(source, tmp_path / "out")
    (photo,) = all_photos(tmp_path / "out")
    (annotation,) = photo.annotations
    assert photo.categories[annotation["category_id"]] == "jean"
    assert annotation["attributes"] == {"colour": "블루", "materials": ["데님"]}
    assert annotation["area"] == 20 * 30
    assert photo.categories == dict(enumerate(KFASHION_CATEGORIES, start=1))


def test_garments_without_category_are_told_and_empty_ones_are_none(tmp_path: Path) -> None:
    source = tmp_path / "kf"
    write_photo(source / "a_1.jpg", 1)
    parts = {"하의": [{"색상": "블루"}], "상의": [{"카테고리": "짚업"}, {"카테고리": "망토"}]}
    write_json(source / "1.json", kfashion_file("a_1.jpg", **parts))
    prepare_kfashion(source, tmp_path / "out", shipped=True)
    (photo,) = all_photos(tmp_path / "out")
    assert [g.category for g in photo.load_garments()] == ["knitwear"]
    told = [(p["where"], p["problem"]) for p in problems_of(tmp_path / "out")]
    assert [where for where, _ in told] == ["상의[1]", "하의[0]"]
    assert "망토" in told[0][1]
    assert "no category" in told[1][1]


def test_points_are_taken_by_number_whatever_their_order_and_gaps() -> None:
    assert order_points({"Y좌표9": 6, "X좌표2": 3, "Y좌표2": 4, "X좌표9": 5}) == [3, 4, 5, 6]
    with pytest.raises(PolygonError, match="point 3"):
        order_points({"X좌표1": 1, "Y좌표1": 1, "X좌표3": 1})


def test_a_photo_of_another_size_or_none_is_told_with_the_remedy(tmp_path: Path) -> None:
    source = tmp_path / "kf"
    write_photo(source / "a_1.jpg", 1)
    label = [{"카테고리": "팬츠"}]
    write_json(source / "1.json", kfashion_file("a_1.jpg", 하의=label))
    write_json(source / "2.json", kfashion_file("gone.jpg", 하의=label))
    write_json(source / "3.json", kfashion_file("a_1.jpg", (61, 40), 하의=label))
    write_json(source / "4.json", {"something": "else"})
    prepare_kfashion(source, tmp_path / "out")
    told = {Path(p["file"]).name: p["problem"] for p in problems_of(tmp_path / "out")}
    assert set(told) == {"2.json", "3.json", "4.json"}
    assert "copy it below" in told["2.json"]
    assert "40 x 60, not 40 x 61" in told["3.json"]


def test_the_maps_to_the_shipped_taxonomy_are_whole() -> None:
    assert set(CATEGORY_OF_WORD.values()) == set(KFASHION_CATEGORIES)
    assert set(SHIPPED_FROM_DEEPFASHION2) == set(DEEPFASHION2_CATEGORIES)
    assert set(SHIPPED_FROM_DEEPFASHION2.values()) <= set(CATEGORIES)
    shipped = {SHIPPED_FROM_KFASHION.get(name, name) for name in KFASHION_CATEGORIES}
    assert shipped <= set(CATEGORIES)


@pytest.mark.skipif(not SHARED.exists(), reason="LOOKALIKE_DATA names no folder")
def test_the_three_real_kfashion_files(tmp_path: Path) -> None:
    source = tmp_path / "kf"
    for seed, file in enumerate(sorted((SHARED / "kfashion").glob("*.json"))):
        content = json.loads(file.read_text(encoding="utf-8"))
        head = content["이미지 정보"]
        size = head["이미지 높이"], head["이미지 너비"]
        write_photo(source / "photos" / head["이미지 파일명"], seed, *size)
        write_json(source / "labels" / file.name, content)
    prepare_kfashion(source, tmp_path / "out")
    (photo,) = all_photos(tmp_path / "out")
    names = [photo.categories[a["category_id"]] for a in photo.annotations]
    assert sorted(names) == ["blouse", "skirt"]
    for annotation in photo.annotations:
        # The file's own rectangle, half a pixel off: X 321.06, Y 288.216, 183 x 330 and
        # X 260.144, Y 59.4236, 295 x 335.
        expected = {"skirt": (321, 288, 183, 330), "blouse": (260, 59, 295, 335)}
        box = expected[photo.categories[annotation["category_id"]]]
        assert np.allclose(annotation["bbox"], box, atol=4)
    # Two files whose garments have no category: four garments and two photos, each told.
    assert len(problems_of(tmp_path / "out")) == 6


# COCO


def write_coco(source: Path, split: str, seed: int, **image: Any) -> dict[str, Any]:
    write_photo(source / "images" / f"{split}.jpg", seed)
    mask = np.zeros((60, 40), bool)
    mask[10:20, 5:15] = True
    content: dict[str, Any] = {
        "images": [{"id": 9, "file_name": f"{split}.jpg", "height": 60, "width": 40, **image}],
        "categories": [{"id": 3, "name": "Kleid"}, {"id": 5, "name": "Hut"}],
        "annotations": [
            {"id": 1, "image_id": 9, "category_id": 3, "segmentation": [SQUARE]},
            {"id": 2, "image_id": 9, "category_id": 5, "segmentation": encode_mask(mask)},
        ],
    }
    write_json(source / "annotations" / f"instances_{split}.json", content)
    return content


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


# Leaks, report, sheet


def test_a_smaller_copy_of_a_test_photo_leaves_training(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)
    original = cv2.resize(coarse, (300, 360), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / "test.jpg"), original)
    cv2.imwrite(str(tmp_path / "copy.jpg"), cv2.resize(original, (150, 180)))
    other = cv2.resize(coarse[::-1], (300, 360), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / "other.jpg"), other)
    (leak,) = find_leaks(tmp_path, {"test": ["test.jpg"], "train": ["copy.jpg", "other.jpg"]}, 1)
    assert (leak.name, leak.split, leak.twin, leak.kept_in) == (
        "copy.jpg",
        "train",
        "test.jpg",
        "test",
    )


def test_near_pairs_are_those_of_a_slow_search() -> None:
    rng = np.random.default_rng(3)
    base = rng.integers(0, 2**63, 60, dtype=np.uint64)
    chosen = [rng.choice(64, rng.integers(1, 6), replace=False) for _ in base]
    flips = np.array([sum(1 << int(bit) for bit in bits) for bits in chosen], dtype=np.uint64)
    hashes = np.concatenate([base, base ^ flips])
    slow = {
        (i, j)
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if bin(int(hashes[i]) ^ int(hashes[j])).count("1") <= 3
    }
    assert set(near_pairs(hashes)) == slow
    assert slow


def test_the_command_writes_a_report_and_a_sheet_and_can_be_repeated(tmp_path: Path) -> None:
    source = tmp_path / "own"
    write_coco(source, "train", 1)
    arguments = ["coco", str(source), str(tmp_path / "out")]
    for _ in range(2):
        result = CliRunner().invoke(prepare, arguments)
        assert result.exit_code == 0, result.output
    assert "1 train photos, 0 problems" in result.output
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| Kleid | 1 |" in report
    assert "| small garments | 2 |" in report
    sheet = cv2.imread(str(tmp_path / "out" / "sheet.jpg"))
    assert sheet is not None
    assert sheet.shape == (320, 6 * 240, 3)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    source, out = tmp_path / "own", tmp_path / "out"
    write_coco(source, "train", 1)
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="name a new folder"):
        prepare_coco(source, out)
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]
