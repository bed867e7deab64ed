"""What is the same for every data set: polygons, leaks between splits, the report and the sheet."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from catalog.errors import InputError
from models.segmentation.data.cli import prepare
from models.segmentation.data.coco_files import prepare_coco
from models.segmentation.data.duplicates import find_leaks, near_pairs
from models.segmentation.data.polygons import PolygonError, mask_of_polygons
from tests.models.small_datasets import SQUARE, write_coco


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
