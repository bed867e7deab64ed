"""Scores embeddings of labelled garments: items, categories, kinds, views and the vote.

Called by `lookalike evaluate embedding` and, on crop sets, by the validation during training.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.photos.decode import decode_crop
from models.embedding.metrics import rank_gallery, votes_of_nearest
from models.embedding.retrieval import QueryScores
from models.embedding.scores import score_between, score_labels, summarise, summarise_by
from models.embedding.subjects import Subject

Pixels = NDArray[np.uint8]
Embed = Callable[[Sequence[Pixels]], NDArray[np.float32]]
"""(h, w, 3) crops -> (N, D) rows of length 1."""

MAIN_VIEWS = ("main", "front")
VOTE = "vote_of_5"
VOTED_KINDS = (
    "T-Shirt", "Longsleeve", "Pants", "Shirt", "Dress", "Shoes", "Shorts", "Outwear", "Skirt",
    "Hat",
)  # fmt: skip
"""The Clothing dataset's ten largest kinds: those whose vote is compared with its own scores."""

_BATCH = 32


@dataclass(frozen=True)
class Embedded:
    """Subjects with their embeddings (N, D); rows of those that were not found are zero."""

    subjects: Sequence[Subject]
    rows: NDArray[np.float32]

    @property
    def found(self) -> NDArray[np.bool_]:
        return np.array([subject.crop is not None for subject in self.subjects], dtype=bool)


def embed_subjects(
    embed: Embed,
    subjects: Sequence[Subject],
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Embedded:
    """Embed the crops of all subjects that have one."""
    places = [i for i, subject in enumerate(subjects) if subject.crop is not None]
    parts = []
    for start in range(0, len(places), _BATCH):
        crops = [decode_crop(subjects[i].crop or b"") for i in places[start : start + _BATCH]]
        parts.append(embed(crops))
        advance(min(start + _BATCH, len(places)), len(places))
    some = np.concatenate(parts) if parts else np.zeros((0, 1), dtype=np.float32)
    rows = np.zeros((len(subjects), some.shape[1]), dtype=np.float32)
    rows[places] = some
    return Embedded(subjects, rows)


def measure(embedded: Embedded) -> tuple[dict[str, Any], dict[str, QueryScores]]:
    """The scores of one set, and those of the single queries for the pictures, by their table.

    `items`, `categories` and `kinds` (where they differ from the categories) are tables; those of
    the first one that there is also stand at the top, named in `on`. `by_view` has one for each
    view: the photos of that view search among the main ones for their item.
    """
    subjects, found = embedded.subjects, embedded.found
    categories = [subject.category for subject in subjects]
    labels = {
        "items": [subject.item for subject in subjects],
        "categories": categories,
        "kinds": [subject.kind for subject in subjects],
    }
    if labels["kinds"] == labels["categories"]:
        del labels["kinds"]
    metrics: dict[str, Any] = {"garments": len(subjects), "found": int(found.sum())}
    queries: dict[str, QueryScores] = {}
    for name, words in labels.items():
        groups = {"by_kind": words} if name == "kinds" else {"by_category": categories}
        table, scores = score_labels(embedded.rows, found, words, groups)
        if table is not None:
            metrics[name], queries[name] = table, scores
    by_view = _measure_views(embedded, queries)
    if by_view:
        metrics["by_view"] = by_view
    return {**_headline(metrics), **metrics}, queries


def _headline(metrics: Mapping[str, Any]) -> dict[str, Any]:
    on = next((name for name in ("items", "categories", "kinds") if name in metrics), None)
    if on is None:
        return {}
    return {"on": on} | {k: v for k, v in metrics[on].items() if not k.startswith("by_")}


def _measure_views(embedded: Embedded, queries: dict[str, QueryScores]) -> dict[str, Any]:
    subjects = embedded.subjects
    views = {subject.view for subject in subjects if subject.item}
    main = next((view for view in MAIN_VIEWS if view in views), None)
    if main is None:
        return {}
    gallery = _rows_of(subjects, main)
    items = [subject.item for subject in subjects]
    tables = {}
    for view in sorted(views - {main, ""}):
        rows = _rows_of(subjects, view)
        table, scores = score_between(embedded.rows, embedded.found, items, rows, gallery)
        if table is not None:
            tables[view], queries[f"by_view {view}"] = table, scores
    return tables


def _rows_of(subjects: Sequence[Subject], view: str) -> NDArray[np.int64]:
    chosen = [i for i, s in enumerate(subjects) if s.view == view and s.item]
    return np.array(chosen, dtype=np.int64)


def vote(queries: Embedded, neighbours: Embedded, kinds: Sequence[str]) -> dict[str, Any] | None:
    """How often the vote of the five nearest names the kind: the score for data without items.

    Only garments of the kinds given ask and vote; one that was not found is named wrongly. None
    when there are no such queries or fewer than five neighbours.
    """
    asked = [i for i, s in enumerate(queries.subjects) if s.kind in kinds]
    voters = [
        i for i, s in enumerate(neighbours.subjects) if s.kind in kinds and s.crop is not None
    ]
    if not asked or len(voters) < 5:
        return None
    words = [neighbours.subjects[i].kind for i in voters]
    ranks = rank_gallery(queries.rows[asked], neighbours.rows[voters], 5)
    votes = votes_of_nearest(ranks, words)
    right = [
        float(subject.crop is not None and subject.kind == named)
        for subject, named in zip((queries.subjects[i] for i in asked), votes, strict=True)
    ]
    values = {VOTE: np.array(right)}
    table: dict[str, Any] = summarise(values) or {}
    own = [queries.subjects[i].kind for i in asked]
    return {**table, "neighbours": len(voters), "by_kind": summarise_by(values, own)}


def voted_kinds(neighbours: Sequence[Subject]) -> tuple[str, ...]:
    """The ten kinds that vote: the Clothing dataset's own ten, elsewhere the ten most frequent."""
    words = [subject.kind for subject in neighbours if subject.kind]
    if set(VOTED_KINDS) & set(words):
        return VOTED_KINDS
    return tuple(sorted(set(words), key=lambda word: (-words.count(word), word))[:10])
