"""One evaluation from folders to a report: reads subjects, embeds them, measures, writes.

Called by `lookalike evaluate embedding`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.checkpoints import load_card
from models.embedding.combinations import Row, compare_frozen, compare_heads
from models.embedding.crop_set import INDEX
from models.embedding.evaluate import Embedded, embed_subjects, measure, vote, voted_kinds
from models.embedding.infer import load_embedder
from models.embedding.network import Architecture
from models.embedding.pictures import choose_examples
from models.embedding.report import Gallery, write_report
from models.embedding.retrieval import QueryScores
from models.embedding.subjects import Cut, Subject, read_subjects

if TYPE_CHECKING:
    from models.segmentation.infer import Segmenter

Progress = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
"""A label -> something that shows how many of how many are done."""


@dataclass(frozen=True)
class Request:
    """What to measure. checkpoints: the first is the one judged, the others are compared with it.

    split: None takes `views` where the folder has it, else `test`. neighbours: the cut of the
    photos of `train` that vote; None is that of the queries. frozen: the ImageNet weights for the
    table. limit: the first so many photos only, to try a command.
    """

    data: Path
    checkpoints: tuple[Path, ...]
    cut: Cut
    split: str | None = None
    neighbours: Cut | None = None
    table: bool = False
    frozen: Path | None = None
    limit: int | None = None
    device: str = "auto"
    command: str = ""


@dataclass(frozen=True)
class Judged:
    """A checkpoint's scores, and those of single queries for the pictures."""

    name: str
    architecture: Architecture
    metrics: dict[str, Any]
    queries: dict[str, QueryScores]


def judge(
    request: Request, out: Path, segmenter: "Segmenter | None", progress: Progress
) -> dict[str, Any]:
    """Measure and write the report into `out`; returns what metrics.json holds."""
    split = choose_split(request.data, request.split)
    with progress(f"cutting {request.data.name} {split}") as advance:
        subjects = read_subjects(
            request.data, split, request.cut, segmenter, request.limit, advance
        )
    voters = _read_voters(request, split, subjects, segmenter, progress)
    metrics: dict[str, Any] = {
        "data": request.data.name,
        "split": split,
        "crops": request.cut,
        "segmenter": segmenter.checkpoint_id if segmenter and request.cut == "found" else None,
        "command": request.command,
    }
    judged = [
        _judge_checkpoint(request, folder, subjects, voters, progress)
        for folder in request.checkpoints
    ]
    metrics |= {"checkpoint": judged[0].name, **judged[0].metrics}
    rows = _compare(request, judged, subjects, progress)
    if rows:
        metrics["combinations"] = rows
    title = f"{request.data.name}: similar garments"
    write_report(metrics, _galleries(subjects, judged[0].queries), out, title)
    return metrics


def choose_split(folder: Path, wanted: str | None) -> str:
    """The split to measure: the one wanted, else `views` where there is one, else `test`."""
    if (folder / INDEX).exists():
        return wanted or "all"
    return wanted or ("views" if (folder / "views.json").exists() else "test")


def _read_voters(
    request: Request,
    split: str,
    subjects: Sequence[Subject],
    segmenter: "Segmenter | None",
    progress: Progress,
) -> list[Subject]:
    """The neighbours that vote: the photos of `train`, where kinds are known and items are not."""
    has_kinds = any(s.kind not in ("", s.category) and not s.item for s in subjects)
    if split == "train" or not has_kinds or not (request.data / "train.json").exists():
        return []
    cut = request.neighbours or request.cut
    with progress(f"cutting {request.data.name} train") as advance:
        return read_subjects(request.data, "train", cut, segmenter, request.limit, advance)


def _judge_checkpoint(
    request: Request,
    folder: Path,
    subjects: Sequence[Subject],
    voters: Sequence[Subject],
    progress: Progress,
) -> Judged:
    embedder = load_embedder(folder, request.device)
    with progress(f"embedding with {embedder.checkpoint_id}") as advance:
        embedded = embed_subjects(embedder.embed_crops, subjects, advance)
        neighbours: Embedded | None = None
        if voters:
            neighbours = embed_subjects(embedder.embed_crops, voters, advance)
    metrics, queries = measure(embedded)
    if neighbours is not None:
        table = vote(embedded, neighbours, voted_kinds(voters))
        if table is not None:
            metrics["vote"] = {**table, "crops": request.neighbours or request.cut}
    return Judged(embedder.checkpoint_id, _architecture_of(folder), metrics, queries)


def _compare(
    request: Request, judged: Sequence[Judged], subjects: Sequence[Subject], progress: Progress
) -> list[dict[str, Any]]:
    """The table of combinations: of the first checkpoint's heads, the others, the frozen trunk."""
    if not request.table and len(judged) < 2:
        return []
    rows: list[Row] = []
    first = judged[0]
    if request.table:
        with progress("combinations of heads") as advance:
            rows += compare_heads(
                request.checkpoints[0], first.name, subjects, request.device, advance
            )
    for other in judged[1:] if rows else judged:
        size = other.architecture.dimensions
        rows.append(Row(other.architecture.descriptors, other.name, size, other.metrics))
    if request.frozen is not None:
        with progress("frozen ImageNet features") as advance:
            rows += compare_frozen(
                request.frozen, first.architecture, subjects, request.device, advance
            )
    return [_as_json(row) for row in rows]


def _architecture_of(folder: Path) -> Architecture:
    return Architecture.from_json(load_card(folder, "embedding").architecture)


def _as_json(row: Row) -> dict[str, Any]:
    kept = {k: v for k, v in row.metrics.items() if not isinstance(v, dict) or k == "intervals"}
    views = {"by_view": row.metrics["by_view"]} if "by_view" in row.metrics else {}
    head = {"descriptors": row.descriptors, "weights": row.weights, "dimensions": row.dimensions}
    return {**head, **kept, **views}


def _galleries(subjects: Sequence[Subject], queries: Mapping[str, QueryScores]) -> list[Gallery]:
    galleries = []
    for name, scores in queries.items():
        words = [_label(subject, name) for subject in subjects]
        galleries.append(
            Gallery(
                _TITLES.get(name, f"{name.removeprefix('by_view ').capitalize()} views"),
                choose_examples(subjects, words, scores, hits=True),
                choose_examples(subjects, words, scores, hits=False),
            )
        )
    return galleries


_TITLES = {"items": "The same item", "categories": "The same category", "kinds": "The same kind"}


def _label(subject: Subject, name: str) -> str:
    if name == "categories":
        return subject.category
    return subject.kind if name == "kinds" else subject.item
