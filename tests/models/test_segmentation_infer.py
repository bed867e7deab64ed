"""The shipped segmenter at work on drawn garments, and what it promises about its answers."""

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from catalog.errors import CheckpointError, InputError
from catalog.taxonomy import CATEGORIES
from models.checkpoints import load_card, write_card
from models.segmentation.cli import SHIPPED
from models.segmentation.data.coco import CocoWriter, LabelledGarment, read_photos
from models.segmentation.evaluate import (
    choose_threshold,
    evaluate_folder,
    measure_fitting,
)
from models.segmentation.found import find_garments
from models.segmentation.infer import (
    FoundGarment,
    Segmenter,
    group_by_padded_size,
    load_segmenter,
)
from sample.shop import draw_items
from sample.views import DrawnPhoto

# pycocotools 2 still answers NumPy 2 in the old way, with a warning each time.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return load_segmenter(SHIPPED, device="cpu")


@pytest.fixture(scope="module")
def drawn() -> list[DrawnPhoto]:
    return [next(iter(item.photos())) for item in draw_items(6, 3, 320)]


def mask_iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def test_most_drawn_garments_are_found_where_they_were_drawn(
    segmenter: Segmenter, drawn: list[DrawnPhoto]
) -> None:
    found = segmenter.segment_photos([photo.pixels for photo in drawn])
    hits = [
        any(mask_iou(guess.mask, max(photo.garments, key=area).mask) > 0.6 for guess in guesses)
        for photo, guesses in zip(drawn, found, strict=True)
    ]
    assert sum(hits) >= len(hits) - 2


def area(garment: object) -> int:
    return int(garment.mask.sum())  # type: ignore[attr-defined]


def test_boxes_and_masks_are_in_pixels_of_a_photo_that_is_not_square(
    segmenter: Segmenter, drawn: list[DrawnPhoto]
) -> None:
    wide = cv2.copyMakeBorder(drawn[0].pixels, 0, 0, 300, 40, cv2.BORDER_REPLICATE)
    wide = cv2.resize(wide, None, fx=1.7, fy=1.7)
    garments = segmenter.segment_photos([wide])[0]
    assert garments
    for garment in garments:
        assert garment.mask.shape == wide.shape[:2]
        assert garment.mask.dtype == bool
        x0, y0, x1, y1 = garment.box
        assert 0 <= x0 < x1 <= wide.shape[1]
        assert 0 <= y0 < y1 <= wide.shape[0]
        rows, columns = np.nonzero(garment.mask)
        assert rows.min() >= y0 - 2
        assert rows.max() <= y1 + 2
        assert columns.min() >= x0 - 2
        assert columns.max() <= x1 + 2


def test_a_photo_gets_the_same_answer_alone_and_beside_photos_of_other_sizes(
    segmenter: Segmenter, drawn: list[DrawnPhoto]
) -> None:
    pixels = [photo.pixels for photo in drawn[:3]]
    wide = cv2.copyMakeBorder(pixels[0], 0, 0, 150, 100, cv2.BORDER_REPLICATE)
    photos = [*pixels, wide, cv2.resize(pixels[1], (410, 300)), pixels[2][:200]]
    for photo, together in zip(photos, segmenter.segment_photos(photos), strict=True):
        alone = segmenter.segment_photos([photo])[0]
        assert [g.category for g in together] == [g.category for g in alone]
        for garment, same in zip(alone, together, strict=True):
            assert same.score == pytest.approx(garment.score, abs=0.01)
            assert same.box == pytest.approx(garment.box, abs=0.5)
            assert mask_iou(same.mask, garment.mask) > 0.99


