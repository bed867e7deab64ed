"""What the ingest calls take and answer, as pydantic models.

The views of `web.api.ingest` name them in their decorators.
"""

from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from catalog.tables import PhotoState
from web.api.schemas import In, Name, Out, Sha256, Sku

MAX_HASHES = 1000
MAX_ITEMS = 500

_ROW: JsonDict = {
    "sku": "A-100",
    "title": "Linen shirt",
    "price": 39.9,
    "currency": "EUR",
    "stock": 4,
}
_ROWS: JsonDict = {"items": [_ROW]}


class HashesIn(In):
    """Photos by the SHA-256 of their bytes."""

    sha256: list[Sha256] = Field(max_length=MAX_HASHES)


class MissingOut(Out):
    missing: list[str]


class PhotoStored(Out):
    sha256: str
    width: int
    height: int
    state: PhotoState


class JobIn(In):
    """An ingest that begins."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"catalog": "my-shop"}]})

    kind: Literal["ingest"] = "ingest"
    catalog: Name
    parameters: dict[str, Any] = Field(default={})


class ItemsIn(In):
    """Rows are checked one by one, so that a bad row fails alone: docs/api.md has their members."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ROWS]})

    job: UUID | None = None
    items: list[Any] = Field(max_length=MAX_ITEMS)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        return value  # each row says by itself what is wrong with it


class RowResult(Out):
    sku: str | None
    status: Literal["created", "updated", "unchanged", "failed"]
    reason: str | None = None
    remedy: str | None = None


class ItemsOut(Out):
    results: list[RowResult]
    enqueued: int


class SeenIn(In):
    job: UUID
    skus: list[Sku] = Field(max_length=10_000)


class SeenOut(Out):
    seen: int


class FinishIn(In):
    state: Literal["done", "failed", "cancelled"] = "done"
    prune: bool = False
    result: dict[str, Any] = Field(default={})
    error: str | None = None


class FinishOut(Out):
    pruned: int
