"""What the server answers to operators and reviewers; the rest is in `answers` beside it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from lookalike_client.answers import Answer, Garment, ItemBrief


class ForecastStep(Answer):
    work: str
    count: int
    per_second: float | None
    """None where it was never measured there."""
    measured_with: str | None
    measured_at: datetime | None
    seconds: float | None


class Forecast(Answer):
    """What a re-index would have to do, and how long that takes."""

    kind: str
    segmenter: str | None
    embedder: str | None
    steps: Sequence[ForecastStep]
    seconds: float | None


class Check(Answer):
    """One question of the gate."""

    question: str
    found: str
    passed: bool


class Neighbour(Answer):
    item_id: int
    title: str | None
    garment_id: str
    score: float
    changed: bool
    """Whether the other index lacks it here."""


class Compared(Answer):
    """A much viewed item with its nearest in the old index and in the new one."""

    item: ItemBrief
    views: int
    changed: float | None
    old: Sequence[Neighbour]
    new: Sequence[Neighbour]


class Comparison(Answer):
    """The index that is being built against the one that serves."""

    collection: str
    holds: bool
    """Whether the gate lets it pass."""
    checks: Sequence[Check]
    compared_at: datetime | None
    report: Mapping[str, Any] | None
    items: Sequence[Compared]


class Pair(Answer):
    """Two items whose garments are near-identical."""

    items: Sequence[int]
    garments: Sequence[str]
    score: float
    category: str
    same_photo: bool


class Finding(Answer):
    """What an audit has found; which members it has depends on `kind`."""

    id: int
    kind: str
    difference: str | None = None
    of: str | None = None
    category: str | None = None
    found: int | None = None
    reason: str | None = None
    views: int | None = None
    score: float | None = None
    same_photo: bool | None = None
    size: int | None = None
    pairs: Sequence[Pair] = ()
    items: Sequence[ItemBrief] = ()


class ReviewGarment(Garment):
    """A garment as reviewers see it."""

    excluded: bool
    correction: str
    seen_category: str | None
    doubted: bool
    stale: bool
    boxed: bool


class ReviewPhoto(Answer):
    sha256: str
    url: str
    width: int
    height: int
    state: str
    reason: str | None
    verdict: str | None


class Added(Answer):
    """A garment that a person added; take it back by this `id` while it is not cut out yet."""

    id: int
    category: str
    box: Sequence[float]


class ReviewEntry(Answer):
    """A photo that a person should look at, or has looked at."""

    reasons: Sequence[str]
    item: ItemBrief
    photo: ReviewPhoto
    garments: Sequence[ReviewGarment]
    added: Sequence[Added]
