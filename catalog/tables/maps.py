"""The map of the catalog: where each garment lies on a plane that has look-alikes side by side."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.tables.base import Base
from catalog.tables.index import Generation


class CatalogMap(Base):
    """One finished map of one generation's garments; it goes when the generation goes.

    Its points are numbered; `points` and `ids` have them in the same order, neighbours together.
    """

    __tablename__ = "catalog_map"
    __table_args__ = (Index("ix_catalog_map_generation_id", "generation_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id", ondelete="CASCADE"))
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    count: Mapped[int]
    categories: Mapped[list[str]]
    counts: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    """How many garments each category has."""
    points: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """Gzipped: all x and all y as little-endian uint16, then each category's number as a byte."""
    ids: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """The garments' UUIDs, 16 bytes each."""

    generation: Mapped[Generation] = relationship()
