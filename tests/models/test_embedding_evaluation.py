"""The evaluation from prepared photos to its page: cuts, scores, pictures, card."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray

from catalog.errors import InputError
from catalog.masks import encode_mask
from catalog.photos.decode import decode_crop
from models.checkpoints import load_card, save_checkpoint
from models.embedding.cli import COMMANDS, SHIPPED
from models.embedding.combinations import compare_frozen, compare_heads, list_combinations
from models.embedding.evaluate import (
    VOTED_KINDS,
    Embedded,
    embed_subjects,
    measure,
    vote,
    voted_kinds,
)
from models.embedding.infer import load_embedder
from models.embedding.network import CGD, Architecture
from models.embedding.subjects import Subject, choose_sold, read_subjects
from models.segmentation.data.coco import read_photos
from models.segmentation.data.luma import prepare_luma
from models.segmentation.infer import FoundGarment
from tests.models.striped_photos import draw_photo, write_crops, write_prepared
from workers.seeing import describe_garment

# pycocotools 2 still answers NumPy 2 in the old way, with a warning each time.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

TINY = Architecture(trunk="test_resnet", dimensions=24, side_px=64)


class FakeSegmenter:
    """Finds the striped garment and a hat over all of it; in the red photo nothing at all."""

    checkpoint_id = "segmentation-fake"

    def segment_photos(self, photos: list[NDArray[np.uint8]]) -> list[list[FoundGarment]]:
        return [self._find(photo) for photo in photos]

    def _find(self, photo: NDArray[np.uint8]) -> list[FoundGarment]:
        whole = np.ones(photo.shape[:2], dtype=bool)
        hat = FoundGarment("hat", 0.99, (0, 0, 60, 80), whole)
        _, mask = draw_photo(0)
        if (photo == draw_photo(0)[0]).all():
            return []
        return [hat, FoundGarment("dress", 0.5, (10, 15, 50, 65), mask)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("embedder")
    save_checkpoint(path, "embedding", TINY.as_json(), CGD(TINY).state_dict(), dimensions=24)
    return path


def read_found(folder: Path, split: str = "test") -> list[Subject]:
    segmenter: Any = FakeSegmenter()
    return read_subjects(folder, split, "found", segmenter)


def label_as_dresses(folder: Path, split: str = "test") -> Path:
    content = json.loads((folder / f"{split}.json").read_text())
    for image in content["images"]:
        image["labels"] = ["dress"]
    (folder / f"{split}.json").write_text(json.dumps(content))
    return folder


def test_what_is_found_is_cut_and_coded_byte_for_byte_as_the_worker_does(tmp_path: Path) -> None:
    folder = label_as_dresses(write_prepared(tmp_path, "test", masks=False))
    subjects = read_found(folder)
    photo, mask = draw_photo(3)
    garment = FoundGarment("dress", 0.5, (10, 15, 50, 65), mask)
    assert subjects[3].crop == describe_garment(photo, garment).crop
    assert (subjects[3].item, subjects[3].category) == ("item-3", "dress")


def test_a_photo_in_which_nothing_is_found_stays_as_not_found(tmp_path: Path) -> None:
    folder = label_as_dresses(write_prepared(tmp_path, "test", masks=False))
    assert [subject.crop is None for subject in read_found(folder)] == [True] + [False] * 7


def test_the_sold_garment_fits_and_is_large_and_sure() -> None:
    def garment(category: str, score: float, side: int) -> FoundGarment:
        mask = np.zeros((100, 100), dtype=bool)
        mask[:side, :side] = True
        return FoundGarment(category, score, (0, 0, side, side), mask)

    small, large, hat = garment("dress", 0.9, 10), garment("dress", 0.5, 30), garment("hat", 1, 90)
    assert choose_sold([small, hat, large], {"dress"}) is large
    assert choose_sold([hat], {"dress"}) is hat  # under a wrong name, but found
    assert choose_sold([], {"dress"}) is None


def test_among_several_garments_the_one_that_overlaps_by_half_is_taken(tmp_path: Path) -> None:
    folder = write_prepared(tmp_path, "test")
    content = json.loads((folder / "test.json").read_text())
    second = {**content["annotations"][3], "id": 99, "image_id": 4, "category_id": 1}
    sliver = np.zeros((80, 60), dtype=bool)
    sliver[:30, :2] = True
    second["segmentation"] = encode_mask(sliver)
    content["annotations"].append(second)
    (folder / "test.json").write_text(json.dumps(content))
    subjects = read_found(folder)
    assert len(subjects) == 9
    several = [subject for subject in subjects if subject.photo.name == "test-3.png"]
    assert [subject.crop is None for subject in several] == [False, True]
    assert [subject.item for subject in several] == ["", ""]  # nobody knows which is the product


def test_labelled_and_whole_cut_the_mask_or_nothing(tmp_path: Path) -> None:
    folder = write_prepared(tmp_path, "test")
    labelled = read_subjects(folder, "test", "labelled")
    whole = read_subjects(folder, "test", "whole")
    assert decode_crop(labelled[0].crop or b"").shape[:2] == (56, 46)
    assert decode_crop(whole[0].crop or b"").shape[:2] == (80, 60)
    assert [s.kind for s in labelled[:2]] == [s.kind for s in whole[:2]] == ["Gown", "Mini"]


def test_photos_without_masks_have_nothing_labelled(tmp_path: Path) -> None:
    folder = write_prepared(tmp_path, "test", masks=False)
    with pytest.raises(InputError, match=r"test.json: no garment for --crops labelled; try found"):
        read_subjects(folder, "test", "labelled")
    with pytest.raises(InputError, match=r"val.json is missing"):
        read_subjects(folder, "val", "whole")


def make_subject(item: str, view: str = "", kind: str = "Gown", found: bool = True) -> Subject:
    return Subject(Path("x"), b"crop" if found else None, "dress", kind, item, view)


def test_each_view_searches_among_the_main_photos_for_its_product() -> None:
    subjects = [make_subject(item, view) for view in ("main", "back", "detail") for item in "ab"]
    rows = np.array([[1, 0], [0, 1], [1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    metrics, queries = measure(Embedded(subjects, rows))
    assert metrics["by_view"]["back"]["recall@1"] == 0.5  # a's back finds a, b's finds a too
    assert metrics["by_view"]["detail"]["recall@1"] == 0.5
    assert metrics["by_view"]["back"]["queries"] == 2
    assert metrics["on"] == "items"
    assert metrics["recall@1"] == metrics["items"]["recall@1"]
    assert queries["by_view back"].nearest[2, :2].tolist() == [0, 1]


def test_a_photo_in_which_nothing_was_found_is_voted_wrongly() -> None:
    train = [make_subject("", kind=kind) for kind in ["T-Shirt"] * 5 + ["Hat"] * 5 + ["Polo"] * 5]
    gallery = np.array([[1, 0]] * 5 + [[0, 1]] * 5 + [[-1, 0]] * 5, dtype=np.float32)
    asked = [make_subject("", kind="T-Shirt"), make_subject("", kind="T-Shirt", found=False),
             make_subject("", kind="Hat"), make_subject("", kind="Polo")]  # fmt: skip
    rows = np.array([[1, 0], [0, 0], [0, 1], [-1, 0]], dtype=np.float32)
    kinds = voted_kinds(train)
    table = vote(Embedded(asked, rows), Embedded(train, gallery), kinds)
    assert kinds == VOTED_KINDS
    assert table is not None
    assert (table["queries"], table["neighbours"]) == (3, 10)  # a Polo is none of the ten
    assert table["vote_of_5"] == pytest.approx(2 / 3, abs=1e-3)


def test_kinds_of_other_data_vote_by_their_number() -> None:
    words = [word for number, word in enumerate("abcdefghijkl") for _ in range(number + 1)]
    assert voted_kinds([make_subject("", kind=word) for word in words]) == tuple("lkjihgfedc")


def test_combinations_are_all_of_the_letters_in_order() -> None:
    assert list_combinations("SMG") == ["S", "M", "G", "SM", "SG", "MG", "SMG"]


def test_all_heads_together_score_as_the_checkpoint_itself(
    checkpoint: Path, tmp_path: Path
) -> None:
    subjects = read_subjects(write_prepared(tmp_path, "test"), "test", "labelled")
    rows = compare_heads(checkpoint, "tiny", subjects, "cpu")
    embedder = load_embedder(checkpoint, "cpu")
    whole, _ = measure(embed_subjects(embedder.embed_crops, subjects))
    assert [row.descriptors for row in rows] == list_combinations("SMG")
    assert [row.dimensions for row in rows] == [8, 8, 8, 16, 16, 16, 24]
    assert rows[-1].metrics == whole


def test_frozen_features_are_the_descriptors_without_heads(tmp_path: Path) -> None:
    subjects = read_subjects(write_prepared(tmp_path, "test"), "test", "labelled")
    torch.save(CGD(TINY).trunk.state_dict(), tmp_path / "start.pth")
    rows = compare_frozen(tmp_path / "start.pth", replace(TINY, descriptors="S"), subjects, "cpu")
    assert [row.dimensions for row in rows] == [96, 96, 96, 192, 192, 192, 288]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(COMMANDS["evaluate embedding"], arguments)
    return result.exit_code, f"{result.output} {result.exception}"


def test_the_command_writes_metrics_tables_pictures_and_a_page(
    checkpoint: Path, tmp_path: Path
) -> None:
    data = write_prepared(write_prepared(tmp_path / "shop", "test"), "train")
    out = tmp_path / "report"
    torch.save(CGD(TINY).trunk.state_dict(), tmp_path / "start.pth")
    code, output = run(
        "--data", str(data), "--checkpoint", str(checkpoint), "--out", str(out),
        "--crops", "labelled", "--table", "--starting-weights", str(tmp_path / "start.pth"),
        "--write-card", "striped",
    )  # fmt: skip
    assert code == 0, output
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["checkpoint"] == load_card(checkpoint, "embedding").id
    assert (metrics["on"], metrics["queries"]) == ("categories", 8)
    assert 0 <= metrics["intervals"]["recall@1"][0] <= metrics["recall@1"]
    assert len(metrics["combinations"]) == 14
    assert "| categories | 8 |" in (out / "metrics.md").read_text()
    page = (out / "index.html").read_text()
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert cv2.imread(str(out / "hits.jpg")) is not None
    stored = load_card(checkpoint, "embedding").metrics["striped"]
    assert stored["recall@1"] == metrics["recall@1"]
    assert "command" in stored


def test_a_set_of_crops_can_be_measured_too(checkpoint: Path, tmp_path: Path) -> None:
    crops = write_crops(tmp_path)
    code, output = run(
        "--data", str(crops), "--checkpoint", str(checkpoint), "--out", str(tmp_path / "out")
    )
    assert code == 0, output
    code, output = run(
        "--data", str(crops), "--checkpoint", str(checkpoint), "--out", str(tmp_path / "out"),
        "--crops", "whole",
    )  # fmt: skip
    assert "only --crops labelled fits" in output


def test_a_checkpoint_of_another_kind_is_refused_before_anything_is_cut(tmp_path: Path) -> None:
    segmenter = SHIPPED / "segmenter"
    code, output = run(
        "--data", str(tmp_path), "--checkpoint", str(segmenter), "--out", str(tmp_path / "out")
    )
    assert code != 0
    assert "of kind segmentation, not embedding" in output


def write_luma(folder: Path, rows: list[tuple[str, str, str]]) -> Path:
    (folder / "images").mkdir(parents=True)
    header = ["image", "product", "view", "attribute_set", "width", "height"]
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for product, view, half in rows:
            name = f"images/{product}_{view}.png"
            cv2.imwrite(str(folder / name), draw_photo(0)[0])
            writer.writerow([name, product, view, half, 60, 80])
    return folder


def test_luma_has_main_photos_for_the_segmenter_and_all_views_for_the_embedder(
    tmp_path: Path,
) -> None:
    views = ["main", "back", "alt1", "sideb", "view"]
    source = write_luma(tmp_path / "luma", [("A1", view, "Top") for view in views])
    prepare_luma(source, tmp_path / "out")
    assert [photo.view for photo in read_photos(tmp_path / "out", "test")] == ["main"]
    photos = read_photos(tmp_path / "out", "views")
    assert [photo.view for photo in photos] == ["main", "back", "detail", "side", "other"]
    assert {photo.item for photo in photos} == {"A1"}
    assert "t-shirts" in photos[0].labels


def test_an_unknown_half_is_named_with_its_line(tmp_path: Path) -> None:
    source = write_luma(tmp_path / "luma", [("A1", "main", "Top"), ("A2", "main", "Shoe")])
    with pytest.raises(InputError, match=r"manifest.csv, line 3: attribute_set .*'Shoe'"):
        prepare_luma(source, tmp_path / "out")