def test_a_given_box_gets_the_mask_of_the_garment_in_it(
    segmenter: Segmenter, drawn: list[DrawnPhoto]
) -> None:
    pixels = cv2.copyMakeBorder(drawn[0].pixels, 30, 0, 200, 40, cv2.BORDER_REPLICATE)
    found = segmenter.segment_photos([pixels])[0]
    boxes = [[round(edge) for edge in garment.box] for garment in found]
    categories = [garment.category for garment in found]
    masks = segmenter.masks_in_boxes(pixels, boxes, categories)
    assert all(mask.shape == pixels.shape[:2] and mask.dtype == bool for mask in masks)
    for garment, mask in zip(found, masks, strict=True):
        assert mask_iou(garment.mask, mask) > 0.85
    x0, y0, x1, y1 = boxes[0]
    half = [x0, y0, x1, (y0 + y1) // 2]
    (mask,) = segmenter.masks_in_boxes(pixels, [half], categories[:1])
    rows, columns = np.nonzero(mask)
    assert rows.max() <= half[3] + 1
    assert columns.min() >= x0 - 1
    assert mask_iou(mask, found[0].mask) < 0.85


def test_a_category_that_the_network_does_not_know_gets_a_mask_all_the_same(
    segmenter: Segmenter, drawn: list[DrawnPhoto]
) -> None:
    garment = max(drawn[0].garments, key=area)
    rows, columns = np.nonzero(garment.mask)
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    (mask,) = segmenter.masks_in_boxes(drawn[0].pixels, [box], ["cape"])
    assert mask_iou(mask, garment.mask) > 0.5
    assert segmenter.masks_in_boxes(drawn[0].pixels, [], []) == []


def test_photos_that_are_padded_alike_run_together() -> None:
    shapes = [(3, 352, 500), (3, 340, 512), (3, 353, 512), (3, 512, 352), (3, 352, 481)]
    assert group_by_padded_size(shapes) == [[0, 1, 4], [2], [3]]


def test_answers_are_sorted_above_the_threshold_and_of_the_taxonomy(
    segmenter: Segmenter, drawn: list[DrawnPhoto]
) -> None:
    for garments in segmenter.segment_photos([photo.pixels for photo in drawn]):
        scores = [garment.score for garment in garments]
        assert scores == sorted(scores, reverse=True)
        assert all(score >= segmenter.score_threshold for score in scores)
        assert {garment.category for garment in garments} <= set(CATEGORIES)


def test_no_photos_and_plain_walls_are_no_trouble(segmenter: Segmenter) -> None:
    assert segmenter.segment_photos([]) == []
    tiny, wall = np.full((3, 5, 3), 200, np.uint8), np.full((300, 200, 3), 235, np.uint8)
    assert len(segmenter.segment_photos([tiny, wall])) == 2
    with pytest.raises(InputError, match="uint8"):
        segmenter.segment_photos([np.zeros((10, 10), np.uint8)])


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "segmenter"
    shutil.copytree(SHIPPED, folder)
    return folder


def test_a_checkpoint_whose_card_describes_another_network_is_refused(copy: Path) -> None:
    card = load_card(copy, "segmentation")
    with pytest.raises(CheckpointError):
        load_card(copy, "embedding")
    write_card(copy, replace(card, architecture={**card.architecture, "fpn_channels": 64}))
    with pytest.raises(CheckpointError):
        load_segmenter(copy, device="cpu")


def test_the_card_names_data_licence_threshold_and_metrics() -> None:
    card = load_card(SHIPPED, "segmentation")
    assert card.categories == CATEGORIES
    assert card.score_threshold is not None
    assert all(entry["licence"] for entry in card.data)
    assert card.metrics["ccp"]["box"]["AP50"] > 0
    assert "evaluate segmentation" in card.metrics["ccp"]["command"]


class PerfectSegmenter:
    """Answers with what was drawn: every score must be perfect."""

    score_threshold = 0.5
    checkpoint_id = "segmentation-perfect"

    def __init__(self, answers: list[list[FoundGarment]]) -> None:
        self.answers = iter(answers)

    def segment_photos(self, photos: list[np.ndarray]) -> list[list[FoundGarment]]:
        return [next(self.answers) for _ in photos]


def test_a_perfect_segmenter_scores_a_hundred(tmp_path: Path) -> None:
    writer = CocoWriter(tmp_path / "test.json")
    (tmp_path / "images").mkdir()
    answers = []
    for index in range(6):
        mask = np.zeros((60, 50), bool)
        mask[10 + index : 50, 10:40] = True
        cv2.imwrite(str(tmp_path / "images" / f"{index}.png"), np.zeros((60, 50, 3), np.uint8))
        writer.add_photo(f"{index}.png", mask.shape, [LabelledGarment("dress", mask)], ["Dress"])
        box = (10.0, 10.0 + index, 40.0, 50.0)
        answers.append([FoundGarment("dress", 0.9 - 0.05 * index, box, mask)])
    writer.write()
    precise, shipped = PerfectSegmenter(answers), PerfectSegmenter(answers)
    metrics = evaluate_folder(precise, shipped, tmp_path, "test").metrics  # type: ignore[arg-type]
    assert metrics["box"]["AP"] == 100
    assert metrics["mask"]["AP50"] == 100
    assert metrics["mask"]["per_category"]["dress"]["instances"] == 6
    assert metrics["mask"]["intervals"]["AP"] == [100, 100]
    assert metrics["at_threshold"]["precision"] == metrics["at_threshold"]["recall"] == 1
    assert metrics["confusion"] == {"dress": {"dress": 6}}
    assert metrics["found"]["fitting_share"] == 1


def test_the_threshold_that_drops_wrong_guesses_is_chosen(tmp_path: Path) -> None:
    writer = CocoWriter(tmp_path / "val.json")
    (tmp_path / "images").mkdir()
    mask, elsewhere = np.zeros((2, 40, 40), bool)
    mask[5:20, 5:20], elsewhere[25:35, 25:35] = True, True
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((40, 40, 3), np.uint8))
    writer.add_photo("a.png", mask.shape, [LabelledGarment("bag", mask)], ["bag"])
    writer.write()
    box = (5.0, 5.0, 20.0, 20.0)
    guesses = [FoundGarment("bag", 0.8, box, mask), FoundGarment("hat", 0.42, box, elsewhere)]
    found = find_garments(
        PerfectSegmenter([guesses]),  # type: ignore[arg-type]
        read_photos(tmp_path, "val"),
    )
    best, table = choose_threshold([found])
    assert best == 0.45
    assert table["0.15"] < table["0.45"] == 1
    assert measure_fitting(found)["fitting_share"] == 1
