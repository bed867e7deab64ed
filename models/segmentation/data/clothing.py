"""The Clothing dataset (CC0 photos of single garments) with masks cut by GrabCut.

Called by `lookalike data prepare clothing`. The photo's own label names the garment, so only
its outline has to be found; outlines that can't be a garment's are left out.
"""

import csv
import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from models.pixels import read_pixels
from models.segmentation.data.coco import LabelledGarment
from models.segmentation.data.prepared import PreparedWriter

CATEGORY_OF_LABEL: Mapping[str, str] = {
    "T-Shirt": "t-shirts",
    "Longsleeve": "t-shirts",
    "Polo": "t-shirts",
    "Pants": "pants",
    "Shirt": "shirts",
    "Dress": "dress",
    "Shoes": "shoes",
    "Shorts": "shorts",
    "Outwear": "jacket",
    "Blazer": "jacket",
    "Skirt": "skirt",
    "Undershirt": "top",
    "Body": "top",
    "Top": "top",
    "Blouse": "top",
    "Hat": "hat",
    "Hoodie": "knitwear",
}

SIDE_PX = 320
VALIDATION_SHARE = 0.08
DENIM_B = -6.0


def prepare_clothing(
    source: Path,
    out: Path,
    report: Callable[[str], None] = lambda _: None,
    processes: int = 2,
) -> None:
    """Write the labelled photos of `source` as a prepared folder `out`.

    Senders stay together: some of the training senders become the validation split. Training
    and validation photos without a plausible outline are left out; test photos keep their label
    and get no mask, since nobody drew one.
    """
    with (source / "manifest.csv").open(newline="") as manifest:
        rows = list(csv.DictReader(manifest))
    writer = PreparedWriter(out)
    known = [row for row in rows if row["label"] in CATEGORY_OF_LABEL]
    for row in rows:
        if row["label"] not in CATEGORY_OF_LABEL:
            writer.skip(row["image"], "label", f"{row['label']} names no category")
    masks = _cut_all([source / row["image"] for row in known if row["split"] != "test"], processes)
    for row in known:
        photo, split = source / row["image"], _split_of(row)
        mask = None if split == "test" else next(masks)
        if mask is None and split != "test":
            writer.skip(row["image"], "photo", "GrabCut found no outline that a garment has")
            continue
        garments = _garments_of(photo, row["label"], mask)
        size = (int(row["height"]), int(row["width"]))
        writer.add_photo(split, photo, size, garments, [row["label"]])
    report(writer.finish("clothing", _NOTES))


_NOTES = (
    "Outlines are cut by GrabCut; nobody drew them. Test photos have labels and no outlines.",
    "Blue trousers count as jean: the source calls them pants.",
)


def _split_of(row: Mapping[str, str]) -> str:
    if row["split"] == "test":
        return "test"
    digest = hashlib.sha256(row["sender_id"].encode()).digest()
    return "val" if digest[0] < VALIDATION_SHARE * 256 else "train"


def _cut_all(photos: list[Path], processes: int) -> Iterator[np.ndarray | None]:
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(cut_file, photos, chunksize=8)


def _garments_of(photo: Path, label: str, mask: np.ndarray | None) -> list[LabelledGarment]:
    if mask is None:
        return []
    category = CATEGORY_OF_LABEL[label]
    if label == "Pants" and looks_like_denim(read_pixels(photo), mask):
        category = "jean"
    return [LabelledGarment(category, mask)]


def cut_file(photo: Path) -> np.ndarray | None:
    """The (H, W) mask of the one garment in a photo file, or None when none is plausible."""
    cv2.setNumThreads(1)
    image = read_pixels(photo)
    mask = cut_garment(image)
    return mask if is_plausible(mask) else None


def cut_garment(photo: np.ndarray) -> np.ndarray:
    """The (H, W) bool mask of the one garment in the middle of a (H, W, 3) RGB photo.

    GrabCut (Rother et al. 2004): the photo's rim is surely background, what lies outside the
    inscribed ellipse probably is; the largest connected piece is the garment.
    """
    height, width = photo.shape[:2]
    scale = SIDE_PX / max(height, width)
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    seeds = _seed(small.shape[0], small.shape[1])
    background, garment = np.zeros((1, 65)), np.zeros((1, 65))
    whole = (0, 0, 1, 1)  # not looked at when seeds are given
    cv2.setRNGSeed(0)
    cv2.grabCut(small, seeds, whole, background, garment, 3, cv2.GC_INIT_WITH_MASK)
    found = np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    opened = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    piece = _largest_piece(np.asarray(opened, dtype=np.uint8))
    grown = cv2.resize(piece, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown, dtype=bool)


def _seed(height: int, width: int) -> np.ndarray:
    seeds = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    center, axes = (width // 2, height // 2), (int(width * 0.47), int(height * 0.47))
    cv2.ellipse(seeds, center, axes, 0, 0, 360, int(cv2.GC_PR_FGD), -1)
    rim = max(1, round(0.03 * max(height, width)))
    seeds[:rim] = seeds[-rim:] = cv2.GC_BGD
    seeds[:, :rim] = seeds[:, -rim:] = cv2.GC_BGD
    return seeds


def _largest_piece(mask: np.ndarray) -> np.ndarray:
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return mask
    piece = (pieces == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    outlines, _ = cv2.findContours(piece, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    # Prints and highlights leave small holes that no garment has; large ones (between the
    # legs, inside a sling) are real.
    for outline in outlines:
        if cv2.contourArea(outline) < 0.01 * piece.size:
            cv2.drawContours(piece, [outline], -1, 1, -1)
    return np.asarray(piece, dtype=np.uint8)


def is_plausible(mask: np.ndarray) -> bool:
    """Whether a (H, W) mask can be one garment that somebody laid out and photographed.

    It fills a fair share of the photo, hardly runs along the rim that was given as background,
    and is compact: backgrounds that leak in are ragged, and cut off by the photo's frame.
    """
    share = mask.mean()
    if not 0.06 <= share <= 0.82:
        return False
    height, width = mask.shape
    rim = max(2, round(0.045 * max(height, width)))
    inner = mask[rim:-rim, rim:-rim]
    edges = (inner[0].mean(), inner[-1].mean(), inner[:, 0].mean(), inner[:, -1].mean())
    if sum(edge > 0.6 for edge in edges) >= 2:
        return False
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(outlines, key=cv2.contourArea)
    solidity = cv2.contourArea(largest) / max(cv2.contourArea(cv2.convexHull(largest)), 1.0)
    perimeter = cv2.arcLength(largest, closed=True)
    compactness = 4 * np.pi * cv2.contourArea(largest) / max(perimeter, 1.0) ** 2
    return bool(solidity >= 0.5 and compactness >= 0.08)


def looks_like_denim(photo: np.ndarray, mask: np.ndarray) -> bool:
    """Whether the masked part of a (H, W, 3) RGB photo is blue, as nearly all jeans are.

    The data set calls jeans pants. Taken as they are they would teach that denim is no jean.
    """
    lab = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return bool(np.median(lab[mask][:, 2]) < DENIM_B)
