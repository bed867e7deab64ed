"""Why two garments match: what a worker has worked out for whoever asked, until it expires."""

import enum
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from catalog.tables.base import Base, choice


class ExplanationState(enum.StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Explanation(Base):
    """Why a garment of the catalog, or of a visitor's photo, is like another of the catalog."""

    __tablename__ = "explanation"
    __table_args__ = (
        CheckConstraint("num_nonnulls(garment_id, upload_garment_id) = 1", name="one_query"),
        UniqueConstraint("garment_id", "other_id", "embedder"),
        UniqueConstraint("upload_garment_id", "other_id", "embedder"),
        Index("ix_explanation_other_id", "other_id"),
        Index("ix_explanation_created_at", "created_at"),
        Index("ix_explanation_pending", "asked_at", postgresql_where=text("state = 'pending'")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    garment_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("garment.id", ondelete="CASCADE")
    )
    upload_garment_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("upload_garment.id", ondelete="CASCADE")
    )
    other_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("garment.id", ondelete="CASCADE"))
    embedder: Mapped[str] = mapped_column(Text)
    state: Mapped[ExplanationState] = mapped_column(
        choice(ExplanationState), server_default=ExplanationState.PENDING.value
    )
    reason: Mapped[str | None] = mapped_column(Text)
    """Why it failed, in words for the merchandiser."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """How many workers have begun it since one of them came to an end with it."""
    descriptors: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """Cosine similarity by the letter of each descriptor; their mean is that of the whole."""
    place: Mapped[str | None] = mapped_column(Text)
    """Where the heat of the garment that was asked with is, in words; so is `other_place`."""
    other_place: Mapped[str | None] = mapped_column(Text)
    heat: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """A grey WebP in the crop's proportions, white where the match is; so is `other_heat`."""
    other_heat: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    asked_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When it was last put on the queue."""
