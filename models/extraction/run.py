"""From photos to crops, masks and vectors on disk: as the workers see them, without a catalog.

Called by `lookalike extract crops` and `lookalike extract features`.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.errors import InputError
from catalog.masks import encode_mask
from catalog.photos.decode import decode_crop, encode_crop
from models.ahead import work_ahead
from models.crops import cut_crop
from models.extraction.photos import ReadPhoto, SourcePhoto, read_photo
from models.extraction.table import GarmentTable, count_photos, read_parts
from models.segmentation.data.coco_files import read_mask
from models.segmentation.data.polygons import PolygonError

if TYPE_CHECKING:
    from models.embedding.infer import Embedder
    from models.segmentation.infer import Segmenter

Background = Literal["plain", "keep", "both"]
Advance = Callable[[int, int], None]
T = TypeVar("T")

FAILED = "failed.csv"
_BATCH = 4
_PART = 64
"""Photos in a part: what a kill may cost. Their pixels are gone by then, their rows are kept."""


@dataclass(frozen=True)
class Garment:
    """One garment: `crop` is (coded) what a worker stores, `mask` (H, W) of the photo."""

    category: str
    score: float | None
    box: tuple[float, float, float, float]
    mask: NDArray[np.bool_]
    crop: bytes


@dataclass
class Outcome:
    """What a run did; `failed` maps a photo's name to why it could not be used."""

    photos: int = 0
    garments: int = 0
    before: int = 0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pictures:
    """Which picture files are written below `folder`."""

    folder: Path
    background: Background


