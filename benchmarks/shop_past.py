"""Gives a made-up shop what months of use leave behind: jobs, findings, a map, webhooks, reviews.

Used by the benchmark of the pages, so that what admins see has something to read, too.
"""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import func, insert, literal, select, text
from sqlalchemy.orm import Session

from catalog.audit.options import AuditOptions
from catalog.maps import save_map
from catalog.search.generations import active_generation
from catalog.services import Services
from catalog.tables import (
    Correction,
    DeliveryState,
    Finding,
    FindingKind,
    Garment,
    Generation,
    GenerationState,
    IndexEntry,
    Item,
    Job,
    JobKind,
    JobLog,
    JobState,
    Webhook,
    WebhookDelivery,
)

_INGESTS = 3_000
_LINES = 20
_WEBHOOKS = 10
_NOW = datetime.now(UTC)
_AUDITED = {
    "index": {"photos": 1, "garments": 1, "behind": 0, "differences": {}, "collections": {}},
    "coverage": {"items": 1, "few": 1, "none": 0, "unseen": 0},
    "duplicates": {"items": 1, "groups": 1, "alike": 2, "cut_off": False},
}


def add_past(services: Services) -> None:
    """Add what operators and reviewers have done; ends with statistics gathered."""
    with services.sessions.begin() as session:
        generation = active_generation(session)
        assert generation is not None, "fill_shop comes first"
        audit = _add_jobs(session)
        session.execute(insert(Finding), list(_findings(session, audit)))
        _add_map(session, generation)
        _add_deliveries(session)
        _add_corrections(session)
        _retire_one(session, generation)
    with services.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _add_jobs(session: Session) -> uuid.UUID:
    """Ingests, one every hour, and an audit of everything; returns the audit's id."""
    ids = [uuid.uuid4() for _ in range(_INGESTS + 1)]
    session.execute(insert(Job), [_job(id_, place) for place, id_ in enumerate(ids)])
    lines = [
        {"job_id": id_, "level": "info", "message": f"line {line} of what was done"}
        for id_ in ids
        for line in range(_LINES)
    ]
    session.execute(insert(JobLog), lines)
    return ids[-1]


def _job(id_: uuid.UUID, place: int) -> dict[str, Any]:
    began = _NOW - timedelta(hours=_INGESTS - place)
    is_audit = place == _INGESTS
    return {
        "id": id_,
        "kind": JobKind.AUDIT if is_audit else JobKind.INGEST,
        "state": JobState.DONE,
        "parameters": AuditOptions().model_dump(mode="json") if is_audit else {},
        "result": _AUDITED if is_audit else {"created": 1},
        "created_at": began,
        "finished_at": began + timedelta(minutes=5),
    }


def _findings(session: Session, job_id: uuid.UUID) -> Iterator[dict[str, Any]]:
    """Every third item has few look-alikes, every tenth has a twin."""
    garments = {
        photo_id: (id_, category)
        for photo_id, id_, category in session.execute(
            select(Garment.photo_id, Garment.id, Garment.category)
        )
    }
    for item_id in session.scalars(select(Item.id).where(Item.id % 3 == 0)):
        yield {
            "job_id": job_id,
            "kind": FindingKind.COVERAGE,
            "key": str(item_id),
            "item_id": item_id,
            "category": garments[item_id][1],
            "weight": float(item_id % 4),
            "detail": {"found": item_id % 4, "reason": "few"},
        }
    for item_id in session.scalars(select(Item.id).where(Item.id % 10 == 0)):
        items, pair = (
            [item_id - 1, item_id],
            [str(garments[each][0]) for each in (item_id - 1, item_id)],
        )
        category = garments[item_id][1]
        shared = {"items": items, "same_photo": False}
        score = 0.98 + item_id % 19 / 1000
        yield {
            "job_id": job_id,
            "kind": FindingKind.DUPLICATES,
            "key": str(item_id - 1),
            "item_id": None,
            "category": category,
            "weight": score,
            "detail": shared
            | {
                "size": 2,
                "pairs": [shared | {"garments": pair, "score": score, "category": category}],
            },
        }


def _add_map(session: Session, generation: Generation) -> None:
    ids = session.scalars(select(Garment.id)).all()
    random = np.random.default_rng(0)
    places = random.random((len(ids), 2)).astype(np.float32)
    job = Job(kind=JobKind.MAP, state=JobState.DONE, created_at=_NOW, finished_at=_NOW)
    session.add(job)
    session.flush()
    category = np.zeros(len(ids), dtype=np.int64)
    save_map(session, generation, job.id, ids, ["jacket"], category, places)


def _add_deliveries(session: Session) -> None:
    """A month of what was told to each webhook."""
    webhooks = [
        Webhook(url=f"https://example.com/{place}", events=["job.done"], secret_hash="made up")
        for place in range(_WEBHOOKS)
    ]
    session.add_all(webhooks)
    session.flush()
    rows = [
        {
            "webhook_id": webhook.id,
            "event": "job.done",
            "payload": {"type": "job.done", "data": {"kind": "ingest", "done": place}},
            "state": DeliveryState.DELIVERED,
            "created_at": _NOW - timedelta(hours=place / 4),
            "delivered_at": _NOW - timedelta(hours=place / 4),
            "next_attempt_at": None,
        }
        for webhook in webhooks
        for place in range(_INGESTS)
    ]
    session.execute(insert(WebhookDelivery), rows)


def _add_corrections(session: Session) -> None:
    """One photo in 200 has a garment that somebody has accepted."""
    rows = session.execute(
        select(Garment.photo_id, Garment.box, Garment.category).where(Garment.photo_id % 200 == 0)
    )
    values = [{"photo_id": row[0], "box": row[1], "seen": row[2]} for row in rows]
    session.execute(insert(Correction), values)


def _retire_one(session: Session, active: Generation) -> None:
    """The index from before, which is kept up to date for a rollback."""
    retired = Generation(
        collection="garments_0",
        segmenter=active.segmenter,
        embedder=active.embedder,
        dimensions=active.dimensions,
        state=GenerationState.RETIRED,
        activated_at=func.now(),
    )
    session.add(retired)
    session.flush()
    entries = select(literal(retired.id), IndexEntry.garment_id, IndexEntry.state).where(
        IndexEntry.generation_id == active.id
    )
    session.execute(
        insert(IndexEntry).from_select(["generation_id", "garment_id", "state"], entries)
    )
