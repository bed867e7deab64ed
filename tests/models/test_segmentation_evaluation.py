"""The numbers of an evaluation against pycocotools and against cases computed by hand."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from catalog.errors import InputError
from catalog.masks import encode_mask
from catalog.taxonomy import CATEGORIES
from models.segmentation.confusion import count_confusions, measure_operating_point, score_photo
from models.segmentation.data.coco import CocoWriter, LabelledGarment, read_photos
from models.segmentation.evaluate import Evaluation
from models.segmentation.found import Found
from models.segmentation.infer import FoundGarment
from models.segmentation.page import write_evaluation
from models.segmentation.precision import average_precision, gather_matches, measure_precision

# pycocotools 2 still answers NumPy 2 in the old way, with a warning each time.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZE = (64, 48)
Box = tuple[int, int, int, int]


def mask_of(box: Box) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


def guess(category: str, score: float, box: Box) -> tuple[FoundGarment, dict[str, Any]]:
    corners = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
    return FoundGarment(category, score, corners, np.zeros((0, 0), bool)), encode_mask(mask_of(box))


def write_folder(folder: Path, photos: list[list[tuple[str, Box]]]) -> Path:
    writer = CocoWriter(folder / "test.json")
    (folder / "images").mkdir(parents=True)
    for place, garments in enumerate(photos):
        cv2.imwrite(str(folder / "images" / f"{place}.png"), np.full((*SIZE, 3), 200, np.uint8))
        labelled = [LabelledGarment(name, mask_of(box)) for name, box in garments]
        writer.add_photo(f"{place}.png", SIZE, labelled)
    writer.write()
    return folder


def with_guesses(
    folder: Path, guesses: list[list[tuple[FoundGarment, dict[str, Any]]]]
) -> list[Found]:
    pairs = zip(read_photos(folder, "test"), guesses, strict=True)
    return [Found(photo, tuple(found)) for photo, found in pairs]


WHOLE: Box = (4, 4, 40, 60)


def test_average_precision_of_a_case_computed_by_hand(tmp_path: Path) -> None:
    # Five dresses. By falling score: right, wrong, right, and two dresses stay unfound.
    folder = write_folder(tmp_path / "d", [[("dress", WHOLE)] for _ in range(5)])
    elsewhere: Box = (0, 0, 6, 6)
    guesses = [
        [guess("dress", 0.9, WHOLE)],
        [guess("dress", 0.8, elsewhere)],
        [guess("dress", 0.7, WHOLE)],
        [],
        [],
    ]
    measured = measure_precision(with_guesses(folder, guesses), folder, "test")
    # Recall .2 at precision 1, recall .4 at precision 2/3: of 101 recall points the 21 up to .20
    # have precision 1, the 20 up to .40 have 2/3, the others none.
    expected = 100 * (21 * 1 + 20 * 2 / 3) / 101
    for kind in ("box", "mask"):
        assert measured[kind]["AP50"] == pytest.approx(expected, abs=0.01)
        assert measured[kind]["per_category"]["dress"]["AP50"] == measured[kind]["AP50"]
    low, high = measured["mask"]["intervals"]["AP50"]
    assert low < expected < high


def random_case(folder: Path, seed: int) -> tuple[Path, list[Found]]:
    rng = np.random.default_rng(seed)
    names = ("dress", "bag", "shoes")

    def box() -> Box:
        x, y = int(rng.integers(0, 20)), int(rng.integers(0, 30))
        return x, y, x + int(rng.integers(8, 27)), y + int(rng.integers(8, 33))

    photos = [
        [(names[rng.integers(3)], box()) for _ in range(rng.integers(1, 4))] for _ in range(14)
    ]
    guesses = []
    for garments in photos:
        row = []
        for name, (x0, y0, x1, y1) in garments:
            shift = int(rng.integers(0, 4))
            moved = (x0 + shift, y0, min(SIZE[1], x1 + shift), y1)
            named = name if rng.random() < 0.7 else names[rng.integers(3)]
            row.append(guess(named, float(rng.random()), moved))
        guesses.append([*row, guess(names[rng.integers(3)], float(rng.random()), box())])
    write_folder(folder, photos)
    return folder, with_guesses(folder, guesses)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("kind", "iou"), [("box", "bbox"), ("mask", "segm")])
def test_scores_are_those_of_pycocotools(tmp_path: Path, seed: int, kind: str, iou: str) -> None:
    folder, found = random_case(tmp_path / "d", seed)
    measured = measure_precision(found, folder, "test")[kind]
    results = [
        {
            "image_id": place + 1,
            "category_id": CATEGORIES.index(garment.category) + 1,
            "score": garment.score,
            **({"segmentation": rle} if kind == "mask" else {}),
            **({"bbox": _corner_and_size(garment.box)} if kind == "box" else {}),
        }
        for place, photo in enumerate(found)
        for garment, rle in photo.garments
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(folder / "test.json"))
        direct = COCOeval(truth, truth.loadRes(results), iou)
        counts = {c: len(truth.getAnnIds(catIds=[c])) for c in truth.getCatIds()}
        direct.params.catIds = [c for c, count in counts.items() if count >= 5]
        direct.evaluate()
        direct.accumulate()
        direct.summarize()
    assert measured["AP"] == pytest.approx(100 * direct.stats[0], abs=0.01)
    assert measured["AP50"] == pytest.approx(100 * direct.stats[1], abs=0.01)
    assert measured["AP75"] == pytest.approx(100 * direct.stats[2], abs=0.01)
    # Our own accumulation, of which the intervals are made, on the photos as they are.
    once = np.ones(len(found), np.int64)
    ours = [average_precision(matches, once) for matches in gather_matches(direct)]
    means = np.mean([scores for scores in ours if scores is not None], axis=0)
    assert 100 * means.mean() == pytest.approx(100 * direct.stats[0], abs=0.01)


def _corner_and_size(box: tuple[float, ...]) -> list[float]:
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]


def test_a_photo_counted_twice_weighs_as_a_copy_of_it(tmp_path: Path) -> None:
    folder, found = random_case(tmp_path / "d", 5)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(folder / "test.json"))
        results = [
            {
                "image_id": place + 1,
                "category_id": CATEGORIES.index(garment.category) + 1,
                "score": garment.score,
                "bbox": _corner_and_size(garment.box),
            }
            for place, photo in enumerate(found)
            for garment, _ in photo.garments
        ]
        direct = COCOeval(truth, truth.loadRes(results), "bbox")
        direct.evaluate()
    matches = max(gather_matches(direct), key=lambda m: int(m.truths.sum()))
    only = np.zeros(len(found), np.int64)
    only[matches.truths > 0] = 1
    one, three = average_precision(matches, only), average_precision(matches, 3 * only)
    assert one is not None
    assert three is not None
    # Three copies of everything: the same precision at every recall but for the finer steps.
    assert np.allclose(one, three, atol=0.05)
    assert average_precision(matches, 0 * only) is None


def test_finding_nothing_scores_nothing_and_rare_categories_are_left_out(tmp_path: Path) -> None:
    photos = [[("dress", WHOLE)] for _ in range(5)]
    photos[0].append(("hat", (1, 1, 10, 10)))
    folder = write_folder(tmp_path / "d", photos)
    measured = measure_precision(with_guesses(folder, [[] for _ in photos]), folder, "test")
    assert measured["mask"]["AP"] == 0
    assert list(measured["mask"]["per_category"]) == ["dress"]


def test_other_taxonomies_are_measured_by_what_their_names_mean(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "d", [[("knitwear", WHOLE)] for _ in range(5)])
    guesses = [[guess("hoody", 0.9, WHOLE), guess("cloak", 0.8, WHOLE)] for _ in range(5)]
    measured = measure_precision(with_guesses(folder, guesses), folder, "test")
    assert measured["mask"]["AP50"] == 100
    assert measured["unmapped"] == ["cloak"]
    strangers = with_guesses(folder, [[guess("cloak", 0.8, WHOLE)] for _ in range(5)])
    with pytest.raises(InputError, match="cloak"):
        measure_precision(strangers, folder, "test")


def three_photos(folder: Path) -> list[Found]:
    bag: Box = (30, 40, 46, 60)
    write_folder(folder, [[("coat", WHOLE)], [("coat", WHOLE), ("bag", bag)], [("dress", WHOLE)]])
    guesses = [
        [guess("jacket", 0.9, WHOLE)],
        [guess("coat", 0.8, WHOLE), guess("hat", 0.4, (0, 0, 5, 5))],
        [guess("dress", 0.7, WHOLE)],
    ]
    return with_guesses(folder, guesses)


def test_what_is_taken_for_what_is_counted(tmp_path: Path) -> None:
    found = three_photos(tmp_path / "d")
    assert count_confusions(found) == {
        "coat": {"jacket": 1, "coat": 1},
        "nothing there": {"hat": 1},
        "bag": {"missed": 1},
        "dress": {"dress": 1},
    }
    assert measure_operating_point(found) == {
        "precision": 0.5,
        "recall": 0.5,
        "precision_any_name": 0.75,
        "recall_any_name": 0.75,
        "false_garments_per_photo": 0.3333,
    }
    assert [score_photo(photo) for photo in found] == [0.0, 0.5, 1.0]


def test_the_page_shows_numbers_charts_and_photos(tmp_path: Path) -> None:
    folder, found = random_case(tmp_path / "d", 2)
    metrics: dict[str, Any] = {
        "checkpoint": "segmentation-0123456789ab",
        "photos": len(found),
        "split": "test",
        "found": {"photos": 0, "score_threshold": 0.3},
        **measure_precision(found, folder, "test"),
        "at_threshold": measure_operating_point(found),
        "confusion": count_confusions(found),
    }
    page = write_evaluation(Evaluation(metrics, found), tmp_path / "out", "<shop>")
    text = page.read_text(encoding="utf-8")
    assert "&lt;shop&gt;" in text
    assert f"{metrics['mask']['AP50']:.1f}" in text
    for name in ("curves.svg", "confusion.svg", "worst/01.jpg", "best/01.jpg"):
        assert name in text
        assert (tmp_path / "out" / name).stat().st_size > 500
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == metrics
    assert "| dress |" in (tmp_path / "out" / "report.md").read_text()


def test_a_split_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"test\.json is missing; lookalike data prepare"):
        read_photos(tmp_path, "test")
    (tmp_path / "test.json").write_text('{"images": []}')
    with pytest.raises(InputError, match=r"test\.json: not a prepared folder's COCO file"):
        read_photos(tmp_path, "test")
