"""The re-index from stored crops: a new embedder looks at every crop, no photo is opened.

Called by `advance_reindex`. What lacks a vector is what is left to do, so a kill loses one batch.
"""

import time
import uuid

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.jobs import advance_job
from catalog.photos.decode import decode_crop
from catalog.search.generations import fill_from_vectors
from catalog.search.outbox import mark_dirty
from catalog.tables import Embedding, Garment, Generation
from workers.resources import Resources
from workers.seeing import embed_in_batches

_ROWS = 256


def reembed_some(
    resources: Resources, job_id: uuid.UUID, generation: Generation, until: float
) -> bool:
    """Embed crops that the generation's embedder has not seen; true when some are left."""
    services = resources.services
    embedder = resources.embedder(generation.embedder)
    with services.sessions.begin() as session:
        # Garments whose vectors exist already (an embedder that was used before) join at once.
        fill_from_vectors(session, generation)
    while time.monotonic() < until:
        with services.sessions.begin() as session:
            rows = session.execute(
                select(Garment.id, Garment.crop).where(_unseen(generation)).limit(_ROWS)
            ).all()
            if not rows:
                _report(session, job_id, generation)
                return False
            crops = [decode_crop(crop) for _, crop in rows]
            vectors = embed_in_batches(crops, embedder, resources.settings.embed_batch)
            ids = [garment_id for garment_id, _ in rows]
            values = [
                {"garment_id": garment_id, "embedder": generation.embedder, "vector": vector}
                for garment_id, vector in zip(ids, vectors, strict=True)
            ]
            session.execute(insert(Embedding).values(values).on_conflict_do_nothing())
            mark_dirty(session, ids)
            _report(session, job_id, generation)
    return True


def _unseen(generation: Generation) -> ColumnElement[bool]:
    seen = select(Embedding.garment_id).where(
        Embedding.garment_id == Garment.id, Embedding.embedder == generation.embedder
    )
    return (Garment.segmenter == generation.segmenter) & ~seen.exists()


def _report(session: Session, job_id: uuid.UUID, generation: Generation) -> None:
    of_segmenter = (
        select(func.count()).select_from(Garment).where(Garment.segmenter == generation.segmenter)
    )
    total = session.scalar(of_segmenter) or 0
    left = session.scalar(of_segmenter.where(_unseen(generation))) or 0
    advance_job(session, job_id, done=total - left, total=total)
