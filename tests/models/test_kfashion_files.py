"""K-Fashion becomes a prepared folder; what is broken is told."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.taxonomy import (
    CATEGORIES,
    DEEPFASHION2_CATEGORIES,
    KFASHION_CATEGORIES,
    SHIPPED_FROM_DEEPFASHION2,
    SHIPPED_FROM_KFASHION,
)
from models.segmentation.data.kfashion import CATEGORY_OF_WORD, order_points, prepare_kfashion
from models.segmentation.data.polygons import PolygonError
from tests.models.small_datasets import SQUARE, all_photos, problems_of, write_json, write_photo

SHARED = Path(os.environ.get("LOOKALIKE_DATA", "/nowhere"))


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
