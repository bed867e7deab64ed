"""Carries the outbox into the vector index, and brings back collections that were lost.

Called by the workers after each save and by the sweep. Any number may run at once.
"""

import math
import time
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.orm import Session, sessionmaker

from catalog.errors import NotFoundError
from catalog.search.index import VectorIndex
from catalog.search.outbox import followed_generations
from catalog.search.payloads import load_points
from catalog.tables import EntryState, Generation, GenerationState, IndexEntry

_LOCKS = 0x53594E43
"""The class of the advisory locks, one for each generation, that order the senders."""


@dataclass
class SyncReport:
    """What a sync did: points sent, points deleted, collections made anew.

    `stopped` says that its time was over with something perhaps left to do.
    """

    sent: int = 0
    deleted: int = 0
    recreated: list[str] = field(default_factory=list)
    stopped: bool = False


def sync_index(
    sessions: sessionmaker[Session],
    index: VectorIndex,
    batch: int = 256,
    limit_s: float = math.inf,
) -> SyncReport:
    """Send what is dirty and delete what is to go, in all generations that are kept up to date.

    Commits after each batch; after `limit_s` seconds each generation gets one batch at most.
    Raises IndexUnavailableError; what was not sent stays dirty then.
    """
    report = SyncReport()
    until = time.monotonic() + limit_s
    with sessions() as session:
        present = set(index.collections())
        for generation in _load_followed(session):
            if generation.collection not in present:
                _recreate(session, index, generation, report)
            while _sync_batch(session, index, generation, batch, report):
                if time.monotonic() >= until:
                    report.stopped = True
                    break
        _lead_alias(session, index)
    return report


def _load_followed(session: Session) -> list[Generation]:
    chosen = select(Generation).where(Generation.id.in_(followed_generations()))
    generations = list(session.scalars(chosen.order_by(Generation.id)))
    session.expunge_all()  # They stay readable after each commit.
    session.rollback()
    return generations


def _sync_batch(
    session: Session, index: VectorIndex, generation: Generation, batch: int, report: SyncReport
) -> bool:
    """Carry out one batch; False when nothing was left.

    Senders to one generation take turns, else an older payload could arrive after a newer one.
    The rows stay unlocked while the index is asked, so that a slow index holds up no writer: what
    is marked meanwhile has another version then and stays dirty.
    """
    session.execute(select(func.pg_advisory_xact_lock(_LOCKS, generation.id)))
    entries = session.execute(
        select(IndexEntry.garment_id, IndexEntry.version)
        .where(IndexEntry.generation_id == generation.id, IndexEntry.state != EntryState.CLEAN)
        .order_by(IndexEntry.garment_id)
        .limit(batch)
    ).all()
    versions = {entry.garment_id: entry.version for entry in entries}
    points = load_points(session, generation, versions)
    sent = {point.id for point in points}
    gone = versions.keys() - sent
    try:
        index.upsert(generation.collection, points)
        index.delete(generation.collection, sorted(gone))
    except NotFoundError:
        session.rollback()
        return _recreate(session, index, generation, report)
    _settle(session, generation, versions, sent)
    session.commit()
    report.sent += len(sent)
    report.deleted += len(gone)
    return bool(entries)


def _settle(
    session: Session, generation: Generation, versions: dict[UUID, int], sent: set[UUID]
) -> None:
    """Clean the entries that were sent and drop those of deleted points, if unchanged since."""
    marked = tuple_(IndexEntry.garment_id, IndexEntry.version)
    mine = IndexEntry.generation_id == generation.id
    clean = [(id_, version) for id_, version in sorted(versions.items()) if id_ in sent]
    gone = [(id_, version) for id_, version in sorted(versions.items()) if id_ not in sent]
    if clean:
        session.execute(
            update(IndexEntry).where(mine, marked.in_(clean)).values(state=EntryState.CLEAN),
            execution_options={"synchronize_session": False},
        )
    if gone:
        session.execute(
            delete(IndexEntry).where(mine, marked.in_(gone)),
            execution_options={"synchronize_session": False},
        )


def _recreate(
    session: Session, index: VectorIndex, generation: Generation, report: SyncReport
) -> bool:
    """Make a generation's collection, now empty, and have all of it sent again.

    Marked and committed first: a crash in between leaves the collection missing, not empty.
    False when the generation itself was dropped meanwhile.
    """
    session.execute(
        update(IndexEntry)
        .where(
            IndexEntry.generation_id == generation.id,
            IndexEntry.state == EntryState.CLEAN,
        )
        .values(state=EntryState.DIRTY, version=IndexEntry.version + 1),
        execution_options={"synchronize_session": False},
    )
    session.commit()
    # Held while the collection is made, so that nobody drops the generation in between.
    held = session.scalar(
        select(Generation.id)
        .where(Generation.id == generation.id)
        .with_for_update(read=True, key_share=True)
    )
    if held is not None:
        index.create_collection(generation.collection, generation.dimensions)
        report.recreated.append(generation.collection)
    session.commit()
    return held is not None


def _lead_alias(session: Session, index: VectorIndex) -> None:
    """Let the alias follow the active generation, whatever became of the last switch."""
    active = session.scalar(
        select(Generation.collection).where(Generation.state == GenerationState.ACTIVE)
    )
    session.rollback()
    if active is not None:
        index.point_to(index.prefix, active)
