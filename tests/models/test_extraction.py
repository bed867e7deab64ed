"""Extraction: crops, masks and vectors of whole folders, as workers see them, over any kill."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from catalog.errors import InputError
from catalog.masks import decode_mask
from catalog.photos.decode import decode_crop
from models.embedding.infer import load_embedder
from models.extraction import run
from models.extraction.cli import COMMANDS
from models.extraction.photos import SourcePhoto, list_photos
from models.extraction.run import Pictures, embed_extracted, extract
from models.extraction.table import GarmentTable, read_parts, read_vectors
from models.segmentation.infer import FoundGarment, load_segmenter
from tests.models.striped_photos import draw_photo, write_prepared
from workers.seeing import see_photos

SHIPPED = Path(run.__file__).parent.parent / "checkpoints"


class FakeSegmenter:
    """Finds the middle of every photo, and nothing in a black one; counts what it was given."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def segment_photos(self, photos: Sequence[NDArray[np.uint8]]) -> list[list[FoundGarment]]:
        self.batches.append(len(photos))
        return [self._find(photo) for photo in photos]

    def _find(self, photo: NDArray[np.uint8]) -> list[FoundGarment]:
        if not photo.any():
            return []
        mask = np.zeros(photo.shape[:2], dtype=bool)
        mask[15:65, 10:50] = True
        return [FoundGarment("dress", 0.75, (10.0, 15.0, 50.0, 65.0), mask)]


