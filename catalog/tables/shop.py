"""What a shop has sent, and the garments that were found in its photos."""

import enum
import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.tables.base import Base, Float16Vector, choice


class PhotoState(enum.StrEnum):
    PENDING = "pending"
    WORKING = "working"
    INDEXED = "indexed"
    FAILED = "failed"


class Role(enum.StrEnum):
    SOLD = "sold"
    WORN_WITH = "worn_with"


WORDS = (
    "lower(title || ' ' || coalesce(brand, '') || ' ' || sku || ' ' || coalesce(category, '')"
    " || ' ' || left(description, 500))"
)
"""How Postgres makes an item's searchable words; a description's beginning says what it is."""

ORDERS = {
    "ix_item_cheapest": (text("price ASC NULLS LAST"), text("id DESC")),
    "ix_item_dearest": (text("price DESC NULLS LAST"), text("id DESC")),
    # An index takes 2,704 bytes; the longest titles have more.
    "ix_item_title": (text('"left"(lower(title), 200)'), text("id DESC")),
}
"""The indexes that hand out a page of items in the order that a visitor asked for."""


class Catalog(Base):
    """A named catalog; pruning and deleting act inside one."""

    __tablename__ = "catalog"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Item(Base):
    """What the shop sells under one sku. A deleted item keeps its row as a tombstone."""

    __tablename__ = "item"
    __table_args__ = (
        UniqueConstraint("catalog_id", "sku"),
        CheckConstraint("price >= 0", name="price_not_negative"),
        CheckConstraint("stock >= 0", name="stock_not_negative"),
        Index(
            "ix_item_catalog_id_id", "catalog_id", "id", postgresql_where=text("deleted_at IS NULL")
        ),
        Index(
            "ix_item_words",
            "words",
            postgresql_using="gin",
            postgresql_ops={"words": "gin_trgm_ops"},
            postgresql_where=text("deleted_at IS NULL"),
        ),
        *(
            Index(name, *order, postgresql_where=text("deleted_at IS NULL"))
            for name, order in ORDERS.items()
        ),
        Index("ix_item_updated_at", "updated_at", postgresql_where=text("deleted_at IS NULL")),
        Index(
            "ix_item_facets",
            "id",
            # All that facets need of an item, so that counting never reads descriptions.
            postgresql_include=["catalog_id", "brand", "price", "stock"],
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    catalog_id: Mapped[int] = mapped_column(ForeignKey("catalog.id", ondelete="CASCADE"))
    sku: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default="")
    brand: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str | None] = mapped_column(Text)
    """The shop's own words, never checked against the taxonomy."""
    price: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    currency: Mapped[str | None] = mapped_column(Text)
    stock: Mapped[int | None]
    url: Mapped[str | None] = mapped_column(Text)
    attributes: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    words: Mapped[str] = mapped_column(Text, Computed(WORDS, persisted=True), deferred=True)
    """What a text search looks through, in lower case."""
    version: Mapped[int] = mapped_column(server_default=text("1"))
    """Grows with each change that a reader can see."""
    seen_by_job: Mapped[uuid.UUID | None]
    """The last ingest that named this sku; pruning deletes the others."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[datetime | None]

    catalog: Mapped[Catalog] = relationship()
    photo_links: Mapped[list["ItemPhoto"]] = relationship(
        back_populates="item", order_by="ItemPhoto.position", cascade="all, delete-orphan"
    )


class KnownWord(Base):
    """A word that items are described by, in lower case: what a mistyped one may mean.

    Written by `catalog.spelling`, about a minute behind the items.
    """

    __tablename__ = "known_word"
    __table_args__ = (
        Index(
            "ix_known_word_word",
            "word",
            postgresql_using="gin",
            postgresql_ops={"word": "gin_trgm_ops"},
        ),
    )

    word: Mapped[str] = mapped_column(Text, primary_key=True)


class ItemSummary(Base):
    """What the garments of one segmenter say about an item, so that a grid need not look at them.

    Written by `catalog.summaries` in the transaction that changes the garments. One row for each
    segmenter: a switch to another generation shows the other rows without touching any.
    """

    __tablename__ = "item_summary"
    __table_args__ = (
        Index(
            "ix_item_summary_review",
            "segmenter",
            "item_id",
            postgresql_where=text("review <> '{}'"),
        ),
    )

    item_id: Mapped[int] = mapped_column(
        ForeignKey("item.id", ondelete="CASCADE"), primary_key=True
    )
    segmenter: Mapped[str] = mapped_column(Text, primary_key=True)
    categories: Mapped[list[str]]
    """Of the garments that the item sells."""
    colours: Mapped[list[str]]
    """Names of the dominant colours of what it sells."""
    garments: Mapped[int]
    """How many its photos show, sold and worn with."""
    review: Mapped[list[str]]
    """Why a person should look: some of `catalog.summaries.Reason`."""


class ItemView(Base):
    """How often an item's page was looked at: a number, nothing about who looked."""

    __tablename__ = "item_view"
    __table_args__ = (Index("ix_item_view_views", text("views DESC"), text("item_id DESC")),)

    item_id: Mapped[int] = mapped_column(
        ForeignKey("item.id", ondelete="CASCADE"), primary_key=True
    )
    views: Mapped[int] = mapped_column(BigInteger)


