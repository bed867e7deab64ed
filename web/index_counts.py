"""How many garments each index should hold and does hold, as they are now.

Used by the page of index health.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.errors import NotFoundError, UnavailableError
from catalog.search.index import VectorIndex
from catalog.tables import EntryState, Generation, IndexEntry


@dataclass(frozen=True)
class GenerationCount:
    """A generation; `points` is None where the index does not answer."""

    generation: Generation
    entries: int
    behind: int
    points: int | None


def count_generations(session: Session, index: VectorIndex) -> list[GenerationCount]:
    """Two statements and one question to the index for each generation, of which there are few."""
    generations = session.scalars(select(Generation).order_by(Generation.id.desc())).all()
    counts = {
        row.generation_id: (row.entries, row.behind)
        for row in session.execute(
            select(
                IndexEntry.generation_id,
                func.count().filter(IndexEntry.state != EntryState.DELETE).label("entries"),
                func.count().filter(IndexEntry.state != EntryState.CLEAN).label("behind"),
            ).group_by(IndexEntry.generation_id)
        )
    }
    points = _count_points(index, [generation.collection for generation in generations])
    return [
        GenerationCount(each, *counts.get(each.id, (0, 0)), points.get(each.collection))
        for each in generations
    ]


def _count_points(index: VectorIndex, collections: Sequence[str]) -> dict[str, int]:
    """By collection; empty from where on the index does not answer: nobody waits for it twice."""
    points: dict[str, int] = {}
    for name in collections:
        try:
            points[name] = index.count(name)
        except NotFoundError:
            points[name] = 0  # the sync makes it anew
        except UnavailableError:
            break
    return points
