"""What the server answers, as pydantic models; members that a newer server adds are ignored.

Ids are opaque: hand them back as they came. Addresses of pictures are paths from the server's root.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict

OVER = frozenset({"done", "failed", "cancelled"})
"""States of a job that has ended."""


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Colour(Answer):
    name: str
    hex: str
    share: float


class Found(Answer):
    """A garment found in a photo that somebody searches with."""

    id: str
    category: str
    score: float
    box: Sequence[float]
    """x0, y0, x1, y1 in pixels of the photo, as is `outline`."""
    outline: Sequence[Sequence[float]]


class Garment(Found):
    """A garment found in one of a catalog's photos."""

    role: str
    """"sold", or "worn_with" where the model merely wears it."""
    colours: Sequence[Colour]
    photo: str
    """SHA-256 of the photo that shows it."""
    crop_url: str


class Photo(Answer):
    sha256: str
    url: str
    thumbnail_url: str
    width: int
    height: int
    state: str
    reason: str | None = None
    garments: Sequence[Garment]


class ItemBrief(Answer):
    id: int
    catalog: str
    sku: str
    title: str
    brand: str | None
    category: str | None
    price: Decimal | None
    currency: str | None
    stock: int | None
    url: str | None
    thumbnail_url: str | None


class Item(ItemBrief):
    description: str
    attributes: Mapping[str, Any]
    photos: Sequence[Photo]


class Similar(Answer):
    """An item that looks like what was asked for, by its garment that is most alike."""

    score: float
    """Cosine similarity of the two garments."""
    garment: Garment
    item: ItemBrief


class Companions(Answer):
    """What is worn with a garment, of one category: in `seen` of `of` photos."""

    category: str
    seen: int
    of: int
    items: Sequence[Similar]


class Search(Answer):
    """A search by photo: `garments` are there once `state` is done."""

    id: str
    state: str
    reason: str | None
    width: int
    height: int
    expires_at: datetime
    garments: Sequence[Found]


class FoundWithSimilar(Found):
    similar: Sequence[Similar]


class PhotoSimilar(Answer):
    """A posted photo: the garments found in it, the surest first, each with its similar items."""

    id: str
    state: str
    reason: str | None
    width: int
    height: int
    expires_at: datetime
    garments: Sequence[FoundWithSimilar]


class Descriptor(Answer):
    letter: str
    name: str
    words: str
    similarity: float


class WhySide(Answer):
    crop_url: str
    heat_url: str | None
    """A grey picture in the crop's proportions: the whiter a place, the more it adds."""
    strongest: str | None


class Why(Answer):
    """Why two garments match: `done` or `failed`, `pending` while a worker is at it."""

    state: str
    reason: str | None
    score: float | None
    descriptors: Sequence[Descriptor]
    query: WhySide
    other: WhySide


class CategoryCount(Answer):
    name: str
    garments: int


class CatalogMap(Answer):
    """What the newest map shows."""

    id: int
    index: str
    created_at: datetime
    garments: int
    categories: Sequence[CategoryCount]
    older_index: bool
    out_of_date: bool
    points_url: str


class MapPoint(Answer):
    """A garment and its place, from 0 to 1."""

    garment: str
    x: float
    y: float
    category: str


class Count(Answer):
    value: str
    count: int


class PriceBand(Answer):
    """Prices from `low` to `high`, both included; None stands for no limit."""

    low: Decimal | None
    high: Decimal | None
    count: int


class GarmentCount(Answer):
    garments: int
    or_more: bool
    count: int


class Facets(Answer):
    total: int
    catalogs: Sequence[Count]
    categories: Sequence[Count]
    brands: Sequence[Count]
    colours: Sequence[Count]
    prices: Sequence[PriceBand]
    in_stock: int
    sold_out: int
    garments: Sequence[GarmentCount]
    needs_review: int


class Catalog(Answer):
    name: str
    items: int


class Failure(Answer):
    """A photo that could not be indexed, and the items that show it."""

    sha256: str
    reason: str | None
    skus: Sequence[str]


class CatalogStatus(Answer):
    """How far a catalog is indexed."""

    items: int
    photos: Mapping[str, int]
    garments: Mapping[str, int]
    behind: int
    failures: Sequence[Failure] = ()

    @property
    def unfinished(self) -> int:
        """Photos that are neither indexed nor failed yet."""
        return self.photos.get("pending", 0) + self.photos.get("working", 0)


class PhotoStored(Answer):
    sha256: str
    width: int
    height: int
    state: str


class ItemResult(Answer):
    """What the server did with one row: created, updated, unchanged or failed."""

    sku: str | None
    status: str
    reason: str | None = None
    remedy: str | None = None


class LogLine(Answer):
    level: str
    message: str
    created_at: datetime


class Job(Answer):
    id: str
    kind: str
    state: str
    catalog: str | None
    parameters: Mapping[str, Any]
    done: int
    total: int | None
    result: Mapping[str, Any]
    error: str | None
    cancel_requested: bool
    per_second: float | None = None
    """While it runs: of late. When it is over: on the whole."""
    seconds_left: float | None = None
    created_at: datetime
    finished_at: datetime | None
    log: Sequence[LogLine] = ()
    """Only where one job was asked for."""

    @property
    def is_over(self) -> bool:
        return self.state in OVER


class Generation(Answer):
    """An index: the one that serves, one being built, or one from before."""

    id: int
    collection: str
    segmenter: str
    embedder: str
    dimensions: int
    state: str
    behind: int
    created_at: datetime
    activated_at: datetime | None


class Webhook(Answer):
    """Whom the server tells when a job has ended."""

    id: str
    url: str
    description: str
    events: Sequence[str]
    active: bool
    disabled_reason: str | None
    created_at: datetime
    secret: str | None = None
    """Only in the answer that creates it: keep it, it is never shown again."""


class Delivery(Answer):
    """One event on its way to one webhook."""

    id: str
    event: str
    state: str
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime


class Backlog(Answer):
    """What is still to be done."""

    photos: int
    failed: int
    index: int
    tasks: Mapping[str, int] | None
    """By queue; None while the broker does not answer."""


class Health(Answer):
    """How the server and the parts that it depends on do."""

    status: str
    """"ok" or "degraded"."""
    database: str
    """"ok", or what is wrong; so are `broker` and `index`."""
    broker: str
    index: str
    workers: Sequence[str]
    backlog: Backlog
    generation: Generation | None
    models_present: bool
