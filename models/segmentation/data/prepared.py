"""Writes a prepared folder: photos, COCO files, a report and a sheet to look at.

Every converter of this folder hands its photos and its troubles to a `PreparedWriter`.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from catalog.errors import InputError
from catalog.taxonomy import CATEGORIES
from models.segmentation.data.coco import SPLITS, CocoWriter, LabelledGarment
from models.segmentation.data.duplicates import find_leaks

_AREA_NAMES = ("small", "medium", "large")
_AREA_LIMITS = (32**2, 96**2)
"""COCO's: in square pixels of the photo."""


@dataclass(frozen=True)
class Problem:
    """Something in the source that could not be used: in which file, where in it, and why."""

    file: str
    where: str
    problem: str


class PreparedWriter:
    """Collects photos by split and writes all of a prepared folder in `finish`."""

    def __init__(self, out: Path, categories: Sequence[str] = CATEGORIES) -> None:
        if out.exists() and any(out.iterdir()) and not (out / "report.json").exists():
            message = f"{out} holds something else than a prepared folder: name a new folder"
            raise InputError(message)
        self.out = out
        self.categories = tuple(categories)
        self.problems: list[Problem] = []
        self._writers = {split: CocoWriter(out / f"{split}.json", categories) for split in SPLITS}
        self._names: set[str] = set()
        (out / "images").mkdir(parents=True, exist_ok=True)
        (out / "report.json").write_text("{}")  # marks the folder as ours from the beginning

    def add_photo(
        self,
        split: str,
        photo: Path,
        size: tuple[int, int],
        garments: Iterable[LabelledGarment],
        labels: Sequence[str] = (),
        foreground: np.ndarray | None = None,
        name: str = "",
        item: str = "",
        view: str = "",
    ) -> None:
        """Copy a photo of `size` (height, width) and keep what is said about it.

        `name` is its path inside `images/` where the file's own name is not unique. `item` is
        the product that the photo is of, `view` how it shows it, where known.
        """
        name = name or photo.name
        if name in self._names:
            self.skip(str(photo), "photo", f"another photo is called {name} as well")
            return
        self._names.add(name)
        target = self.out / "images" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photo, target)
        self._writers[split].add_photo(name, size, garments, labels, foreground, item, view)

    def skip(self, file: str, where: str, problem: str) -> None:
        """Note what is left out, and why; nothing is left out without this."""
        self.problems.append(Problem(file, where, problem))

    def finish(self, kind: str, notes: Sequence[str] = ()) -> str:
        """Write the folder and return a summary in one line.

        Raises InputError when there was no usable photo at all.
        """
        if not self._names:
            first = f"; the first problem: {asdict(self.problems[0])}" if self.problems else ""
            raise InputError(f"no photo of kind {kind} could be used{first}")
        self._drop_leaks()
        used = {split: writer for split, writer in self._writers.items() if writer.photos}
        for split, writer in self._writers.items():
            writer.path.unlink(missing_ok=True)
            if split in used:
                writer.write()
        report = describe(kind, used, self.problems, notes)
        text = json.dumps(report, indent=2, ensure_ascii=False)
        (self.out / "report.json").write_text(text + "\n", encoding="utf-8")
        (self.out / "report.md").write_text(as_markdown(report), encoding="utf-8")
        counts = ", ".join(f"{len(writer.photos)} {split}" for split, writer in used.items())
        return f"{kind}: {counts} photos, {len(self.problems)} problems in {self.out}/report.md"

    def _drop_leaks(self) -> None:
        names = {s: [str(i["file_name"]) for i in w.photos] for s, w in self._writers.items()}
        for leak in find_leaks(self.out / "images", names):
            self._writers[leak.split].drop_photos({leak.name})
            problem = f"left out of {leak.split}: nearly the same as {leak.twin} in {leak.kept_in}"
            self.skip(leak.name, "photo", problem)


def describe(
    kind: str,
    writers: Mapping[str, CocoWriter],
    problems: Sequence[Problem],
    notes: Sequence[str],
) -> dict[str, Any]:
    """What a prepared folder holds, as plain JSON values."""
    instances = {split: _count_categories(writer) for split, writer in writers.items()}
    return {
        "kind": kind,
        "photos": {split: len(writer.photos) for split, writer in writers.items()},
        "instances": instances,
        "boxes": {split: _measure_boxes(writer.garments) for split, writer in writers.items()},
        "notes": list(notes),
        "problems": [asdict(problem) for problem in problems],
    }


def _count_categories(writer: CocoWriter) -> dict[str, int]:
    counts = Counter(writer.categories[a["category_id"] - 1] for a in writer.garments)
    return {name: counts[name] for name in writer.categories}


def _measure_boxes(garments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many are small, medium and large as COCO means it, and sides in pixels."""
    if not garments:
        return {}
    places = np.searchsorted(_AREA_LIMITS, [a["area"] for a in garments], side="right")
    counts = np.bincount(places, minlength=len(_AREA_NAMES))
    sizes: dict[str, Any] = {
        name: int(count) for name, count in zip(_AREA_NAMES, counts, strict=True)
    }
    boxes = np.array([a["bbox"] for a in garments])
    for side, column in (("width", 2), ("height", 3)):
        quartiles = np.percentile(boxes[:, column], [0, 25, 50, 75, 100])
        sizes[f"{side}_px"] = [round(float(value)) for value in quartiles]
    return sizes


def as_markdown(report: Mapping[str, Any]) -> str:
    """The report as a page: counts, box sizes, notes and every problem."""
    splits = list(report["photos"])
    instances, boxes = report["instances"], report["boxes"]
    lines = [f"# {report['kind']}", "", f"| | {' | '.join(splits)} |"]
    lines += ["|---" * (len(splits) + 1) + "|", _row("photos", report["photos"].values())]
    names = next(iter(instances.values()))
    lines += [_row(name, [instances[split][name] for split in splits]) for name in names]
    lines += [
        _row(f"{name} garments", [boxes[split].get(name, 0) for split in splits])
        for name in _AREA_NAMES
    ]
    for name in ("width_px", "height_px"):
        cells = ["/".join(map(str, boxes[s].get(name, []))) for s in splits]
        lines.append(_row(f"box {name}: least, quartiles, most", cells))
    lines += ["", *report["notes"]]
    lines += ["", f"## {len(report['problems'])} problems", ""]
    lines += [f"- `{p['file']}`, {p['where']}: {p['problem']}" for p in report["problems"]]
    return "\n".join(lines) + "\n"


def _row(name: str, cells: Iterable[object]) -> str:
    return f"| {name} | {' | '.join(map(str, cells))} |"
