"""What the API takes and what it answers, as pydantic models: they validate and document it.

The views beside this module name them in their decorators; OpenAPI is made from them.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    model_validator,
)
from pydantic.config import JsonDict

from catalog.tables import (
    GenerationState,
    JobKind,
    JobState,
    PhotoState,
    ReindexKind,
    Role,
    UploadState,
)

MAX_EXAMPLES = 100

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Sku = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Price = Annotated[Decimal, PlainSerializer(float, return_type=float)]
Category = Annotated[str, StringConstraints(max_length=100)]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Outline = list[list[float]]

_LIKES: JsonDict = {"likes": ["0d0de7b1-9a9c-4f35-8d38-4dd1f6a0c7c5"], "limit": 8}


class In(BaseModel):
    """A body or query that we take; unknown members are an error, so that typos show."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        if not _is_storable(value):
            raise ValueError("text with a NUL character or half of a surrogate pair")
        return value


class Out(BaseModel):
    """What we answer."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class LogOut(Out):
    level: str
    message: str
    created_at: datetime


class JobOut(Out):
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
    per_second: float | None
    """While it runs: of late. When it is over: on the whole."""
    seconds_left: float | None
    created_at: datetime
    finished_at: datetime | None


class JobWithLog(JobOut):
    log: list[LogOut]


class JobsOut(Out):
    items: list[JobOut]
    next: str | None


class CatalogOut(Out):
    name: str
    items: int


class CatalogsOut(Out):
    items: list[CatalogOut]
    next: str | None = None


class FailureOut(Out):
    sha256: str
    reason: str | None
    skus: list[str]


class CatalogStatus(Out):
    items: int
    photos: dict[PhotoState, int]
    garments: dict[str, int]
    behind: int
    failures: list[FailureOut]


class ColourOut(Out):
    name: str
    hex: str
    share: float


class GarmentOut(Out):
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


class PhotoOut(Out):
    sha256: str
    url: str
    thumbnail_url: str
    width: int
    height: int
    state: PhotoState
    reason: str | None
    garments: list[GarmentOut]


class ItemBrief(Out):
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


class ItemsPage(Out):
    items: list[ItemBrief]
    next: str | None
    total: int


class FacetsQuery(In):
    """What items are narrowed to."""

    catalog: Name | None = None
    """Of the catalog with this name."""
    category: Category | None = Field(default=None, examples=["jacket"])
    """That sell a garment of this category, as the segmenter names it."""
    q: str | None = Field(default=None, max_length=200, examples=["linen shirt"])
    """Whose title, brand, sku, category or description has each of these words."""
    brand: str | None = Field(default=None, max_length=200)
    """Of exactly this brand."""
    colour: str | None = Field(default=None, max_length=100, examples=["navy"])
    """With this among the main colours of what they sell."""
    price_min: Decimal | None = Field(default=None, ge=0, lt=10**10)
    """From this price up, in the feed's own currency."""
    price_max: Decimal | None = Field(default=None, ge=0, lt=10**10)
    """Up to this price."""
    in_stock: bool | None = None
    """`true`: in stock or of unknown stock; `false`: sold out."""
    garments: int | None = Field(default=None, ge=0, le=100)
    """How many its photos show; 4 stands for 4 or more."""
    needs_review: bool = False
    """Only those that a person should look at."""


class ItemsQuery(FacetsQuery):
    cursor: int | None = Field(default=None, ge=0, lt=2**63)
    """`next` of the page before."""
    limit: int = Field(default=50, ge=1, le=200)
    """How many at most."""


class JobsQuery(In):
    cursor: Cursor | None = None
    """`next` of the page before."""
    limit: int = Field(default=50, ge=1, le=200)
    """How many at most."""


class CatalogsQuery(In):
    cursor: Cursor | None = None
    """`next` of the page before."""
    limit: int = Field(default=200, ge=1, le=1000)
    """How many at most."""


class SimilarQuery(In):
    limit: int = Field(default=12, ge=1, le=100)
    """How many items at most."""
    category: Category | None = Field(default=None, examples=["jacket"])
    """Garments of this category, as the segmenter names it."""
    catalog: str | None = None
    """Items of the catalog with this name."""
    brand: str | None = None
    """Items of exactly this brand."""
    price_min: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Items from this price up, in the feed's own currency."""
    price_max: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Items up to this price."""
    in_stock: bool = False
    """`true`: only items in stock or of unknown stock."""
    colour: str | None = Field(default=None, examples=["navy"])
    """Garments with this among their main colours."""
    all_roles: bool = False
    """`true`: also what models merely wear with an item."""
    variety: float = Field(default=0.0, ge=0, le=1)
    """0 gives the closest, 1 those that differ most from each other."""


class RecommendIn(SimilarQuery):
    model_config = ConfigDict(json_schema_extra={"examples": [_LIKES]})

    likes: list[UUID] = Field(min_length=1, max_length=MAX_EXAMPLES)
    """Ids of garments."""
    dislikes: list[UUID] = Field(default=[], max_length=MAX_EXAMPLES)


class LookQuery(In):
    limit: int = Field(default=4, ge=1, le=20)
    """Items of each category."""
    in_stock: bool = False
    """`true`: only items in stock or of unknown stock."""


class CountOut(Out):
    value: str
    count: int


class PriceBandOut(Out):
    """Prices from `low` to `high`, both included; null stands for no limit."""

    low: Price | None
    high: Price | None
    count: int


class GarmentCountOut(Out):
    garments: int
    or_more: bool
    count: int


class FacetsOut(Out):
    total: int
    catalogs: list[CountOut]
    categories: list[CountOut]
    brands: list[CountOut]
    colours: list[CountOut]
    prices: list[PriceBandOut]
    in_stock: int
    sold_out: int
    garments: list[GarmentCountOut]
    needs_review: int


class SimilarOut(Out):
    score: float
    garment: GarmentOut
    item: ItemBrief


class SimilarPage(Out):
    query: dict[str, Any]
    items: list[SimilarOut]


class CompanionsOut(Out):
    category: str
    seen: int
    """In how many of the photos such a garment is worn."""
    of: int
    """How many photos of look-alikes were looked at."""
    items: list[SimilarOut]


class LookOut(Out):
    groups: list[CompanionsOut]


class SearchStarted(Out):
    id: UUID
    url: str


class FoundOut(Out):
    """A garment found in the photo that somebody searches with."""

    id: UUID
    category: str
    score: float
    box: list[float]
    outline: Outline


class SearchOut(Out):
    id: UUID
    state: UploadState
    reason: str | None
    width: int
    height: int
    expires_at: datetime
    garments: list[FoundOut]


class ReindexIn(In):
    """What to build the new index from, when to switch, and with which checkpoints."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "vectors", "switch": "manual"}]}
    )

    kind: ReindexKind
    switch: Literal["auto", "manual"] = "auto"
    segmenter: str | None = None
    embedder: str | None = None
    max_changed: float | None = Field(default=None, ge=0, le=1)
    """The share of changed neighbours that the gate lets pass; null for any."""


class GenerationOut(Out):
    id: int
    collection: str
    segmenter: str
    embedder: str
    dimensions: int
    state: GenerationState
    behind: int
    created_at: datetime
    activated_at: datetime | None


class GenerationsOut(Out):
    items: list[GenerationOut]
    next: str | None = None


def _is_storable(value: Any) -> bool:
    """Whether Postgres can hold all text in a JSON value."""
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= each <= "\udfff" for each in value)
    if isinstance(value, dict):
        return all(_is_storable(each) for pair in value.items() for each in pair)
    return not isinstance(value, list) or all(map(_is_storable, value))
