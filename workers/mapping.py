"""Makes the map of the catalog: reads the vectors that serve, lays them out, keeps the result.

Called by `workers.background`. The layout can't be taken up in its middle: a worker that is stopped
leaves the job to another one, which begins anew.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.errors import ConflictError
from catalog.maps import NO_GARMENTS, mappable, save_map
from catalog.search.generations import active_generation
from catalog.tables import Generation
from catalog.taxonomy import CATEGORIES
from workers.run import Run

_ROWS = 2000
_TELL_EVERY_S = 1.0
_READING_SHARE = 0.05


@dataclass(frozen=True)
class Mapped:
    """The garments of a map before they have places."""

    ids: list[UUID]
    categories: list[str]
    category: NDArray[np.int64]
    """(N,): numbers of `categories`."""
    vectors: NDArray[np.float16]


def make_map(run: Run) -> dict[str, Any]:
    """Map the active generation; the job's result says of how many garments."""
    # Only here: its libraries would be a burden for workers that never make one.
    from models.embedding.layout import lay_out

    services = run.resources.services
    with services.sessions() as session:
        generation = active_generation(session)
        if generation is None:
            raise ConflictError(NO_GARMENTS)
        garments = _read_garments(session, generation, run)
    tell = _teller(run, len(garments.ids))
    places = lay_out(
        garments.vectors,
        garments.category,
        lambda share: tell(_READING_SHARE + (1 - _READING_SHARE) * share),
    )
    run.advance(len(garments.ids), len(garments.ids))
    with services.sessions.begin() as session:
        save_map(
            *(session, generation, run.job_id, garments.ids),
            *(garments.categories, garments.category, places),
        )
    return {"garments": len(garments.ids), "index": generation.collection}


def _read_garments(session: Session, generation: Generation, run: Run) -> Mapped:
    """All garments that belong on the map; only their vectors take room, as they are stored."""
    query = mappable(generation)
    count = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    if not count:
        raise ConflictError(NO_GARMENTS)
    run.advance(0, count)
    tell = _teller(run, count)
    ids: list[UUID] = []
    names: list[str] = []
    vectors = np.empty((count, generation.dimensions), dtype=np.float16)
    for garment_id, name, vector in _stream(session, query.limit(count)):
        vectors[len(ids)] = np.frombuffer(vector, dtype="<f2")
        ids.append(garment_id)
        names.append(name)
        tell(_READING_SHARE * len(ids) / count)
    categories = sorted(set(names), key=_by_taxonomy)
    number = {name: place for place, name in enumerate(categories)}
    category = np.array([number[name] for name in names], dtype=np.int64)
    return Mapped(ids, categories, category, vectors[: len(ids)])


def _stream(session: Session, query: Any) -> Iterator[Any]:
    return iter(session.execute(query, execution_options={"yield_per": _ROWS}))


def _teller(run: Run, total: int) -> Callable[[float], None]:
    """Notes the share done, once a second at most; raises when the job has to stop."""
    told = [0.0]

    def tell(share: float) -> None:
        if time.monotonic() - told[0] >= _TELL_EVERY_S:
            run.advance(int(share * total), total)
            told[0] = time.monotonic()

    return tell


def _by_taxonomy(name: str) -> tuple[int, str]:
    known = CATEGORIES.index(name) if name in CATEGORIES else len(CATEGORIES)
    return known, name
