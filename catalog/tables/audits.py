"""What audits have found, and what people have said about it."""

import enum
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from catalog.tables.base import Base, choice


class FindingKind(enum.StrEnum):
    INDEX = "index"
    """Something that differs between Postgres, the image store and the index."""
    COVERAGE = "coverage"
    """An item with few look-alikes."""
    PAIR = "pair"
    """Two items with near-identical garments, until they are gathered into groups."""
    DUPLICATES = "duplicates"
    """Items with near-identical garments."""


class Finding(Base):
    """One thing that an audit has found; the next audit of the same kind replaces it."""

    __tablename__ = "finding"
    __table_args__ = (
        UniqueConstraint("job_id", "kind", "key"),
        Index("ix_finding_job_id_kind_weight", "job_id", "kind", "weight", "id"),
        Index("ix_finding_item_id", "item_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"))
    kind: Mapped[FindingKind] = mapped_column(choice(FindingKind))
    key: Mapped[str] = mapped_column(Text)
    """What it is about: nothing is found twice by one audit."""
    item_id: Mapped[int | None] = mapped_column(ForeignKey("item.id", ondelete="CASCADE"))
    category: Mapped[str | None] = mapped_column(Text)
    """Of the garment that it is about."""
    weight: Mapped[float] = mapped_column(server_default=text("0"))
    """Look-alikes of an item, or the cosine of garments."""
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))


class DismissedPair(Base):
    """Two items that look the same and are not: no later audit says so again."""

    __tablename__ = "dismissed_pair"
    __table_args__ = (
        CheckConstraint("item_id < other_id", name="smaller_first"),
        Index("ix_dismissed_pair_other_id", "other_id"),
    )

    item_id: Mapped[int] = mapped_column(
        ForeignKey("item.id", ondelete="CASCADE"), primary_key=True
    )
    other_id: Mapped[int] = mapped_column(
        ForeignKey("item.id", ondelete="CASCADE"), primary_key=True
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
