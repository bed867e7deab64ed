"""Answers that a caller may ask for again: one for each key that it sent with a write."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from catalog.tables.base import Base


class IdempotentAnswer(Base):
    """The first answer to a write that carried a key; without a status it is still being made."""

    __tablename__ = "idempotent_answer"
    __table_args__ = (
        UniqueConstraint("token_id", "key"),
        Index("ix_idempotent_answer_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    token_id: Mapped[int] = mapped_column(ForeignKey("token.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(Text)
    request: Mapped[str] = mapped_column(Text)
    """Method and path, to be read by people."""
    request_hash: Mapped[str] = mapped_column(Text)
    """SHA-256 of method, path, query and body."""
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any] | None]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
