"""What was measured: how fast the work goes, which checkpoints the workers have, how a new index
differs from the one before."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from catalog.tables.base import Base, choice


class Work(enum.StrEnum):
    PHOTOS = "photos"
    """Photos seen by both models and saved."""
    CROPS = "crops"
    """Stored crops embedded anew."""
    EMBEDDING = "embedding"
    """Crops embedded while photos are indexed: the segmenter works at the same time."""
    VECTORS = "vectors"
    """Vectors sent to the index by a re-index."""
    COMPARING = "comparing"
    """Garments and items searched for in the old and the new index, before a switch."""


class WorkRate(Base):
    """How much of one kind of work the workers do in a second, most of all lately."""

    __tablename__ = "work_rate"

    work: Mapped[Work] = mapped_column(choice(Work), primary_key=True)
    checkpoint: Mapped[str] = mapped_column(Text, primary_key=True)
    """The model that sets the pace: a segmenter or an embedder; empty where none is at work."""
    count: Mapped[float]
    """Photos, crops or vectors done in `seconds`; both fade, so that old measurements do."""
    seconds: Mapped[float]
    measured_at: Mapped[datetime] = mapped_column(server_default=func.now())


class KnownCheckpoint(Base):
    """A checkpoint that a worker's machine has on its disk, as that machine last said."""

    __tablename__ = "known_checkpoint"

    machine: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    """segmentation or embedding"""
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    """Its folder."""
    id: Mapped[str] = mapped_column(Text)
    configured: Mapped[bool]
    """The one that a re-index takes when none is named."""
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Comparison(Base):
    """How a generation that was built differs from the one that served then."""

    __tablename__ = "comparison"

    generation_id: Mapped[int] = mapped_column(
        ForeignKey("generation.id", ondelete="CASCADE"), primary_key=True
    )
    report: Mapped[dict[str, Any]]
    """Counts and shares: what `compare_generations` says, and of the items below."""
    items: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    """The most viewed items with what each index finds for them."""
    compared_at: Mapped[datetime] = mapped_column(server_default=func.now())
