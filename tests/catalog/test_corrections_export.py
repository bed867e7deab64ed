"""Corrections as training data: read back by the reader that trains segmenters."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from sqlalchemy.orm import Session

from catalog.corrections import add_garment, correct_garment, judge_photo
from catalog.corrections_export import export_corrections
from catalog.errors import ConflictError
from catalog.garments import NewGarment, save_found
from catalog.items import upsert_items
from catalog.masks import encode_mask
from catalog.photos.image_store import photo_key
from catalog.recuts import find_cuts, save_cut, settle_recut
from catalog.services import Services
from catalog.tables import Garment, Generation, Photo, PhotoState, Verdict
from lookalike import cli
from models.segmentation.data.coco import read_photos
from models.segmentation.data.coco_files import prepare_coco
from tests.catalog.conftest import EMBEDDER, SEGMENTER

# pycocotools 2 still answers NumPy 2 in the old way, with a warning each time.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

WIDTH, HEIGHT = 60, 80


def store_photo(services: Services, session: Session, seed: int) -> Photo:
    from hashlib import sha256

    pixels = np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    digest = sha256(out.getvalue()).hexdigest()
    services.images.put(photo_key(digest), out.getvalue(), "image/png")
    photo = Photo(
        sha256=digest,
        bytes=len(out.getvalue()),
        media_type="image/png",
        width=WIDTH,
        height=HEIGHT,
        state=PhotoState.INDEXED,
    )
    session.add(photo)
    session.flush()
    upsert_items(session, "shop", [{"sku": f"sku-{seed}", "title": "x", "photos": [digest]}])
    return photo


def seen(category: str, x0: int, y0: int, x1: int, y1: int) -> NewGarment:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[y0:y1, x0:x1] = True
    return NewGarment(category, 0.9, (x0, y0, x1, y1), encode_mask(mask), [], b"crop")


@pytest.fixture
def reviewed(services: Services, session: Session, generation: Generation) -> list[Photo]:
    """A photo with each kind of correction, one that shows nothing, and one nobody looked at."""
    photos = [store_photo(services, session, seed) for seed in range(3)]
    found = [
        seen("dress", 5, 5, 30, 40),
        seen("bag", 40, 5, 55, 20),
        seen("hat", 0, 60, 20, 80),
        seen("shoes", 40, 60, 60, 80),
        seen("scarf", 24, 60, 38, 80),
    ]
    vectors = np.ones((5, 4), dtype=np.float32)
    dress, bag, hat, shoes, _ = save_found(session, photos[0], SEGMENTER, found, EMBEDDER, vectors)
    save_found(session, photos[2], SEGMENTER, found[:1], EMBEDDER, vectors[:1])
    correct_garment(session, dress.id)
    correct_garment(session, bag.id, category="coat")
    correct_garment(session, hat.id, excluded=True)
    correct_garment(session, shoes.id, box=[38, 50, 58, 78])
    add_garment(session, photos[0].id, "eyewear", [32, 30, 50, 45])
    judge_photo(session, photos[1].id, Verdict.EMPTY)
    session.commit()
    return photos


def cut_all(session: Session, photo: Photo) -> None:
    """What a worker does, with the box as the mask."""
    for cut in find_cuts(session, photo.id, [SEGMENTER], ()):
        x0, y0, x1, y1 = (int(edge) for edge in cut.box)
        new = seen(cut.category, x0, y0, x1, y1)
        save_cut(session, photo.id, cut, new, {EMBEDDER: np.ones(4, dtype=np.float32)}, boxed=True)
    settle_recut(session, photo.id, [SEGMENTER], ())
    session.commit()


@pytest.fixture
def environment(
    services: Services, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOOKALIKE_HOME", str(tmp_path / "no-home"))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("IMAGE_STORE_URL", services.settings.image_store_url)


def test_the_reader_of_training_data_reads_what_was_exported(
    session: Session, reviewed: list[Photo], environment: None, tmp_path: Path
) -> None:
    cut_all(session, reviewed[0])
    file = tmp_path / "own" / "train.json"
    result = CliRunner().invoke(cli, ["corrections", "export", str(file), "--photos"])
    assert result.exit_code == 0, result.output
    assert "2 photos with 6 garments" in result.output
    first, empty = read_photos(tmp_path / "own", "train")
    assert (first.width, first.height, first.item) == (WIDTH, HEIGHT, "sku-0")
    assert first.load_pixels().shape == (HEIGHT, WIDTH, 3)
    garments = {garment.category: garment.mask for garment in first.load_garments()}
    assert set(garments) == {"dress", "coat", "shoes", "scarf", "eyewear"}
    assert garments["dress"][5:40, 5:30].all()
    assert garments["dress"].sum() == 35 * 25
    assert garments["shoes"][50:78, 38:58].all()
    assert empty.annotations == ()
    said = {a["correction"]: a["iscrowd"] for a in json.loads(file.read_text())["annotations"]}
    assert said == {
        "accepted": 0,
        "category": 0,
        "excluded": 1,
        "box": 0,
        "added": 0,
        "unreviewed": 0,
    }


def test_the_converter_of_foreign_files_takes_it_too(
    session: Session, reviewed: list[Photo], environment: None, tmp_path: Path
) -> None:
    cut_all(session, reviewed[0])
    arguments = ["corrections", "export", str(tmp_path / "own" / "train.json"), "--photos"]
    CliRunner().invoke(cli, arguments)
    prepare_coco(tmp_path / "own", tmp_path / "prepared")
    photos = read_photos(tmp_path / "prepared", "train")
    assert sorted(len(photo.annotations) for photo in photos) == [0, 5]


def test_boxes_and_areas_are_the_masks(session: Session, reviewed: list[Photo]) -> None:
    cut_all(session, reviewed[0])
    annotations = export_corrections(session).content["annotations"]
    dress = next(each for each in annotations if each["correction"] == "accepted")
    assert dress["bbox"] == [5, 5, 25, 35]
    assert dress["area"] == 25 * 35


def test_photos_that_are_still_to_be_cut_wait_for_the_next_export(
    session: Session, reviewed: list[Photo]
) -> None:
    export = export_corrections(session)
    assert (export.waiting, len(export.photos)) == (1, 1)
    cut_all(session, reviewed[0])
    assert (export_corrections(session).waiting, export_corrections(session).garments) == (0, 6)


def test_a_lost_photo_is_no_silent_gap(
    services: Services,
    session: Session,
    reviewed: list[Photo],
    environment: None,
    tmp_path: Path,
) -> None:
    cut_all(session, reviewed[0])
    services.images.delete(photo_key(reviewed[0].sha256))
    result = CliRunner().invoke(
        cli, ["corrections", "export", str(tmp_path / "own" / "train.json"), "--photos"]
    )
    assert isinstance(result.exception, ConflictError)
    assert not (tmp_path / "own" / "train.json").exists()


def test_nothing_reviewed_is_an_empty_file(session: Session, generation: Generation) -> None:
    content = export_corrections(session).content
    assert (content["images"], content["annotations"]) == ([], [])
    assert [entry["name"] for entry in content["categories"]][:2] == ["top", "shirts"]


def test_a_deleted_items_photos_are_not_exported(session: Session, reviewed: list[Photo]) -> None:
    from catalog.items import delete_item

    cut_all(session, reviewed[0])
    delete_item(session, "shop", "sku-1")
    session.flush()
    assert len(export_corrections(session).photos) == 1
    assert session.get(Garment, export_corrections(session).photos[0].garments[0].id) is not None
