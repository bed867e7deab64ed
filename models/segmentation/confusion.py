"""What is taken for what at the threshold that ships: pairs found garments with labelled ones.

Called by evaluation. Pairs are made whatever the names, so that a wrong name shows as one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from models.segmentation.found import Found
from models.segmentation.precision import map_categories

SAME_GARMENT_IOU = 0.5
NOTHING = "nothing there"
MISSED = "missed"


@dataclass(frozen=True)
class Pair:
    """A labelled garment and what was found of it; one of the two is None where there is none.

    `truth` and `guess` are places in the photo's annotations and found garments.
    """

    truth: int | None
    guess: int | None
    truth_name: str
    guess_name: str

    @property
    def right(self) -> bool:
        return self.truth_name == self.guess_name


def pair_garments(found: Found) -> list[Pair]:
    """Pair each found garment, best score first, with the labelled one that it overlaps most."""
    photo = found.photo
    names = [photo.categories[a["category_id"]] for a in photo.annotations]
    mapped = map_categories(
        {garment.category for garment, _ in found.garments},
        dict.fromkeys(photo.categories.values()),
    )
    overlaps = _overlaps(found)
    left = set(range(len(names)))
    pairs = []
    for guess, (garment, _) in enumerate(found.garments):
        name = mapped.get(garment.category, garment.category)
        best = max(
            left, key=lambda truth: (overlaps[guess, truth], names[truth] == name), default=-1
        )
        if best < 0 or overlaps[guess, best] < SAME_GARMENT_IOU:
            pairs.append(Pair(None, guess, NOTHING, name))
            continue
        left.discard(best)
        pairs.append(Pair(best, guess, names[best], name))
    return pairs + [Pair(truth, None, names[truth], MISSED) for truth in sorted(left)]


def _overlaps(found: Found) -> np.ndarray:
    """(guesses, truths) IoU of masks."""
    truths = [a["segmentation"] for a in found.photo.annotations]
    guesses = [rle for _, rle in found.garments]
    if not truths or not guesses:
        return np.zeros((len(guesses), len(truths)))
    return np.asarray(coco_mask.iou(guesses, truths, [0] * len(truths)))


def count_confusions(found: Sequence[Found]) -> dict[str, dict[str, int]]:
    """Labelled category -> found category -> how often; `nothing there` and `missed` as well."""
    counts: dict[str, Counter[str]] = {}
    for photo in found:
        for pair in pair_garments(photo):
            counts.setdefault(pair.truth_name, Counter())[pair.guess_name] += 1
    return {name: dict(row.most_common()) for name, row in counts.items()}


def measure_operating_point(found: Sequence[Found]) -> dict[str, Any]:
    """Precision and recall at the threshold that ships, with and without regard to the name."""
    pairs = [pair for photo in found for pair in pair_garments(photo)]
    guessed = sum(pair.guess is not None for pair in pairs)
    true = sum(pair.truth is not None for pair in pairs)
    there = sum(pair.guess is not None and pair.truth is not None for pair in pairs)
    right = sum(pair.right for pair in pairs)
    return {
        "precision": round(right / max(1, guessed), 4),
        "recall": round(right / max(1, true), 4),
        "precision_any_name": round(there / max(1, guessed), 4),
        "recall_any_name": round(there / max(1, true), 4),
        "false_garments_per_photo": round((guessed - there) / max(1, len(found)), 4),
    }


def score_photo(found: Found) -> float:
    """F1 of one photo's garments: 1 where all are found by their names and nothing else is."""
    pairs = pair_garments(found)
    if not pairs:
        return 1.0
    right = sum(pair.right for pair in pairs)
    guessed, true = len(found.garments), len(found.photo.annotations)
    return 2 * right / max(1, guessed + true)
