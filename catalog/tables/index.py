"""What belongs in the vector index and what of it has arrived there."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from catalog.tables.base import Base, choice


class GenerationState(enum.StrEnum):
    BUILDING = "building"
    ACTIVE = "active"
    RETIRED = "retired"


class EntryState(enum.StrEnum):
    DIRTY = "dirty"
    CLEAN = "clean"
    DELETE = "delete"


class Generation(Base):
    """One collection in the vector index and the two checkpoints that fill it."""

    __tablename__ = "generation"
    __table_args__ = (
        Index(
            "uq_generation_active", "state", unique=True, postgresql_where=text("state = 'active'")
        ),
        Index(
            "uq_generation_building",
            "state",
            unique=True,
            postgresql_where=text("state = 'building'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    collection: Mapped[str] = mapped_column(Text, unique=True)
    segmenter: Mapped[str] = mapped_column(Text)
    embedder: Mapped[str] = mapped_column(Text)
    dimensions: Mapped[int]
    state: Mapped[GenerationState] = mapped_column(choice(GenerationState))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    activated_at: Mapped[datetime | None]


class IndexEntry(Base):
    """The outbox: what the collection of a generation must learn about a garment.

    No foreign key to the garment: the order to delete outlives it.
    """

    __tablename__ = "index_entry"
    __table_args__ = (
        Index("ix_index_entry_behind", "generation_id", postgresql_where=text("state <> 'clean'")),
        Index("ix_index_entry_garment_id", "garment_id"),
    )

    generation_id: Mapped[int] = mapped_column(
        ForeignKey("generation.id", ondelete="CASCADE"), primary_key=True
    )
    garment_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    state: Mapped[EntryState] = mapped_column(choice(EntryState))
    version: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    """Grows each time it is marked; a sync cleans only the version that it sent."""
