"""The re-index from stored crops: a new embedder looks at every crop, no photo is opened.

Called by `advance_reindex`. What lacks a vector is what is left to do, so a kill loses one batch.
"""

import time
import uuid
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.jobs import advance_job
from catalog.photos.decode import decode_crop
from catalog.search.generations import fill_from_vectors, find_missing_vectors
from catalog.search.outbox import mark_dirty
from catalog.tables import Embedding, Garment, Generation, Work
from workers.resources import Resources
from workers.seeing import embed_in_batches

_ROWS = 256
"""Crops between two commits at most, and fewer where they take long: people want to see it move."""
_FEW = 32
_QUICK_S = 2.0


def reembed_some(
    resources: Resources, job_id: uuid.UUID, generation: Generation, until: float
) -> bool:
    """Embed crops that the generation's embedder has not seen; true when some are left."""
    services, settings = resources.services, resources.settings
    embedder = resources.embedder(generation.embedder)
    with services.sessions.begin() as session:
        # Garments whose vectors exist already (an embedder that was used before) join at once.
        fill_from_vectors(session, generation)
        _report(session, job_id, generation)
    rows = min(_FEW, _ROWS)
    while (started := time.monotonic()) < until:
        with services.sessions() as session:
            ids = find_missing_vectors(session, generation, rows)
            if not ids:
                _report(session, job_id, generation)
                session.commit()
                return False
            crops = {
                row.id: decode_crop(row.crop)
                for row in session.execute(
                    select(Garment.id, Garment.crop).where(Garment.id.in_(ids))
                )
            }
            session.commit()  # no transaction stays open while the model works
            vectors = embed_in_batches(list(crops.values()), embedder, settings.embed_batch)
            present = _hold_present(session, list(crops))
            values = [
                {"garment_id": garment_id, "embedder": generation.embedder, "vector": vector}
                for garment_id, vector in zip(crops, vectors, strict=True)
                if garment_id in present
            ]
            if values:
                session.execute(insert(Embedding).values(values).on_conflict_do_nothing())
            mark_dirty(session, present)
            passed_s = time.monotonic() - started
            resources.pace.note(Work.CROPS, len(crops), passed_s, generation.embedder)
            resources.pace.save(session)
            _report(session, job_id, generation)
            session.commit()
        rows = min(2 * rows, _ROWS) if passed_s < _QUICK_S else min(_FEW, _ROWS)
    return True


def _hold_present(session: Session, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those garments that were not deleted meanwhile, kept so until the transaction ends."""
    held = (
        select(Garment.id)
        .where(Garment.id.in_(ids))
        .order_by(Garment.id)
        .with_for_update(read=True, key_share=True)
    )
    return set(session.scalars(held))


def _report(session: Session, job_id: uuid.UUID, generation: Generation) -> None:
    garments = (
        select(func.count()).select_from(Garment).where(Garment.segmenter == generation.segmenter)
    )
    seen = garments.join(Embedding, Embedding.garment_id == Garment.id).where(
        Embedding.embedder == generation.embedder
    )
    advance_job(
        session, job_id, done=session.scalar(seen) or 0, total=session.scalar(garments) or 0
    )
