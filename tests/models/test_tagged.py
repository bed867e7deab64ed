"""Tags correct what a segmenter says: names, and which photos are understood."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from catalog.errors import InputError
from models.segmentation.data.coco import read_photos
from models.segmentation.data.tagged import agree_with_tags, label_tagged
from models.segmentation.infer import FoundGarment


def garment(category: str, score: float, top: int, bottom: int) -> FoundGarment:
    mask = np.zeros((100, 60), bool)
    mask[top:bottom, 10:50] = True
    return FoundGarment(category, score, (10.0, float(top), 50.0, float(bottom)), mask)


def named(found: list[FoundGarment], tagged: set[str]) -> list[tuple[str, float]]:
    return [(g.category, g.score) for g in agree_with_tags(found, tagged).garments]


def test_what_no_tag_confirms_is_background() -> None:
    found = [garment("dress", 0.9, 10, 80), garment("bag", 0.6, 50, 70)]
    assert named(found, {"dress"}) == [("dress", 0.9)]


def test_a_tag_makes_a_weak_detection_believable_but_not_any() -> None:
    found = [garment("pants", 0.1, 50, 90), garment("hat", 0.05, 0, 10)]
    agreement = agree_with_tags(found, {"pants", "hat"})
    assert [g.category for g in agreement.garments] == ["pants"]
    assert agreement.missing == {"hat"}
    assert agreement.usable


def test_the_name_of_the_tag_wins_over_a_better_score_for_the_same_cloth() -> None:
    found = [garment("shirts", 0.7, 10, 50), garment("top", 0.2, 11, 50)]
    assert named(found, {"top"}) == [("top", 0.2)]


def test_a_garment_that_only_its_name_is_wrong_of_is_renamed() -> None:
    found = [garment("shirts", 0.7, 10, 50), garment("jean", 0.6, 50, 95)]
    agreement = agree_with_tags(found, {"t-shirts", "jean"})
    assert {g.category for g in agreement.garments} == {"t-shirts", "jean"}
    assert agreement.renamed == 1


def test_two_lost_names_for_one_garment_are_left_open_and_the_photo_too() -> None:
    agreement = agree_with_tags([garment("shirts", 0.7, 10, 50)], {"t-shirts", "knitwear"})
    assert agreement.garments == ()
    assert not agreement.usable


def test_a_lower_garment_never_gets_an_upper_ones_name() -> None:
    agreement = agree_with_tags([garment("skirt", 0.7, 50, 90)], {"coat"})
    assert agreement.missing == {"coat"}


class FakeSegmenter:
    """Finds the same garments in every photo."""

    def segment_photos(self, photos: list[np.ndarray]) -> list[list[FoundGarment]]:
        return [[garment("dress", 0.9, 10, 80)] for _ in photos]


def write_source(folder: Path, rows: list[dict[str, str]]) -> Path:
    (folder / "images").mkdir(parents=True)
    for row in rows:
        cv2.imwrite(str(folder / row["image"]), np.full((100, 60, 3), 180, np.uint8))
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["image", "annotation", "tags", "split"])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def row(name: str, tags: str, split: str = "train", annotation: str = "image") -> dict[str, str]:
    return {"image": f"images/{name}.jpg", "annotation": annotation, "tags": tags, "split": split}


def test_only_understood_training_photos_are_written(tmp_path: Path) -> None:
    rows = [
        row("fits", "dress|hair"),
        row("lacks", "coat|dress"),
        row("measured", "dress", split="test"),
        row("drawn", "dress", annotation="pixel"),
    ]
    source = write_source(tmp_path / "ccp", rows)
    said: list[str] = []
    label_tagged(source, tmp_path / "out", FakeSegmenter(), said.append)  # type: ignore[arg-type]
    (photo,) = read_photos(tmp_path / "out", "train")
    assert photo.path.name == "fits.jpg"
    assert [g.category for g in photo.load_garments()] == ["dress"]
    assert read_photos(tmp_path / "out", "val") == []
    assert said == ["tagged: 1 of 2 photos used, 0 garments renamed by a tag"]


def test_a_folder_without_tagged_photos_is_refused(tmp_path: Path) -> None:
    source = write_source(tmp_path / "ccp", [row("drawn", "dress", annotation="pixel")])
    with pytest.raises(InputError, match=r"manifest\.csv"):
        label_tagged(source, tmp_path / "out", FakeSegmenter())  # type: ignore[arg-type]
