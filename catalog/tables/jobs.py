"""What people start and wait for: ingests, re-indexes, audits, maps, searches by photo."""

import enum
import uuid
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.tables.base import Base, Float16Vector, choice


class JobKind(enum.StrEnum):
    INGEST = "ingest"
    REINDEX = "reindex"
    AUDIT = "audit"
    MAP = "map"


class JobState(enum.StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ReindexKind(enum.StrEnum):
    VECTORS = "vectors"
    CROPS = "crops"
    PHOTOS = "photos"


class UploadState(enum.StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Job(Base):
    """Something long that a person started, its progress and its log."""

    __tablename__ = "job"
    __table_args__ = (
        Index(
            "uq_job_one_reindex",
            "kind",
            unique=True,
            postgresql_where=text("kind = 'reindex' AND state IN ('queued', 'running')"),
        ),
        Index(
            "uq_job_one_of_its_kind",
            "kind",
            unique=True,
            postgresql_where=text("kind IN ('audit', 'map') AND state IN ('queued', 'running')"),
        ),
        Index("ix_job_created_at", "created_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    kind: Mapped[JobKind] = mapped_column(choice(JobKind))
    state: Mapped[JobState] = mapped_column(choice(JobState), server_default=JobState.QUEUED.value)
    catalog_id: Mapped[int | None] = mapped_column(ForeignKey("catalog.id", ondelete="SET NULL"))
    generation_id: Mapped[int | None] = mapped_column(
        ForeignKey("generation.id", ondelete="SET NULL")
    )
    parameters: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    done: Mapped[int] = mapped_column(server_default=text("0"))
    total: Mapped[int | None]
    result: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    error: Mapped[str | None] = mapped_column(Text)
    cancel_requested: Mapped[bool] = mapped_column(server_default=text("false"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """How often a worker has begun its present piece; only one that dies leaves it counted."""
    heartbeat_at: Mapped[datetime | None]
    recent: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    """How far it was of late, [[seconds of the epoch, done], ...]: what its rate is made from."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]

    log: Mapped[list["JobLog"]] = relationship(
        cascade="all, delete-orphan", order_by="JobLog.id", passive_deletes=True
    )


class JobLog(Base):
    __tablename__ = "job_log"
    __table_args__ = (Index("ix_job_log_job_id", "job_id"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"))
    level: Mapped[str] = mapped_column(Text, server_default="info")
    message: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Upload(Base):
    """A photo that somebody searches with: never part of a catalog, gone when it expires."""

    __tablename__ = "upload"
    __table_args__ = (Index("ix_upload_expires_at", "expires_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    width: Mapped[int]
    height: Mapped[int]
    state: Mapped[UploadState] = mapped_column(
        choice(UploadState), server_default=UploadState.PENDING.value
    )
    reason: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]

    garments: Mapped[list["UploadGarment"]] = relationship(
        cascade="all, delete-orphan", order_by="UploadGarment.score.desc()", passive_deletes=True
    )


class UploadGarment(Base):
    """One garment found in an upload, with the vector to search by."""

    __tablename__ = "upload_garment"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    upload_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("upload.id", ondelete="CASCADE"), index=True
    )
    category: Mapped[str] = mapped_column(Text)
    score: Mapped[float]
    box: Mapped[list[float]]
    outline: Mapped[list[Any]] = mapped_column(JSONB)
    crop: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """WebP; exactly what the embedder saw."""
    embedder: Mapped[str] = mapped_column(Text)
    vector: Mapped[NDArray[np.float32]] = mapped_column(Float16Vector)
