"""What people have said about whole photos, and the work that their corrections leave to workers.

What they say about single garments is in `shop.Correction`.
"""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from catalog.tables.base import Base, choice


class Verdict(enum.StrEnum):
    """What a person says of a photo in which no garment was found."""

    EMPTY = "empty"
    """It shows none: a size chart, a fabric."""
    IGNORED = "ignored"
    """It could not be indexed, and that is all right."""


class PhotoReview(Base):
    """A person has looked at a photo and wants to hear no more of it."""

    __tablename__ = "photo_review"

    photo_id: Mapped[int] = mapped_column(
        ForeignKey("photo.id", ondelete="CASCADE"), primary_key=True
    )
    verdict: Mapped[Verdict] = mapped_column(choice(Verdict))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Recut(Base):
    """A photo with boxes that a person drew and that no worker has cut out yet.

    Which ones those are follows from garments and corrections: `catalog.recuts`.
    """

    __tablename__ = "recut"

    photo_id: Mapped[int] = mapped_column(
        ForeignKey("photo.id", ondelete="CASCADE"), primary_key=True
    )
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    enqueued_at: Mapped[datetime | None]
    """When it was last enqueued or begun."""
    reason: Mapped[str | None] = mapped_column(Text)
    """Why the last try failed, in words for the admin."""
