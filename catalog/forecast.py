"""How long a re-index would take: what there is to do, and rates that were measured here.

Called by the re-index pages and the API. Nothing is guessed: what was never measured has no time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from catalog.errors import ConflictError
from catalog.known_checkpoints import find_checkpoint_id, list_checkpoints
from catalog.rates import Rate, Rates, load_rates
from catalog.search.comparing import SAMPLE
from catalog.search.generations import active_generation
from catalog.search.side_by_side import MOST_ITEMS
from catalog.tables import (
    Embedding,
    Garment,
    Generation,
    Item,
    ItemPhoto,
    Photo,
    PhotoState,
    ReindexKind,
    Work,
)


@dataclass(frozen=True)
class Step:
    """One kind of work: so many, at a rate that was measured or is that of another checkpoint."""

    work: Work
    count: int
    rate: Rate | None
    same_checkpoint: bool = True
    """Whether the rate is the wanted checkpoint's own; another one may be faster or slower."""

    @property
    def seconds(self) -> float | None:
        if self.count == 0:
            return 0.0
        return self.count / self.rate.per_second if self.rate else None


@dataclass(frozen=True)
class Forecast:
    """What a re-index would do, with which checkpoints. An id is None where no worker has told
    of a checkpoint of that name: the workers look for it when the job begins."""

    kind: ReindexKind
    segmenter: str | None
    embedder: str | None
    steps: Sequence[Step]

    @property
    def seconds(self) -> float | None:
        """None as soon as one step was never measured."""
        parts = [step.seconds for step in self.steps]
        return None if None in parts else sum(part for part in parts if part is not None)

    @property
    def least(self) -> float:
        """The seconds of what was measured."""
        return sum(step.seconds or 0.0 for step in self.steps)

    @property
    def is_sure(self) -> bool:
        """Whether every rate is that of the checkpoint itself."""
        return all(step.same_checkpoint for step in self.steps)


def forecast_reindex(
    session: Session,
    kind: ReindexKind,
    segmenter: str | None = None,
    embedder: str | None = None,
) -> Forecast:
    """What this re-index would have to do and how long that takes at the rates of late.

    Checkpoints are named as for `start_reindex`. Raises ConflictError while nothing is indexed.
    """
    active = active_generation(session)
    if active is None:
        raise ConflictError("There is no index yet: the first photo that is indexed makes one.")
    ids = _wanted(session, active, kind, segmenter, embedder)
    steps = _steps(session, active, kind, *ids, load_rates(session))
    return Forecast(kind, *ids, steps)


def _wanted(
    session: Session,
    active: Generation,
    kind: ReindexKind,
    segmenter: str | None,
    embedder: str | None,
) -> tuple[str | None, str | None]:
    """The ids that the workers would take: what the kind does not renew stays as it is."""
    named = bool(segmenter or embedder)
    ids: list[str | None] = [active.segmenter, active.embedder]
    if kind is ReindexKind.PHOTOS and (segmenter or not named):
        ids[0] = find_checkpoint_id(list_checkpoints(session, "segmentation"), segmenter)
    if kind is not ReindexKind.VECTORS and (embedder or not named):
        ids[1] = find_checkpoint_id(list_checkpoints(session, "embedding"), embedder)
    return ids[0], ids[1]


def _steps(
    session: Session,
    active: Generation,
    kind: ReindexKind,
    segmenter: str | None,
    embedder: str | None,
    rates: Rates,
) -> list[Step]:
    garments = _count_garments(session, active)
    steps = []
    if kind is ReindexKind.PHOTOS:
        rate, own = _rate(rates, (Work.PHOTOS,), segmenter, active.segmenter)
        steps.append(Step(Work.PHOTOS, _count_photos(session), rate, own))
    if kind is ReindexKind.CROPS:
        rate, own = _rate(rates, (Work.CROPS, Work.EMBEDDING), embedder, active.embedder)
        unseen = garments - _count_seen(session, active, embedder)
        steps.append(Step(Work.CROPS, unseen, rate, own))
    searches = min(garments, SAMPLE) + min(_count_items(session), MOST_ITEMS)
    return [
        *steps,
        Step(Work.VECTORS, garments, rates.get((Work.VECTORS, ""))),
        Step(Work.COMPARING, searches, rates.get((Work.COMPARING, ""))),
    ]


def _rate(
    rates: Rates, works: Sequence[Work], wanted: str | None, present: str
) -> tuple[Rate | None, bool]:
    """The wanted checkpoint's own rate, otherwise that of the one that serves."""
    for checkpoint in (wanted, present):
        for work in works:
            if checkpoint is not None and (work, checkpoint) in rates:
                return rates[work, checkpoint], checkpoint == wanted
    return None, True


def _count_photos(session: Session) -> int:
    shown = exists().where(ItemPhoto.photo_id == Photo.id)
    query = select(func.count()).where(Photo.state == PhotoState.INDEXED, shown)
    return session.scalar(query) or 0


def _count_items(session: Session) -> int:
    some = select(Item.id).where(Item.deleted_at.is_(None)).limit(MOST_ITEMS)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def _count_garments(session: Session, active: Generation) -> int:
    query = select(func.count()).where(Garment.segmenter == active.segmenter)
    return session.scalar(query) or 0


def _count_seen(session: Session, active: Generation, embedder: str | None) -> int:
    seen = (
        select(func.count())
        .select_from(Embedding)
        .join(Garment, Garment.id == Embedding.garment_id)
        .where(Garment.segmenter == active.segmenter, Embedding.embedder == embedder)
    )
    return session.scalar(seen) or 0
