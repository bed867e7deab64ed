"""The tables of a catalog: Postgres is the truth, everything else can be rebuilt from it.

Used by every room that opens a session. Rows know nothing of Flask, Celery or Qdrant.
"""

import enum
import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Double,
    Enum,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Numeric,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
        list[float]: ARRAY(Double),
    }


class Float16Vector(TypeDecorator[NDArray[np.float32]]):
    """A vector kept as little-endian float16 bytes: half the room, far finer than cosine needs."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else np.asarray(value, dtype="<f2").tobytes()

    def process_result_value(self, value: Any, dialect: Dialect) -> NDArray[np.float32] | None:
        return None if value is None else np.frombuffer(value, dtype="<f2").astype(np.float32)


class PhotoState(enum.StrEnum):
    PENDING = "pending"
    WORKING = "working"
    INDEXED = "indexed"
    FAILED = "failed"


class Role(enum.StrEnum):
    SOLD = "sold"
    WORN_WITH = "worn_with"


class GenerationState(enum.StrEnum):
    BUILDING = "building"
    ACTIVE = "active"
    RETIRED = "retired"


class EntryState(enum.StrEnum):
    DIRTY = "dirty"
    CLEAN = "clean"
    DELETE = "delete"


class JobKind(enum.StrEnum):
    INGEST = "ingest"
    REINDEX = "reindex"


class JobState(enum.StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ReindexKind(enum.StrEnum):
    VECTORS = "vectors"
    CROPS = "crops"
    PHOTOS = "photos"


class UploadState(enum.StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


def _choice(kind: type[enum.StrEnum]) -> Enum:
    """A text column with a check: adding a value later is a plain migration."""
    return Enum(
        kind,
        native_enum=False,
        length=16,
        create_constraint=True,
        values_callable=lambda members: [member.value for member in members],
    )


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
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    sha256: Mapped[str] = mapped_column(Text, unique=True)
    bytes: Mapped[int]
    media_type: Mapped[str] = mapped_column(Text)
    width: Mapped[int]
    """Pixels, after the EXIF orientation is applied; so is `height`."""
    height: Mapped[int]
    state: Mapped[PhotoState] = mapped_column(
        _choice(PhotoState), server_default=PhotoState.PENDING.value
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
    role: Mapped[Role] = mapped_column(_choice(Role))
    excluded: Mapped[bool] = mapped_column(server_default=text("false"))
    """A person said that this is no garment to recommend."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    photo: Mapped[Photo] = relationship(back_populates="garments")


class Embedding(Base):
    """The vector of one crop by one embedder checkpoint, so that a new index needs no GPU."""

    __tablename__ = "embedding"

    garment_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("garment.id", ondelete="CASCADE"), primary_key=True
    )
    embedder: Mapped[str] = mapped_column(Text, primary_key=True)
    vector: Mapped[NDArray[np.float32]] = mapped_column(Float16Vector)


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
    state: Mapped[GenerationState] = mapped_column(_choice(GenerationState))
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
    state: Mapped[EntryState] = mapped_column(_choice(EntryState))
    version: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    """Grows each time it is marked; a sync cleans only the version that it sent."""


class Correction(Base):
    """What a person changed about a garment; re-applied by overlap after a re-segmentation."""

    __tablename__ = "correction"
    __table_args__ = (Index("ix_correction_photo_id", "photo_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id", ondelete="CASCADE"))
    box: Mapped[list[float]]
    """Where the garment was when it was corrected, x0, y0, x1, y1 in pixels."""
    category: Mapped[str | None] = mapped_column(Text)
    new_box: Mapped[list[float] | None]
    excluded: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Job(Base):
    """Something long that a person started: an ingest or a re-index, its progress and its log."""

    __tablename__ = "job"
    __table_args__ = (
        Index(
            "uq_job_one_reindex",
            "kind",
            unique=True,
            postgresql_where=text("kind = 'reindex' AND state IN ('queued', 'running')"),
        ),
        Index("ix_job_created_at", "created_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    kind: Mapped[JobKind] = mapped_column(_choice(JobKind))
    state: Mapped[JobState] = mapped_column(_choice(JobState), server_default=JobState.QUEUED.value)
    catalog_id: Mapped[int | None] = mapped_column(ForeignKey("catalog.id", ondelete="SET NULL"))
    generation_id: Mapped[int | None] = mapped_column(
        ForeignKey("generation.id", ondelete="SET NULL")
    )
    parameters: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    done: Mapped[int] = mapped_column(server_default=text("0"))
    total: Mapped[int | None]
    result: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    error: Mapped[str | None] = mapped_column(Text)
    cancel_requested: Mapped[bool] = mapped_column(server_default=text("false"))
    heartbeat_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]

    log: Mapped[list["JobLog"]] = relationship(
        cascade="all, delete-orphan", order_by="JobLog.id", passive_deletes=True
    )


class JobLog(Base):
    __tablename__ = "job_log"
    __table_args__ = (Index("ix_job_log_job_id", "job_id"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"))
    level: Mapped[str] = mapped_column(Text, server_default="info")
    message: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Upload(Base):
    """A photo that somebody searches with: never part of a catalog, gone when it expires."""

    __tablename__ = "upload"
    __table_args__ = (Index("ix_upload_expires_at", "expires_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    width: Mapped[int]
    height: Mapped[int]
    state: Mapped[UploadState] = mapped_column(
        _choice(UploadState), server_default=UploadState.PENDING.value
    )
    reason: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]

    garments: Mapped[list["UploadGarment"]] = relationship(
        cascade="all, delete-orphan", order_by="UploadGarment.score.desc()", passive_deletes=True
    )


class UploadGarment(Base):
    """One garment found in an upload, with the vector to search by."""

    __tablename__ = "upload_garment"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    upload_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("upload.id", ondelete="CASCADE"), index=True
    )
    category: Mapped[str] = mapped_column(Text)
    score: Mapped[float]
    box: Mapped[list[float]]
    outline: Mapped[list[Any]] = mapped_column(JSONB)
    embedder: Mapped[str] = mapped_column(Text)
    vector: Mapped[NDArray[np.float32]] = mapped_column(Float16Vector)


class Token(Base):
    """A secret for the API; only its hash is kept."""

    __tablename__ = "token"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(Text, unique=True)
    """SHA-256 of the secret: it is 256 random bits, so a slow hash would add nothing."""
    scopes: Mapped[list[str]]
    """Some of read, ingest, admin."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class User(Base):
    """Somebody who may log in to the admin pages."""

    __tablename__ = "user_account"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(Text, unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    is_admin: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LoginLink(Base):
    """A one-time link that logs an admin in; only its hash is kept."""

    __tablename__ = "login_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[str] = mapped_column(Text, unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
