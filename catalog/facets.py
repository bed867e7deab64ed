"""How many items each further choice would show, all kinds of choices counted in one pass.

Called by the catalog grid and the API.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
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
)
from catalog.tables import Catalog, Item, ItemSummary

_MAX_BRANDS = 200
_STEPS = [Decimal(digit).scaleb(power) for power in range(7) for digit in (1, 2, 5)]
_CENT = Decimal("0.01")
_TOGETHER = (Kind.CATEGORY, Kind.COLOUR, Kind.PRICE, Kind.STOCK, Kind.GARMENTS)
"""Facets that are counted from rows of items which are alike in all of them."""
_LISTS = (Kind.CATEGORY, Kind.COLOUR)
_APART = {Kind.CATALOG: Item.catalog_id, Kind.BRAND: Item.brand}
"""Facets with queries of their own: so many brands leave few items alike, and where a catalog is
chosen the other facets need not read the others."""

_SETTINGS = {
    # Enough to count a few hundred thousand items without going to disk.
    "work_mem": "32MB",
    # By default Postgres expects hardly anything of a second process below a million rows.
    "parallel_setup_cost": "100",
    "parallel_tuple_cost": "0.01",
}
"""Of Postgres, for the statement that counts."""


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
    catalogs: Mapping[str, int] = field(default_factory=dict)
    """By name, in its order; empty ones are absent."""
    categories: Mapping[str, int] = field(default_factory=dict)
    brands: Mapping[str, int] = field(default_factory=dict)
    colours: Mapping[str, int] = field(default_factory=dict)
    prices: Sequence[PriceBand] = ()
    in_stock: Mapping[bool, int] = field(default_factory=dict)
    garments: Mapping[int, int] = field(default_factory=dict)
    review: int = 0


def count_facets(session: Session, choice: Choice) -> Facets:
    """All facets of a choice, counted in one statement."""
    counts: dict[str, dict[str | None, int]] = {}
    with session.begin_nested() as counting:
        session.execute(select(*(func.set_config(*setting, True) for setting in _SETTINGS.items())))
        for facet, value, count in session.execute(union_all(*_parts(choice))):
            counts.setdefault(facet, {})[value] = count
        counting.rollback()  # with it go the settings
    return Facets(
        total=counts.get("total", {}).get(None, 0),
        catalogs=_by_name(session, counts.get(Kind.CATALOG, {})),
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


def _parts(choice: Choice) -> list[Select[Any, Any, Any]]:
    """A query for each facet: its name, the value as text, how many items."""
    conditions = conditions_of(choice)
    alike = _alike(conditions)
    apart = [kind for kind in _APART if kind in conditions or kind not in alike.c]
    chosen = [kind for kind in _TOGETHER if kind in conditions]

    def count(
        facet: str, kind: Kind | None, value: Any, *also: ColumnElement[bool]
    ) -> Select[Any, Any, Any]:
        others = [alike.c[_meets(each)] for each in chosen if each is not kind]
        counted = select(value.label("value"), alike.c["items"]).where(*others, *also).subquery()
        total = cast(func.sum(counted.c["items"]), BigInteger)
        query = select(literal(facet), cast(counted.c.value, Text), total)
        return query.group_by(counted.c.value)

    return [
        count("total", None, null()),
        count("review", None, null(), alike.c.review),
        *(
            count(kind, kind, func.unnest(alike.c[kind]) if kind in _LISTS else alike.c[kind])
            for kind in (*_TOGETHER, *(_APART.keys() - apart))
        ),
        *(_count_apart(kind, conditions) for kind in apart),
    ]


def _alike(conditions: Mapping[Kind, Sequence[ColumnElement[bool]]]) -> CTE[Any]:
    """Items that count in any facet of `_TOGETHER`, those alike in one row: far fewer than items.

    Of each row: the values, which of the chosen kinds it meets, how many items.
    """
    met = {kind: and_(*conditions[kind]) for kind in _TOGETHER if kind in conditions}
    rest = [each for kind, of_kind in conditions.items() if kind not in met for each in of_kind]
    query = select(
        Item.catalog_id.label(Kind.CATALOG),
        ItemSummary.categories.label(Kind.CATEGORY),
        ItemSummary.colours.label(Kind.COLOUR),
        # As floating point, which is several times as fast and exact at whole numbers.
        func.width_bucket(cast(Item.price, Double), array(_STEPS, type_=Double)).label(Kind.PRICE),
        is_in_stock().label(Kind.STOCK),
        has_garments().label(Kind.GARMENTS),
        needs_review().label("review"),
        *(func.coalesce(condition, False).label(_meets(kind)) for kind, condition in met.items()),
    )
    query = join_summaries(query).where(*rest)
    if len(met) > 1:
        # Whoever misses two of the chosen kinds counts nowhere.
        query = query.where(_number_met(met.values()) >= len(met) - 1)
    items = query.subquery()
    grouped = select(*items.c, func.count().label("items")).group_by(*items.c)
    named: CTE[Any] = grouped.cte("alike")
    return named


def _number_met(conditions: Iterable[ColumnElement[bool]]) -> ColumnElement[int]:
    total: ColumnElement[int] = literal(0)
    for condition in conditions:
        total = total + case((condition, 1), else_=0)
    return total


def _count_apart(
    kind: Kind, conditions: Mapping[Kind, Sequence[ColumnElement[bool]]]
) -> Select[Any, Any, Any]:
    value = _APART[kind]
    others = (asked for each, asked in conditions.items() if each is not kind)
    query = select(literal(kind.value), cast(value, Text), func.count())
    counted: Select[Any, Any, Any] = join_summaries(query).where(*chain.from_iterable(others))
    return counted.group_by(value)


def _meets(kind: Kind) -> str:
    return f"meets_{kind.value}"


def _known(counts: Mapping[str | None, int] | None) -> list[tuple[str, int]]:
    return [(value, count) for value, count in (counts or {}).items() if value is not None]


def _most_frequent(counts: Mapping[str | None, int] | None) -> dict[str, int]:
    return dict(sorted(_known(counts), key=lambda each: (-each[1], each[0])))


def _by_name(session: Session, counts: Mapping[str | None, int]) -> dict[str, int]:
    """Counts by a catalog's id as counts by its name."""
    names = session.execute(select(Catalog.id, Catalog.name).order_by(Catalog.name))
    by_id = dict(_known(counts))
    return {name: by_id[str(id_)] for id_, name in names if str(id_) in by_id}


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