def extract(
    photos: Sequence[SourcePhoto],
    table: GarmentTable,
    segmenter: "Segmenter | None" = None,
    embedder: "Embedder | None" = None,
    pictures: Pictures | None = None,
    advance: Advance = lambda done, total: None,
) -> Outcome:
    """Cut the garments of all photos that the table lacks, and add them to it.

    `segmenter` finds the garments of photos without labels. With `embedder` each row gets its
    vector, with `pictures` each garment its files. Memory does not grow with the photos. A photo
    that can't be used is left for the next run and named in the outcome and in `failed.csv`.
    """
    outcome = Outcome()
    wanted = [photo for photo in photos if photo.name not in table.done]
    outcome.before = len(photos) - len(wanted)
    read = work_ahead(read_photo, wanted, ahead=2 * _BATCH)
    seen = _in_batches(_see_all(read, segmenter, embedder, outcome), _BATCH)
    for part in _in_batches(_describe_behind(seen, pictures), _PART // _BATCH):
        rows = [row for photo_rows, _ in part for row in photo_rows]
        table.add_part(rows, [row for _, garments in part for row in garments])
        outcome.photos += len(rows)
        outcome.garments += sum(len(garments) for _, garments in part)
        advance(outcome.before + outcome.photos + len(outcome.failed), len(photos))
    _write_failed(table.folder / FAILED, outcome.failed)
    return outcome


Rows = tuple[list[dict[str, Any]], list[dict[str, Any]]]
"""Of some photos, the rows of the photos and those of their garments."""


def _describe_behind(
    batches: Iterable[Sequence["Seen"]], pictures: Pictures | None
) -> Iterator[Rows]:
    """Rows and picture files of each batch, made in a thread while the next one is seen."""
    with ThreadPoolExecutor(1, "write") as writer:
        writing: Future[Rows] | None = None
        for batch in batches:
            if writing is not None:
                yield writing.result()
            writing = writer.submit(_describe_batch, batch, pictures)
        if writing is not None:
            yield writing.result()


Seen = tuple[ReadPhoto, list[Garment], "NDArray[np.float32] | None"]
"""A photo, its garments and their vectors (N, D)."""


def _see_all(
    photos: Iterable[ReadPhoto],
    segmenter: "Segmenter | None",
    embedder: "Embedder | None",
    outcome: Outcome,
) -> Iterator[Seen]:
    for batch in _in_batches(photos, _BATCH):
        good = []
        for photo in batch:
            if photo.pixels is None:
                outcome.failed[photo.source.name] = photo.problem
            else:
                good.append(photo)
        seen = _cut(good, segmenter, outcome)
        yield from _embed(seen, embedder)


def _cut(
    photos: Sequence[ReadPhoto], segmenter: "Segmenter | None", outcome: Outcome
) -> list[tuple[ReadPhoto, list[Garment]]]:
    unlabelled = [photo for photo in photos if photo.source.garments is None]
    if unlabelled and segmenter is None:
        raise InputError("photos without labels need a segmenter")
    seen = []
    if segmenter is not None and unlabelled:
        pixels = [photo.pixels for photo in unlabelled if photo.pixels is not None]
        for photo, found in zip(unlabelled, segmenter.segment_photos(pixels), strict=True):
            garments = [
                _garment(photo, one.category, one.score, one.box, one.mask) for one in found
            ]
            seen.append((photo, garments))
    for photo in photos:
        if photo.source.garments is not None:
            try:
                seen.append((photo, list(_labelled(photo))))
            except PolygonError as error:
                outcome.failed[photo.source.name] = str(error)
    return seen


def _labelled(photo: ReadPhoto) -> Iterator[Garment]:
    assert photo.pixels is not None
    height, width = photo.pixels.shape[:2]
    for number, label in enumerate(photo.source.garments or (), start=1):
        try:
            mask = read_mask(label.segmentation, (height, width))
        except PolygonError as error:
            raise PolygonError(f"its garment {number} ({label.category}): {error}") from error
        yield _garment(photo, label.category, None, _box_of(mask), mask)


def _box_of(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _garment(
    photo: ReadPhoto,
    category: str,
    score: float | None,
    box: tuple[float, float, float, float],
    mask: NDArray[np.bool_],
) -> Garment:
    assert photo.pixels is not None
    return Garment(category, score, box, mask, encode_crop(cut_crop(photo.pixels, box, mask)))


def _embed(
    seen: Sequence[tuple[ReadPhoto, list[Garment]]], embedder: "Embedder | None"
) -> Iterator[Seen]:
    """The garments of some photos through the embedder in common; the crop as it is stored."""
    if embedder is None:
        for photo, garments in seen:
            yield photo, garments, None
        return
    crops = [decode_crop(garment.crop) for _, garments in seen for garment in garments]
    rows = embedder.embed_crops(crops)
    start = 0
    for photo, garments in seen:
        yield photo, garments, rows[start : start + len(garments)]
        start += len(garments)


def _describe_batch(batch: Sequence[Seen], pictures: Pictures | None) -> Rows:
    photos, rows = [], []
    for photo, garments, vectors in batch:
        assert photo.pixels is not None
        height, width = photo.pixels.shape[:2]
        name = photo.source.name
        common = {"photo": name, "sha256": photo.sha256, "width": width, "height": height}
        photos.append({**common, "garments": len(garments)})
        for number, garment in enumerate(garments, start=1):
            row = {**common, "garment": number, **_describe(garment)}
            if pictures is not None:
                row |= _write_pictures(pictures, photo, number, garment)
            if vectors is not None:
                row["vector"] = vectors[number - 1].tolist()
            rows.append(row)
    return photos, rows


def _describe(garment: Garment) -> dict[str, Any]:
    corners = dict(zip(("x0", "y0", "x1", "y1"), garment.box, strict=True))
    return {
        "category": garment.category,
        "score": garment.score,
        **corners,
        "area": int(garment.mask.sum()),
        "mask": encode_mask(garment.mask)["counts"],
    }


def _write_pictures(
    pictures: Pictures, photo: ReadPhoto, number: int, garment: Garment
) -> dict[str, str]:
    assert photo.pixels is not None
    name = f"{photo.source.name}-{number:02d}"
    mask = cv2.imencode(".png", garment.mask.astype(np.uint8) * 255)[1].tobytes()
    files = {"mask_file": (f"masks/{name}.png", mask)}
    if pictures.background != "keep":
        files["crop_file"] = (f"crops/{name}.webp", garment.crop)
    if pictures.background != "plain":
        kept = encode_crop(cut_crop(photo.pixels, garment.box, garment.mask, background="keep"))
        files["kept_file"] = (f"kept/{name}.webp", kept)
    for path, data in files.values():
        target = pictures.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return {column: path for column, (path, _) in files.items()}


def embed_extracted(
    source: Path,
    table: GarmentTable,
    embedder: "Embedder",
    advance: Advance = lambda done, total: None,
) -> Outcome:
    """Add the garments of another extraction, which wrote plain crops, with their vectors.

    Raises InputError when that one wrote none.
    """
    outcome = Outcome()
    total = count_photos(source)
    for photos, garments in read_parts(source):
        left = [row for row in photos if row["photo"] not in table.done]
        outcome.before += len(photos) - len(left)
        names = {row["photo"] for row in left}
        rows = [row for row in garments if row["photo"] in names]
        if any(row["crop_file"] is None for row in rows):
            raise InputError(f"{source} has no plain crops: extract them with --background both")
        vectors = embedder.embed_crops([decode_crop(_read_crop(source, row)) for row in rows])
        files: dict[str, Any] = dict.fromkeys(("crop_file", "kept_file", "mask_file"))
        table.add_part(
            left,
            [{**r, **files, "vector": v.tolist()} for r, v in zip(rows, vectors, strict=True)],
        )
        outcome.photos += len(left)
        outcome.garments += len(rows)
        advance(outcome.before + outcome.photos, total)
    return outcome


def _read_crop(source: Path, row: dict[str, Any]) -> bytes:
    path = source / str(row["crop_file"])
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} is missing: extract the crops again") from error


def _write_failed(path: Path, failed: dict[str, str]) -> None:
    """The photos that could not be used, or no file when all could."""
    if not failed:
        path.unlink(missing_ok=True)
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["photo", "problem"])
        writer.writerows(failed.items())


def _in_batches(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(rows)
    while batch := list(islice(rest, size)):
        yield batch
