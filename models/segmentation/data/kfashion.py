"""K-Fashion (AI Hub 2020): photos with polygons and attributes, in 21 categories.

Called by `lookalike data prepare kfashion`. The keys of the files are Korean.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from catalog.taxonomy import CATEGORIES, KFASHION_CATEGORIES, SHIPPED_FROM_KFASHION
from models.segmentation.data.coco import LabelledGarment
from models.segmentation.data.photo_files import PhotoFiles
from models.segmentation.data.polygons import PolygonError, mask_of_polygons
from models.segmentation.data.prepared import PreparedWriter

CATEGORY_OF_WORD: Mapping[str, str] = {
    "탑": "top",
    "블라우스": "blouse",
    "티셔츠": "t-shirts",
    "니트웨어": "knitwear",
    "셔츠": "shirts",
    "브라탑": "bratop",
    "후드티": "hoody",
    "청바지": "jean",
    "팬츠": "pants",
    "스커트": "skirt",
    "래깅스": "leggings",
    "조거팬츠": "jogger pants",
    "코트": "coat",
    "재킷": "jacket",
    "점퍼": "jumper",
    "패딩": "padded jacket",
    "베스트": "vest",
    "가디건": "cardigan",
    "짚업": "zipup",
    "드레스": "dress",
    "점프수트": "jumpsuit",
}

PARTS = ("아우터", "상의", "하의", "원피스")
"""Outer, top, bottom and one-piece: what every list of the file is keyed by."""

_CATEGORY = "카테고리"
_ATTRIBUTES: Mapping[str, str] = {
    "색상": "colour",
    "서브색상": "second_colour",
    "기장": "length",
    "소매기장": "sleeve",
    "소재": "materials",
    "프린트": "prints",
    "핏": "fit",
    "넥라인": "neckline",
    "옷깃": "collar",
    "디테일": "details",
}
"""Keys of a garment's labels -> names in English; the values stay as they are."""

_POINT = re.compile(r"([XY])좌표(\d+)")
_TEST_SHARE, _VALIDATION_SHARE = 0.1, 0.05


def prepare_kfashion(
    source: Path,
    out: Path,
    report: Callable[[str], None] = lambda _: None,
    shipped: bool = False,
) -> None:
    """Write all of `source`, JSON files and photos in any folders below it, as a prepared folder.

    The files name no split: a tenth of the photos becomes `test`, a twentieth `val`, by the hash
    of the shoot, which is what a photo's file name begins with. With `shipped` the 21 categories
    become the 19.
    """
    writer = PreparedWriter(out, CATEGORIES if shipped else KFASHION_CATEGORIES)
    photos = PhotoFiles(source)
    for file in sorted(source.rglob("*.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            head = content["이미지 정보"]
            name, height, width = head["이미지 파일명"], head["이미지 높이"], head["이미지 너비"]
            garments = content["데이터셋 정보"]["데이터셋 상세설명"]
            size = (int(height), int(width))
        except (ValueError, KeyError, TypeError) as error:
            writer.skip(str(file), "file", f"is no K-Fashion annotation: {error!r}")
            continue
        photo, problem = photos.find(name, size)
        if photo is None:
            writer.skip(str(file), "이미지 파일명", problem)
            continue
        found = list(_read_garments(garments, size, file, writer, shipped))
        if found:
            writer.add_photo(_split_of(name), photo, size, found, name=photos.unique_name(photo))
        else:
            writer.skip(str(file), "file", "no garment of it can be used")
    report(writer.finish("kfashion", _NOTES))


_NOTES = (
    "Boxes are those of the polygons; the file's own rectangles are not used.",
    "The style of the whole outfit is not used.",
    f"Splits: by the hash of the shoot, {_TEST_SHARE:.0%} test and {_VALIDATION_SHARE:.0%} val.",
)


def _read_garments(
    content: Mapping[str, Any],
    size: tuple[int, int],
    file: Path,
    writer: PreparedWriter,
    shipped: bool,
) -> Iterator[LabelledGarment]:
    polygons, labels = content.get("폴리곤좌표", {}), content.get("라벨링", {})
    for part in PARTS:
        drawn, said = polygons.get(part, []), labels.get(part, [])
        for place in range(max(len(drawn), len(said))):
            where = f"{part}[{place}]"
            points = drawn[place] if place < len(drawn) else {}
            label = said[place] if place < len(said) else {}
            if not points and not label:
                continue  # {} is the format's way to say that there is none
            try:
                yield _read_garment(points, label, size, shipped)
            except PolygonError as error:
                writer.skip(str(file), where, str(error))


def _read_garment(
    points: Mapping[str, Any], label: Mapping[str, Any], size: tuple[int, int], shipped: bool
) -> LabelledGarment:
    word = label.get(_CATEGORY)
    if not word:
        raise PolygonError("the garment has no category (카테고리)")
    category = CATEGORY_OF_WORD.get(word)
    if category is None:
        raise PolygonError(f"{word} is none of the 21 categories")
    if shipped:
        category = SHIPPED_FROM_KFASHION.get(category, category)
    mask = mask_of_polygons([order_points(points)], size)
    attributes = {name: label[key] for key, name in _ATTRIBUTES.items() if label.get(key)}
    return LabelledGarment(category, mask, {"attributes": attributes} if attributes else {})


def order_points(points: Mapping[str, Any]) -> list[float]:
    """`X좌표1`, `Y좌표1`, ... in any order and with gaps -> [x1, y1, x2, y2, ...] by number.

    Raises PolygonError for a point that lacks one of its coordinates.
    """
    pairs: dict[int, dict[str, float]] = {}
    for key, value in points.items():
        match = _POINT.fullmatch(key)
        if match is None:
            raise PolygonError(f"{key} is no coordinate")
        pairs.setdefault(int(match.group(2)), {})[match.group(1)] = value
    lacking = [number for number, pair in pairs.items() if len(pair) < 2]
    if lacking:
        raise PolygonError(f"point {lacking[0]} has no x or no y")
    return [value for _, pair in sorted(pairs.items()) for value in (pair["X"], pair["Y"])]


def _split_of(file_name: str) -> str:
    shoot = re.split(r"[_-]", Path(file_name).stem)[0]
    chance = hashlib.sha256(shoot.encode()).digest()[0] / 256
    if chance < _TEST_SHARE:
        return "test"
    return "val" if chance < _TEST_SHARE + _VALIDATION_SHARE else "train"
