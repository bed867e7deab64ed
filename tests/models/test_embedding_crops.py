"""Crop sets: what is cut, what is replaced, what is refused."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from catalog.errors import InputError
from models.embedding.cli import COMMANDS
from models.embedding.crop_set import INDEX, plain_crop, read_crop, read_records
from models.embedding.cutting import prepare_crops
from tests.models.striped_photos import write_crops, write_prepared

# pycocotools 2 still answers NumPy 2 in the old way, with a warning each time.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    return write_crops(tmp_path)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(COMMANDS["data crops"], arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_prepared_crop_is_what_a_worker_would_cut(crops: Path) -> None:
    record = read_records(crops)[3]
    crop, mask = read_crop(crops, record)
    assert (record.identity, record.category) == ("striped:item-3", "skirt")
    assert crop.shape[:2] == mask.shape == (56, 46)
    assert mask[3:53, 3:43].all()
    assert (plain_crop(crop, mask)[0, 0] < 245).all()  # the photo's 250 became the plain grey


def test_a_photos_one_word_is_the_kind_of_its_one_garment(crops: Path) -> None:
    assert [record.kind for record in read_records(crops)[:4]] == ["Gown", "Mini", "Gown", "Maxi"]


def test_an_index_without_kinds_still_reads(crops: Path) -> None:
    lines = [json.loads(line) for line in (crops / INDEX).read_text().splitlines()]
    for line in lines:
        del line["kind"]
    (crops / INDEX).write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [record.kind for record in read_records(crops)[:2]] == ["dress", "skirt"]


def test_cutting_twice_replaces_and_leaves_other_sources_alone(tmp_path: Path) -> None:
    prepared, out = write_prepared(tmp_path / "shop"), tmp_path / "set"
    run(str(prepared), "--out", str(out))
    run(str(prepared), "--out", str(out), "--source", "other")
    content = json.loads((prepared / "train.json").read_text())
    content["annotations"] = content["annotations"][:5]
    (prepared / "train.json").write_text(json.dumps(content))
    assert "5 crops of shop, 8 replaced" in run(str(prepared), "--out", str(out))
    sources = [record.source for record in read_records(out)]
    assert (sources.count("shop"), sources.count("other")) == (5, 8)
    assert len(list(out.glob("shop-*.jpg"))) == len(list(out.glob("shop-*.png"))) == 5


def test_a_coco_file_is_cut_like_the_folder_that_holds_it(tmp_path: Path) -> None:
    prepared = write_prepared(tmp_path / "shop")
    run(str(prepared), "--out", str(tmp_path / "a"))
    photos = str(prepared / "images")
    run(str(prepared / "train.json"), "--photos", photos, "--out", str(tmp_path / "b"))
    assert read_records(tmp_path / "a") == read_records(tmp_path / "b")


def test_a_broken_photo_is_named_and_the_others_are_cut(tmp_path: Path) -> None:
    prepared = write_prepared(tmp_path / "shop")
    (prepared / "images" / "train-3.png").write_bytes(b"no photo")
    output = run(str(prepared), "--out", str(tmp_path / "set"))
    assert "train-3.png is no photo" in output
    assert "7 crops" in output


def test_garments_too_small_to_tell_are_counted_not_cut(tmp_path: Path) -> None:
    prepared = write_prepared(tmp_path / "shop")
    content = json.loads((prepared / "train.json").read_text())
    content["annotations"][0]["bbox"] = [10, 15, 20, 20]
    (prepared / "train.json").write_text(json.dumps(content))
    report = prepare_crops(prepared / "train.json", prepared / "images", tmp_path / "set", "shop")
    assert (report.added, report.too_small) == (7, 1)


def test_polygons_are_refused_with_the_annotation_and_the_way_out(tmp_path: Path) -> None:
    prepared = write_prepared(tmp_path / "shop")
    content = json.loads((prepared / "train.json").read_text())
    content["annotations"][2]["segmentation"] = [[0, 0, 9, 0, 9, 9]]
    (prepared / "train.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"train.json, annotation 3: .*data prepare coco"):
        prepare_crops(prepared / "train.json", prepared / "images", tmp_path / "set", "shop")


def test_a_file_that_is_no_coco_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"images": []}')
    with pytest.raises(InputError, match=r"x.json is no COCO file"):
        prepare_crops(tmp_path / "x.json", tmp_path, tmp_path / "set", "shop")


def test_a_damaged_index_is_named_with_its_line(crops: Path) -> None:
    with (crops / INDEX).open("a") as file:
        file.write("{}\n")
    with pytest.raises(InputError, match=r"crops.jsonl, line 9"):
        read_records(crops)


def test_a_folder_without_crops_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lookalike data crops"):
        read_records(tmp_path)
