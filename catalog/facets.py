"""How many items each further choice would show, all kinds of choices counted in one pass.

Called by the catalog grid and the API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Double,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from catalog.browsing import (
    Choice,
    Kind,
    conditions_of,
    has_garments,
    is_in_stock,
    join_summaries,
    needs_review,
    set_similarity,
)
from catalog.tables import Item, ItemSummary

_MAX_BRANDS = 200
_STEPS = [Decimal(digit).scaleb(power) for power in range(7) for digit in (1, 2, 5)]
_CENT = Decimal("0.01")
_COUNTED = (Kind.CATEGORY, Kind.BRAND, Kind.COLOUR, Kind.PRICE, Kind.STOCK, Kind.GARMENTS)
"""The kinds whose own choice is left out of account when their facet is counted."""

_WORK_MEM = "32MB"
"""Enough to count a few hundred thousand items without going to disk."""
_LISTS = (Kind.CATEGORY, Kind.COLOUR)


@dataclass(frozen=True)
class PriceBand:
    """Prices from `low` to `high`, both included, as the filter takes them; None is no limit."""

    low: Decimal | None
    high: Decimal | None
    count: int


@dataclass(frozen=True)
class Facets:
    """How many items each further choice would show, its own kind left out of account."""

    total: int = 0
    """Items that the choice shows now."""
    categories: Mapping[str, int] = field(default_factory=dict)
    brands: Mapping[str, int] = field(default_factory=dict)
    colours: Mapping[str, int] = field(default_factory=dict)
    prices: Sequence[PriceBand] = ()
    in_stock: Mapping[bool, int] = field(default_factory=dict)
    garments: Mapping[int, int] = field(default_factory=dict)
    review: int = 0


def count_facets(session: Session, choice: Choice) -> Facets:
    """All facets of a choice in one statement; Postgres reads each item once for all of them."""
    set_similarity(session, choice)
    session.execute(select(func.set_config("work_mem", _WORK_MEM, True)))
    candidates = _candidates(choice)
    counts: dict[str, dict[str | None, int]] = {}
    for facet, value, count in session.execute(union_all(*_parts(candidates))):
        counts.setdefault(facet, {})[value] = count
    return Facets(
        total=counts.get("total", {}).get(None, 0),
        categories=_most_frequent(counts.get(Kind.CATEGORY)),
        brands=dict(list(_most_frequent(counts.get(Kind.BRAND)).items())[:_MAX_BRANDS]),
        colours=_most_frequent(counts.get(Kind.COLOUR)),
        prices=_bands(counts.get(Kind.PRICE, {})),
        in_stock={value == "true": count for value, count in _known(counts.get(Kind.STOCK))},
        garments=dict(
            sorted((int(key), count) for key, count in _known(counts.get(Kind.GARMENTS)))
        ),
        review=counts.get("review", {}).get(None, 0),
    )


def estimate_items(session: Session) -> int:
    """About how many items there are, deleted ones too, as Postgres knows without counting."""
    about = (
        select(text("reltuples"))
        .select_from(text("pg_class"))
        .where(text("oid = 'item'::regclass"))
    )
    return max(0, int(session.scalar(about) or 0))


def _candidates(choice: Choice) -> CTE[Any]:
    """Items that count in any facet, with their values and which of the chosen kinds they meet."""
    conditions = conditions_of(choice)
    met = {kind: and_(*conditions[kind]) for kind in _COUNTED if kind in conditions}
    rest = [each for kind, of_kind in conditions.items() if kind not in met for each in of_kind]
    query = select(
        ItemSummary.categories.label(Kind.CATEGORY),
        Item.brand.label(Kind.BRAND),
        ItemSummary.colours.label(Kind.COLOUR),
        # As floating point, which is several times as fast and exact at whole numbers.
        func.width_bucket(cast(Item.price, Double), array(_STEPS, type_=Double)).label(Kind.PRICE),
        is_in_stock().label(Kind.STOCK),
        has_garments().label(Kind.GARMENTS),
        needs_review().label("review"),
        literal(1).label("items"),
        *(func.coalesce(condition, False).label(_meets(kind)) for kind, condition in met.items()),
    )
    query = join_summaries(query).where(*rest)
    if len(met) > 1:
        # Whoever misses two of the chosen kinds counts nowhere.
        query = query.where(_number_met(met.values()) >= len(met) - 1)
    named: CTE[Any] = query.cte("candidates")
    return named


def _number_met(conditions: Any) -> ColumnElement[int]:
    total: ColumnElement[int] = literal(0)
    for condition in conditions:
        total = total + case((condition, 1), else_=0)
    return total


def _parts(candidates: CTE[Any]) -> list[Select[Any, Any, Any]]:
    """A query for each facet: its name, the value as text, how many items."""
    alike = _combine(candidates)
    chosen = [kind for kind in _COUNTED if _meets(kind) in candidates.c]

    def count(facet: str, source: CTE[Any], value: Any, *conditions: Any) -> Select[Any, Any, Any]:
        counted = select(value.label("value"), source.c["items"]).where(*conditions).subquery()
        total = cast(func.sum(counted.c["items"]), BigInteger)
        query = select(literal(facet), cast(counted.c.value, Text), total)
        return query.group_by(counted.c.value)

    def others(source: CTE[Any], kind: Kind | None = None) -> list[ColumnElement[bool]]:
        return [source.c[_meets(each)] for each in chosen if each is not kind]

    parts = [
        count("total", alike, null(), *others(alike)),
        count("review", alike, null(), *others(alike), alike.c.review),
    ]
    for kind in _COUNTED:
        source = candidates if kind is Kind.BRAND else alike
        value = func.unnest(source.c[kind]) if kind in _LISTS else source.c[kind]
        parts.append(count(kind, source, value, *others(source, kind)))
    return parts


def _combine(candidates: CTE[Any]) -> CTE[Any]:
    """Candidates that differ in their brand at most, as one row: far fewer rows than items."""
    columns = [each for each in candidates.c if each.key not in (Kind.BRAND, "items")]
    query = select(*columns, func.sum(candidates.c["items"]).label("items"))
    named: CTE[Any] = query.group_by(*columns).cte("alike")
    return named


def _meets(kind: Kind) -> str:
    return f"meets_{kind.value}"


def _known(counts: Mapping[str | None, int] | None) -> list[tuple[str, int]]:
    return [(value, count) for value, count in (counts or {}).items() if value is not None]


def _most_frequent(counts: Mapping[str | None, int] | None) -> dict[str, int]:
    return dict(sorted(_known(counts), key=lambda each: (-each[1], each[0])))


def _bands(counts: Mapping[str | None, int]) -> list[PriceBand]:
    """Bands between 1, 2, 5, 10, 20 and so on, so that they fit any currency."""
    return [
        PriceBand(
            _STEPS[place - 1] if place else None,
            _STEPS[place] - _CENT if place < len(_STEPS) else None,
            count,
        )
        for place, count in sorted((int(value), count) for value, count in _known(counts))
    ]