class Photo(Base):
    """One photo, known by its bytes; those are in the image store under `sha256`."""

    __tablename__ = "photo"
    __table_args__ = (
        Index(
            "ix_photo_unfinished",
            "state",
            "claimed_at",
            postgresql_where=text("state IN ('pending', 'working')"),
        ),
        Index("ix_photo_failed", "id", postgresql_where=text("state = 'failed'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    sha256: Mapped[str] = mapped_column(Text, unique=True)
    bytes: Mapped[int]
    media_type: Mapped[str] = mapped_column(Text)
    width: Mapped[int]
    """Pixels, after the EXIF orientation is applied; so is `height`."""
    height: Mapped[int]
    state: Mapped[PhotoState] = mapped_column(
        choice(PhotoState), server_default=PhotoState.PENDING.value
    )
    reason: Mapped[str | None] = mapped_column(Text)
    """Why the photo failed, in words for the merchandiser."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    claimed_by: Mapped[str | None] = mapped_column(Text)
    """The task that works on it (its queue id)."""
    claimed_at: Mapped[datetime | None]
    """When it was claimed or, while pending, when it was last enqueued."""
    indexed_at: Mapped[datetime | None]
    segmenter: Mapped[str | None] = mapped_column(Text)
    """The segmenter checkpoint that found its present garments."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    links: Mapped[list["ItemPhoto"]] = relationship(back_populates="photo")
    garments: Mapped[list["Garment"]] = relationship(
        back_populates="photo", cascade="all, delete-orphan", order_by="Garment.score.desc()"
    )


class DiscardedPhoto(Base):
    """The outbox of the image store: bytes to remove, because nothing shows the photo any more.

    No foreign key: the row outlives the photo's. `discard_bytes` carries it out after the commit.
    """

    __tablename__ = "discarded_photo"

    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ItemPhoto(Base):
    """Which photos show which item, in the feed's order; two skus may share a photo."""

    __tablename__ = "item_photo"
    __table_args__ = (Index("ix_item_photo_photo_id", "photo_id"),)

    item_id: Mapped[int] = mapped_column(
        ForeignKey("item.id", ondelete="CASCADE"), primary_key=True
    )
    photo_id: Mapped[int] = mapped_column(
        ForeignKey("photo.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int]

    item: Mapped[Item] = relationship(back_populates="photo_links")
    photo: Mapped[Photo] = relationship(back_populates="links")


class Garment(Base):
    """One garment found in one photo by one segmenter checkpoint."""

    __tablename__ = "garment"
    __table_args__ = (
        Index("ix_garment_photo_id_segmenter", "photo_id", "segmenter"),
        Index("ix_garment_category", "category"),
        Index(
            "ix_garment_correction_id",
            "correction_id",
            postgresql_where=text("correction_id IS NOT NULL"),
        ),
        Index("ix_garment_stale", "photo_id", postgresql_where=text("stale")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id", ondelete="CASCADE"))
    segmenter: Mapped[str] = mapped_column(Text)
    category: Mapped[str] = mapped_column(Text)
    score: Mapped[float]
    box: Mapped[list[float]]
    """x0, y0, x1, y1 in pixels of the photo."""
    mask: Mapped[dict[str, Any]]
    """COCO run-length encoding at the photo's size: {"size": [h, w], "counts": str}."""
    outline: Mapped[list[Any]] = mapped_column(JSONB)
    """The mask's borders as polygons [[x, y, x, y, ...], ...] in pixels, for drawing."""
    crop: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """WebP; exactly what the embedder sees."""
    colours: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    """Dominant colours inside the mask: [{"name", "hex", "share"}], largest first."""
    role: Mapped[Role] = mapped_column(choice(Role))
    excluded: Mapped[bool] = mapped_column(server_default=text("false"))
    """A person said that this is no garment to recommend."""
    correction_id: Mapped[int | None] = mapped_column(
        ForeignKey("correction.id", ondelete="SET NULL")
    )
    """What a person said about it; present also where that was only that it is right."""
    found: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), deferred=True)
    """What the segmenter had seen, of a garment with a correction: category, box and mask.

    None beside a correction: a person drew it where the segmenter saw nothing.
    """
    stale: Mapped[bool] = mapped_column(server_default=text("false"))
    """Its box has changed, and mask, crop, colours and vectors do not follow it yet."""
    boxed: Mapped[bool] = mapped_column(server_default=text("false"))
    """Its mask is all of its box: a person drew that, and the segmenter saw no garment in it."""
    crop_version: Mapped[int] = mapped_column(server_default=text("0"))
    """How often its crop was cut anew: part of the crop's address."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    photo: Mapped[Photo] = relationship(back_populates="garments")
    correction: Mapped["Correction | None"] = relationship()


class Embedding(Base):
    """The vector of one crop by one embedder checkpoint, so that a new index needs no GPU."""

    __tablename__ = "embedding"

    garment_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("garment.id", ondelete="CASCADE"), primary_key=True
    )
    embedder: Mapped[str] = mapped_column(Text, primary_key=True)
    vector: Mapped[NDArray[np.float32]] = mapped_column(Float16Vector)


class Correction(Base):
    """What a person said about a garment; kept for whatever is found in the photo later.

    One row for each garment, also where all was right: it is reviewed then.
    """

    __tablename__ = "correction"
    __table_args__ = (Index("ix_correction_photo_id", "photo_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id", ondelete="CASCADE"))
    box: Mapped[list[float]]
    """Where it was seen, x0, y0, x1, y1 in pixels; of an added one where it was drawn first."""
    seen: Mapped[str | None] = mapped_column(Text)
    """The category that the segmenter saw; None for a garment that a person added."""
    category: Mapped[str | None] = mapped_column(Text)
    """What it is instead."""
    new_box: Mapped[list[float] | None]
    """The box that a person drew."""
    excluded: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def drawn_category(self) -> str:
        """What a garment is that has to be made of this correction alone."""
        category = self.category or self.seen
        assert category is not None, "an added garment has a category"
        return category
