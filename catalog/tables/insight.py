"""What is worked out of a catalog in the background: its map, its audit, why two garments match."""

import enum
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from catalog.tables.base import Base, choice


class CatalogMap(Base):
    """All garments of one generation laid out on a plane by similarity."""

    __tablename__ = "catalog_map"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    segmenter: Mapped[str] = mapped_column(Text)
    embedder: Mapped[str] = mapped_column(Text)
    categories: Mapped[list[str]]
    count: Mapped[int]
    points: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """For each garment little-endian uint16 x and y and its place in `categories`: (N, 3)."""
    garment_ids: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """16 bytes for each garment, in the order of `points`."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class FindingKind(enum.StrEnum):
    FEW_ALIKE = "few_alike"
    SAME = "same"


class Finding(Base):
    """One line of an audit's report; those of the newest audit are kept."""

    __tablename__ = "finding"
    __table_args__ = (Index("ix_finding_kind_value", "kind", "value"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), index=True)
    kind: Mapped[FindingKind] = mapped_column(choice(FindingKind))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id", ondelete="CASCADE"), index=True)
    other_id: Mapped[int | None] = mapped_column(
        ForeignKey("item.id", ondelete="CASCADE"), index=True
    )
    garment_id: Mapped[uuid.UUID]
    other_garment_id: Mapped[uuid.UUID | None]
    value: Mapped[float]
    """How many look-alikes there are, or how alike the two are."""


class ExplanationState(enum.StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Explanation(Base):
    """Which regions of two garments made them match; made when asked for, kept for a while.

    No foreign keys: either garment may be one of an upload, and both may be gone by then.
    """

    __tablename__ = "explanation"
    __table_args__ = (
        Index("uq_explanation_pair", "garment_id", "other_garment_id", "embedder", unique=True),
        Index("ix_explanation_created_at", "created_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    garment_id: Mapped[uuid.UUID]
    other_garment_id: Mapped[uuid.UUID]
    embedder: Mapped[str] = mapped_column(Text)
    state: Mapped[ExplanationState] = mapped_column(
        choice(ExplanationState), server_default=ExplanationState.PENDING.value
    )
    descriptors: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """Cosine of the two garments by each global descriptor's name."""
    heat: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """WebP with transparency, as large as the crop: where `garment_id` is like the other."""
    other_heat: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
