"""What the API remembers of its callers: writes already answered, and whom to tell about jobs."""

import enum
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from catalog.tables.base import Base, choice


class AnsweredWrite(Base):
    """The answer to a write that came with an idempotency key: the same again gets the same."""

    __tablename__ = "answered_write"
    __table_args__ = (Index("ix_answered_write_created_at", "created_at"),)

    token_id: Mapped[int] = mapped_column(
        ForeignKey("token.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    request_hash: Mapped[str] = mapped_column(Text)
    """SHA-256 of method, address and body: another request under the same key is refused."""
    status: Mapped[int | None]
    """None while the first request is still being answered."""
    media_type: Mapped[str | None] = mapped_column(Text)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Webhook(Base):
    """An address of the shop's that is told when a job ends."""

    __tablename__ = "webhook"

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(Text, unique=True)
    secret: Mapped[str] = mapped_column(Text)
    """Signs each message; kept as it is, because both sides need it."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DeliveryState(enum.StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Delivery(Base):
    """One message to one webhook: written with what it tells about, sent after the commit."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_due", "next_at", postgresql_where=text("state = 'pending'")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    webhook_id: Mapped[int] = mapped_column(
        ForeignKey("webhook.id", ondelete="CASCADE"), index=True
    )
    body: Mapped[dict[str, Any]]
    state: Mapped[DeliveryState] = mapped_column(
        choice(DeliveryState), server_default=DeliveryState.PENDING.value
    )
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    answer: Mapped[str | None] = mapped_column(Text)
    """What the last attempt met: a status or an error."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
