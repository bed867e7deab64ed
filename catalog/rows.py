"""One row of a feed as the API takes it, and why a row is refused.

Checked by `upsert_items`, row by row, before anything is written.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Status = Literal["created", "updated", "unchanged", "failed"]

_LONGEST_ATTRIBUTES = 64 * 1024
_CENT = Decimal("0.01")


def _text(longest: int) -> Any:
    return StringConstraints(strip_whitespace=True, max_length=longest)


class ItemRow(BaseModel):
    """An item as a feed describes it. `photos` None leaves the photos as they are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sku: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    title: Annotated[str, _text(1000)] = ""
    """Falls back to the sku."""
    description: Annotated[str, _text(100_000)] = ""
    brand: Annotated[str, _text(500)] | None = None
    category: Annotated[str, _text(1000)] | None = None
    """The shop's own words."""
    price: Annotated[Decimal, Field(ge=0, lt=10**10, allow_inf_nan=False)] | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{3}$", to_upper=True)] | None = (
        None
    )
    stock: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    url: Annotated[str, StringConstraints(pattern=r"^https?://", max_length=2000)] | None = None
    attributes: dict[str, Any] = {}
    photos: Annotated[list[Sha256], Field(max_length=100)] | None = None
    """SHA-256 of each photo, in the order of the feed."""

    @field_validator("description", mode="before")
    @classmethod
    def _no_description(cls, value: Any) -> Any:
        return "" if value is None else value

    @field_validator("brand", "category", "currency", "url", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("sku", "title", "description", "brand", "category", "url")
    @classmethod
    def _storable(cls, value: str | None) -> str | None:
        if value is not None and "\x00" in value:
            raise ValueError("contains a NUL character")
        return value

    @field_validator("price")
    @classmethod
    def _whole_cents(cls, value: Decimal | None) -> Decimal | None:
        return None if value is None else value.quantize(_CENT, ROUND_HALF_UP)

    @field_validator("attributes")
    @classmethod
    def _plain_json(cls, value: dict[str, Any]) -> dict[str, Any]:
        encoded = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        if len(encoded) > _LONGEST_ATTRIBUTES:
            raise ValueError(f"more than {_LONGEST_ATTRIBUTES:,} bytes")
        if b"\\u0000" in encoded:
            raise ValueError("contains a NUL character")
        return value

    @field_validator("photos")
    @classmethod
    def _each_once(cls, value: list[str] | None) -> list[str] | None:
        return None if value is None else list(dict.fromkeys(value))

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and not data.get("title"):
            return {**data, "title": data.get("sku", "")}
        return data

    @model_validator(mode="after")
    def _title_is_visible(self) -> Self:
        if not self.title:
            raise ValueError("title: only blanks")
        return self

    def words(self) -> dict[str, Any]:
        """The columns of an item, all but its sku."""
        return self.model_dump(exclude={"sku", "photos"})


@dataclass(frozen=True)
class ItemResult:
    """What became of one row; `reason` and `remedy` are set when it failed."""

    sku: str | None
    status: Status
    reason: str | None = None
    remedy: str | None = None


def check_rows(rows: Sequence[ItemRow | Mapping[str, Any]]) -> list[ItemRow | ItemResult]:
    """Each row parsed, or the result that says why it can't be; the order stays.

    Of rows with the same sku the first counts.
    """
    checked: list[ItemRow | ItemResult] = []
    seen: set[str] = set()
    for row in rows:
        parsed = _parse(row)
        if isinstance(parsed, ItemRow):
            if parsed.sku in seen:
                parsed = ItemResult(
                    parsed.sku,
                    "failed",
                    "duplicate_sku",
                    "name each sku once; give its photos in one row",
                )
            else:
                seen.add(parsed.sku)
        checked.append(parsed)
    return checked


def _parse(row: ItemRow | Mapping[str, Any]) -> ItemRow | ItemResult:
    if isinstance(row, ItemRow):
        return row
    try:
        return ItemRow.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    except (UnicodeError, RecursionError) as error:
        first = {"loc": ("attributes",), "msg": str(error), "type": "", "input": None}
    field = ".".join(str(part) for part in first["loc"]) or "row"
    given = row.get("sku") if isinstance(row, Mapping) else None
    sku = given.strip() if isinstance(given, str) else None
    reason = f"{field}: {first['msg']}"
    return ItemResult(sku, "failed", reason, f"correct {field} in the feed and send the row again")
