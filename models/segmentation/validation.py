"""Scores the averaged weights of a run on the validation splits of its data.

Used by the trainer, which keeps the best. The score is the mean of the mask AP over the folders.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from models.segmentation.architecture import CascadeConfig
from models.segmentation.compat import GeneralizedRCNN
from models.segmentation.data.coco import LabelledPhoto, read_photos
from models.segmentation.found import find_garments
from models.segmentation.infer import Segmenter
from models.segmentation.precision import measure_precision
from models.segmentation.ranks import Ranks
from models.segmentation.views import Source

SCORES = ("AP", "AP50", "AP75")


@dataclass(frozen=True)
class ValidationSet:
    """Photos of one folder's val split; `truth` is a folder with a `val.json` of these alone."""

    name: str
    truth: Path
    photos: tuple[LabelledPhoto, ...]


def make_validation_sets(
    sources: Sequence[Source], most: int, out: Path, write: bool
) -> list[ValidationSet]:
    """At most `most` val photos of each folder that has masks there, spread over the split.

    The truth is written below `out` when `write` is set (by one process of several).
    """
    sets: list[ValidationSet] = []
    for place, source in enumerate(sources):
        file = source.folder / "val.json"
        photos = read_photos(source.folder, "val") if file.exists() else []
        if not any(photo.annotations for photo in photos):
            continue
        chosen = np.unique(np.linspace(0, len(photos) - 1, min(most, len(photos))).astype(int))
        name = source.folder.resolve().name
        if any(entry.name == name for entry in sets):
            name = f"{name}-{place + 1}"
        truth = out / name
        content = json.loads(file.read_text())
        order = sorted(chosen.tolist(), key=lambda index: content["images"][index]["id"])
        if write:
            _write_truth(content, order, truth / "val.json")
        sets.append(ValidationSet(name, truth, tuple(photos[index] for index in order)))
    return sets


def _write_truth(content: Mapping[str, Any], chosen: Sequence[int], path: Path) -> None:
    images = [content["images"][index] for index in chosen]
    ids = {image["id"] for image in images}
    annotations = [a for a in content["annotations"] if a["image_id"] in ids]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**content, "images": images, "annotations": annotations}))


def score(
    model: GeneralizedRCNN,
    weights: Mapping[str, Tensor],
    config: CascadeConfig,
    sets: Sequence[ValidationSet],
    ranks: Ranks,
) -> dict[str, Any] | None:
    """Box and mask AP in percent of each folder and the mean mask AP; None but on the first rank.

    `model` is one that nobody trains: it is filled with `weights`. A folder in which no category
    has enough instances for an AP counts as nothing; with none left the mean is None.
    """
    model.load_state_dict(dict(weights))
    segmenter = Segmenter(model, config, "in training", 0.02, None, max_garments=100)
    folders = {}
    for entry in sets:
        found = ranks.gather(find_garments(segmenter, ranks.take(entry.photos)))
        if found is not None:
            precision = measure_precision(found, entry.truth, "val")
            folders[entry.name] = {
                kind: {key: precision[kind][key] for key in SCORES} for kind in ("box", "mask")
            }
    if not ranks.first:
        return None
    known = [s["mask"]["AP"] for s in folders.values() if s["mask"]["AP"] is not None]
    return {"mask_AP": round(float(np.mean(known)), 3) if known else None, "folders": folders}
