"""What the API takes and what it answers, as pydantic models: they validate and document it.

The views beside this module name them in their decorators; OpenAPI is made from them.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from catalog.tables import (
    GenerationState,
    JobKind,
    JobState,
    PhotoState,
    ReindexKind,
    Role,
    UploadState,
)

MAX_HASHES = 1000
MAX_ITEMS = 500
MAX_EXAMPLES = 100

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Sku = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Price = Annotated[Decimal, PlainSerializer(float, return_type=float)]
Category = Annotated[str, StringConstraints(max_length=100)]
_CURSOR = "`next` of the page before"
Cursor = Annotated[str, StringConstraints(max_length=1000), Field(description=_CURSOR)]
Outline = list[list[float]]


class In(BaseModel):
    """A body or query that we take; unknown members are an error, so that typos show."""

    model_config = ConfigDict(extra="forbid")


class HashesIn(In):
    sha256: list[Sha256] = Field(max_length=MAX_HASHES)


class MissingOut(BaseModel):
    missing: list[str]


class PhotoStored(BaseModel):
    sha256: str
    width: int
    height: int
    state: PhotoState


class JobIn(In):
    kind: Literal["ingest"] = "ingest"
    catalog: Name
    parameters: dict[str, Any] = {}


class ItemsIn(In):
    """Rows are checked one by one, so that a bad row fails alone: docs/api.md has their members."""

    job: UUID | None = None
    items: list[Any] = Field(max_length=MAX_ITEMS)


class RowResult(BaseModel):
    sku: str | None
    status: Literal["created", "updated", "unchanged", "failed"]
    reason: str | None = None
    remedy: str | None = None


class ItemsOut(BaseModel):
    results: list[RowResult]
    enqueued: int


class SeenIn(In):
    job: UUID
    skus: list[Sku] = Field(max_length=10_000)


class SeenOut(BaseModel):
    seen: int


class FinishIn(In):
    state: Literal["done", "failed", "cancelled"] = "done"
    prune: bool = False
    result: dict[str, Any] = {}
    error: str | None = None


class FinishOut(BaseModel):
    pruned: int


class LogOut(BaseModel):
    level: str
    message: str
    created_at: datetime


class JobOut(BaseModel):
    id: UUID
    kind: JobKind
    state: JobState
    catalog: str | None
    parameters: dict[str, Any]
    done: int
    total: int | None
    result: dict[str, Any]
    error: str | None
    cancel_requested: bool
    created_at: datetime
    finished_at: datetime | None


class JobWithLog(JobOut):
    log: list[LogOut]


class JobsOut(BaseModel):
    items: list[JobOut]
    next: str | None


class CatalogOut(BaseModel):
    name: str
    items: int


class CatalogsOut(BaseModel):
    items: list[CatalogOut]
    next: str | None = None


class FailureOut(BaseModel):
    sha256: str
    reason: str | None
    skus: list[str]


class CatalogStatus(BaseModel):
    items: int
    photos: dict[PhotoState, int]
    garments: dict[str, int]
    behind: int
    failures: list[FailureOut]


class ColourOut(BaseModel):
    name: str
    hex: str
    share: float


class GarmentOut(BaseModel):
    id: UUID
    category: str
    score: float
    box: list[float]
    outline: Outline
    role: Role
    colours: list[ColourOut]
    photo: str
    """SHA-256 of the photo that shows it."""
    crop_url: str


class PhotoOut(BaseModel):
    sha256: str
    url: str
    thumbnail_url: str
    width: int
    height: int
    state: PhotoState
    reason: str | None
    garments: list[GarmentOut]


class ItemBrief(BaseModel):
    id: int
    catalog: str
    sku: str
    title: str
    brand: str | None
    category: str | None
    price: Price | None
    currency: str | None
    stock: int | None
    url: str | None
    thumbnail_url: str | None


class ItemOut(ItemBrief):
    description: str
    attributes: dict[str, Any]
    photos: list[PhotoOut]


class ItemsPage(BaseModel):
    items: list[ItemBrief]
    next: str | None
    total: int


class FacetsQuery(In):
    """What items are narrowed to."""

    catalog: Name | None = None
    category: Category | None = None
    q: str | None = Field(default=None, max_length=200)
    brand: str | None = Field(default=None, max_length=200)
    colour: str | None = Field(default=None, max_length=100)
    price_min: Decimal | None = Field(default=None, ge=0, lt=10**10)
    price_max: Decimal | None = Field(default=None, ge=0, lt=10**10)
    in_stock: bool | None = None
    garments: int | None = Field(default=None, ge=0, le=100)
    """How many its photos show; 4 stands for 4 or more."""
    needs_review: bool = False


class ItemsQuery(FacetsQuery):
    cursor: int | None = Field(default=None, ge=0, lt=2**63, description=_CURSOR)
    limit: int = Field(default=50, ge=1, le=200)


class JobsQuery(In):
    cursor: Cursor | None = None
    limit: int = Field(default=50, ge=1, le=200)


class CatalogsQuery(In):
    cursor: Cursor | None = None
    limit: int = Field(default=200, ge=1, le=1000)


class SimilarQuery(In):
    limit: int = Field(default=12, ge=1, le=100)
    category: Category | None = None
    catalog: str | None = None
    brand: str | None = None
    price_min: float | None = Field(default=None, ge=0)
    price_max: float | None = Field(default=None, ge=0)
    in_stock: bool = False
    colour: str | None = None
    all_roles: bool = False
    variety: float = Field(default=0.0, ge=0, le=1)
    """0 gives the closest, 1 those that differ most from each other."""


class RecommendIn(SimilarQuery):
    likes: list[UUID] = Field(min_length=1, max_length=MAX_EXAMPLES)
    """Ids of garments."""
    dislikes: list[UUID] = Field(default=[], max_length=MAX_EXAMPLES)


class LookQuery(In):
    limit: int = Field(default=4, ge=1, le=20)
    """Items of each category."""
    in_stock: bool = False


class CountOut(BaseModel):
    value: str
    count: int


class PriceBandOut(BaseModel):
    """Prices from `low` to `high`, both included; null stands for no limit."""

    low: Price | None
    high: Price | None
    count: int


class GarmentCountOut(BaseModel):
    garments: int
    or_more: bool
    count: int


class FacetsOut(BaseModel):
    total: int
    categories: list[CountOut]
    brands: list[CountOut]
    colours: list[CountOut]
    prices: list[PriceBandOut]
    in_stock: int
    sold_out: int
    garments: list[GarmentCountOut]
    needs_review: int


class SimilarOut(BaseModel):
    score: float
    garment: GarmentOut
    item: ItemBrief


class SimilarPage(BaseModel):
    query: dict[str, Any]
    items: list[SimilarOut]


class CompanionsOut(BaseModel):
    category: str
    seen: int
    """In how many of the photos such a garment is worn."""
    of: int
    """How many photos of look-alikes were looked at."""
    items: list[SimilarOut]


class LookOut(BaseModel):
    groups: list[CompanionsOut]


class SearchStarted(BaseModel):
    id: UUID
    url: str


class FoundOut(BaseModel):
    """A garment found in the photo that somebody searches with."""

    id: UUID
    category: str
    score: float
    box: list[float]
    outline: Outline


class SearchOut(BaseModel):
    id: UUID
    state: UploadState
    reason: str | None
    width: int
    height: int
    expires_at: datetime
    garments: list[FoundOut]


class ReindexIn(In):
    kind: ReindexKind
    switch: Literal["auto", "manual"] = "auto"
    segmenter: str | None = None
    embedder: str | None = None


class GenerationOut(BaseModel):
    id: int
    collection: str
    segmenter: str
    embedder: str
    dimensions: int
    state: GenerationState
    behind: int
    created_at: datetime
    activated_at: datetime | None


class GenerationsOut(BaseModel):
    items: list[GenerationOut]
    next: str | None = None
