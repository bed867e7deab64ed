"""What `lookalike sample` leaves in a folder: a feed, photos and COCO masks, all or nothing."""

import csv
import hashlib
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import cv2
import pytest
from click.testing import CliRunner
from pycocotools.coco import COCO

from catalog.taxonomy import CATEGORIES
from sample.cli import sample
from sample.feed import FEED_COLUMNS, write_sample

ITEMS, SIDE_PX = 4, 160


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("drawn") / "shop", ITEMS, side_px=SIDE_PX).parent


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "feed.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def _coco(folder: Path) -> COCO:
    with redirect_stdout(StringIO()):
        return COCO(str(folder / "annotations.json"))


def test_the_feed_has_a_row_for_each_item_and_its_photos_exist(folder: Path) -> None:
    rows = _rows(folder)
    assert tuple(rows[0]) == FEED_COLUMNS
    assert len({row["sku"] for row in rows}) == ITEMS
    listed = [path for row in rows for path in row["photos"].split("|")]
    assert sorted(listed) == sorted(f"photos/{p.name}" for p in (folder / "photos").iterdir())
    for row in rows:
        assert float(row["price"]) > 0
        assert int(row["stock"]) >= 0
        assert row["title"]
        assert row["brand"]
        assert 1 <= len(row["photos"].split("|")) <= 4


def test_photos_are_upright_jpegs_of_the_asked_size(folder: Path) -> None:
    for path in (folder / "photos").iterdir():
        assert path.read_bytes()[:3] == b"\xff\xd8\xff"
        pixels = cv2.imread(str(path))
        assert pixels is not None
        assert pixels.shape == (SIDE_PX, SIDE_PX * 3 // 4, 3)


@pytest.mark.filterwarnings(  # pycocotools 2.0's decoder still speaks NumPy 1's protocol
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
def test_the_annotations_are_valid_coco_in_the_shipped_taxonomy(folder: Path) -> None:
    coco = _coco(folder)
    names = [category["name"] for category in coco.loadCats(coco.getCatIds())]
    assert tuple(names) == CATEGORIES
    skus = {row["sku"] for row in _rows(folder)}
    annotations = coco.loadAnns(coco.getAnnIds())
    assert skus <= {annotation["item"] for annotation in annotations}
    for annotation in annotations:
        mask = coco.annToMask(annotation)
        image = coco.loadImgs(annotation["image_id"])[0]
        assert mask.shape == (image["height"], image["width"])
        assert mask.sum() == annotation["area"] > 0
        assert list(cv2.boundingRect(mask)) == annotation["bbox"]
        assert annotation["view"] == image["view"]


def test_writing_again_changes_nothing_and_draws_nothing(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    calls: list[tuple[int, int]] = []
    write_sample(folder, ITEMS, side_px=SIDE_PX, progress=lambda *done: calls.append(done))
    assert not calls
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_bigger_sample_extends_a_smaller_one_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    smaller = write_sample(tmp_path / "shop", ITEMS - 2, side_px=SIDE_PX).parent
    kept = {n: d for n, d in _digests(smaller).items() if n.startswith("photos/")}
    assert kept.items() <= _digests(folder).items()
    assert _rows(smaller) == _rows(folder)[: ITEMS - 2]
    write_sample(smaller, ITEMS, side_px=SIDE_PX)
    assert _digests(smaller) == _digests(folder)


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="other files"):
        write_sample(tmp_path, 1, side_px=128)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_cut_run_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path / "shop", 2, side_px=128, progress=interrupt)
    assert not list(tmp_path.iterdir())


def test_the_command_writes_the_sample_and_says_what_to_do_next(tmp_path: Path) -> None:
    out = tmp_path / "shop"
    arguments = [str(out), "--items", "1", "--seed", "3", "--side", "128"]
    result = CliRunner().invoke(sample, arguments)
    assert result.exit_code == 0, result.output
    assert f"lookalike ingest {out / 'feed.csv'}" in result.output
    assert len(_rows(out)) == 1


def test_the_command_explains_a_folder_that_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    result = CliRunner().invoke(sample, [str(tmp_path), "--items", "1"])
    assert result.exit_code == 1
    assert "other files" in result.output