class FakeEmbedder:
    """A crop's mean colour and a one, to length 1."""

    def embed_crops(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        rows = np.array([[*crop.mean(axis=(0, 1)), 1.0] for crop in crops]).reshape(-1, 4)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "below").mkdir(parents=True)
    for number in range(8):
        pixels, _ = draw_photo(number)
        place = folder / "below" if number % 2 else folder
        cv2.imwrite(str(place / f"{number}.png"), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    cv2.imwrite(str(folder / "black.png"), np.zeros((80, 60, 3), np.uint8))
    return folder


def run_over(photos: Path, out: Path, **more: Any) -> Any:
    segmenter: Any = FakeSegmenter()
    embedder: Any = FakeEmbedder() if more.pop("vectors", False) else None
    table = GarmentTable(out, {"segmenter": "fake"}, 4 if embedder else None)
    return extract(list_photos(photos), table, segmenter, embedder, **more)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [row for _, garments in read_parts(folder) for row in garments]


def test_each_garment_gets_a_row_a_crop_with_and_without_background_and_a_mask(
    photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    outcome = run_over(photos, out, pictures=Pictures(out, "both"))
    assert (outcome.photos, outcome.garments, outcome.failed) == (9, 8, {})
    row = next(row for row in rows_of(out) if row["photo"] == "below/1.png")
    assert (row["category"], row["score"], row["x0"], row["y1"]) == ("dress", 0.75, 10.0, 65.0)
    mask = decode_mask({"size": [row["height"], row["width"]], "counts": row["mask"]})
    assert row["area"] == mask.sum() == 2000
    assert np.array_equal(cv2.imread(str(out / row["mask_file"]))[..., 0] > 127, mask)
    crop, kept = (decode_crop((out / row[k]).read_bytes()) for k in ("crop_file", "kept_file"))
    assert crop.shape == kept.shape
    assert abs(crop[0, 0].astype(int) - 238).max() < 10  # plain
    assert abs(kept[0, 0].astype(int) - 250).max() < 10  # the photo's own


def test_the_table_says_its_types_and_what_made_it(photos: Path, tmp_path: Path) -> None:
    run_over(photos, tmp_path / "out", vectors=True)
    table = pq.read_table(next((tmp_path / "out").glob("garments-*.parquet")))
    assert table.schema.field("vector").type == pa.list_(pa.float32(), 4)
    assert table.schema.field("mask").type == pa.string()
    assert table.schema.metadata[b"segmenter"] == b"fake"
    names, vectors = read_vectors(tmp_path / "out")
    assert names[0] == "0.png#1"
    assert vectors.shape == (8, 4)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)


def test_two_steps_give_the_vectors_of_one(photos: Path, tmp_path: Path) -> None:
    embedder: Any = FakeEmbedder()
    run_over(photos, tmp_path / "one", vectors=True)
    run_over(photos, tmp_path / "crops", pictures=Pictures(tmp_path / "crops", "plain"))
    table = GarmentTable(tmp_path / "two", {"embedder": "fake"}, 4)
    outcome = embed_extracted(tmp_path / "crops", table, embedder)
    assert (outcome.photos, outcome.garments) == (9, 8)
    (names, one), (others, two) = read_vectors(tmp_path / "one"), read_vectors(tmp_path / "two")
    assert names == others
    np.testing.assert_array_equal(one, two)
    assert embed_extracted(tmp_path / "crops", table, embedder).before == 9


def test_vectors_need_plain_crops(photos: Path, tmp_path: Path) -> None:
    run_over(photos, tmp_path / "crops", pictures=Pictures(tmp_path / "crops", "keep"))
    table = GarmentTable(tmp_path / "two", {"embedder": "fake"}, 4)
    embedder: Any = FakeEmbedder()
    with pytest.raises(InputError, match="has no plain crops"):
        embed_extracted(tmp_path / "crops", table, embedder)


def test_a_killed_run_goes_on_and_ends_as_one_that_was_not(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_PART", 4)
    run_over(photos, tmp_path / "whole", vectors=True)
    cut = tmp_path / "cut"
    run_over(photos, cut, vectors=True)
    (cut / "photos-00001.parquet").unlink()  # killed between a part's two files
    (cut / "photos-00002.parquet").unlink()
    (cut / "garments-00002.parquet").unlink()
    outcome = run_over(photos, cut, vectors=True)
    assert (outcome.before, outcome.photos) == (4, 5)
    assert rows_of(cut) == rows_of(tmp_path / "whole")
    again = run_over(photos, cut, vectors=True)
    assert (again.before, again.photos) == (9, 0)  # the black one is not looked at again either


def test_a_damaged_photo_is_named_and_tried_again_when_it_is_mended(
    photos: Path, tmp_path: Path
) -> None:
    bad = photos / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xffnothing")
    outcome = run_over(photos, tmp_path / "out")
    assert outcome.photos == 9
    with (tmp_path / "out" / "failed.csv").open() as file:
        assert [row["photo"] for row in csv.DictReader(file)] == ["bad.jpg"]
    cv2.imwrite(str(bad), draw_photo(0)[0])
    assert run_over(photos, tmp_path / "out").photos == 1
    assert not (tmp_path / "out" / "failed.csv").exists()


def test_a_folder_of_other_settings_or_of_something_else_is_refused(
    photos: Path, tmp_path: Path
) -> None:
    run_over(photos, tmp_path / "out")
    with pytest.raises(InputError, match="segmenter is other, was fake"):
        GarmentTable(tmp_path / "out", {"segmenter": "other"})
    with pytest.raises(InputError, match="holds no extraction"):
        GarmentTable(photos, {"segmenter": "fake"})


def test_only_a_few_photos_are_read_ahead(photos: Path, tmp_path: Path) -> None:
    taken: list[str] = []

    class Watched(list[SourcePhoto]):
        def __iter__(self) -> Any:
            for photo in super().__iter__():
                taken.append(photo.name)
                yield photo

    most: list[int] = []
    segmenter: Any = FakeSegmenter()
    seen = 0

    def segment(pictures: Any) -> Any:
        nonlocal seen
        most.append(len(taken) - seen)
        seen += len(pictures)
        return FakeSegmenter.segment_photos(segmenter, pictures)

    segmenter.segment_photos = segment
    many = Watched(list_photos(photos) * 12)
    read = run.work_ahead(run.read_photo, many, ahead=8)
    list(run._see_all(read, segmenter, None, run.Outcome()))
    assert len(most) == 27
    assert max(most) <= 13  # a batch in hand, and eight with the one asked for


def test_a_coco_file_s_garments_are_cut_as_labelled(tmp_path: Path) -> None:
    data = write_prepared(tmp_path / "data")
    content = json.loads((data / "train.json").read_text())
    polygon = [[10, 15, 50, 15, 50, 65, 10, 65]]
    content["annotations"][0]["segmentation"] = polygon
    content["annotations"][1]["segmentation"] = []
    (data / "train.json").write_text(json.dumps(content))
    result = CliRunner().invoke(
        COMMANDS["extract crops"], [str(data / "train.json"), "--out", str(tmp_path / "out")]
    )
    assert result.exit_code == 0, result.output
    assert "7 garments of 7 photos" in result.output
    assert "its garment 1 (skirt)" in result.output
    row = rows_of(tmp_path / "out")[0]
    assert (row["score"], row["category"], row["x0"], row["x1"]) == (None, "dress", 10.0, 50.0)


def test_a_name_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    data = write_prepared(tmp_path / "data")
    text = (data / "train.json").read_text().replace("train-0.png", "../../secret.png")
    (data / "train.json").write_text(text)
    with pytest.raises(InputError, match="leads out of"):
        list_photos(data / "train.json")


def test_the_commands_store_what_a_worker_would(photos: Path, tmp_path: Path) -> None:
    out, photos = tmp_path / "out", photos / "below"
    result = CliRunner().invoke(COMMANDS["extract features"], [str(photos), "--out", str(out)])
    assert result.exit_code == 0, result.output
    segmenter = load_segmenter(SHIPPED / "segmenter")
    embedder = load_embedder(SHIPPED / "embedder")
    listed = list_photos(photos)
    pixels = [run.read_photo(photo).pixels for photo in listed]
    rows = {(row["photo"], row["garment"]): row for row in rows_of(out)}
    count = 0
    for photo, one in zip(listed, pixels, strict=True):
        assert one is not None
        [seen] = see_photos([one], segmenter, {"e": embedder}, 8)
        for number, garment in enumerate(seen.garments, start=1):
            row = rows[photo.name, number]
            assert row["category"] == garment.category
            assert row["mask"] == garment.mask["counts"]
            np.testing.assert_allclose(row["vector"], seen.vectors["e"][number - 1], atol=1e-3)
            count += 1
    assert count == len(rows) > 0
