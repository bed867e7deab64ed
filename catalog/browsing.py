"""Items as a visitor narrows, searches and sorts them, with how many there are of each kind.

Called by the catalog grid and the API. The number of statements does not depend on the number of
items; what garments say comes from `ItemSummary`.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.orm import Session, joinedload

from catalog.summaries import active_segmenter
from catalog.tables import (
    Catalog,
    Item,
    ItemPhoto,
    ItemSummary,
    ItemView,
    Photo,
    PhotoReview,
    PhotoState,
)

MANY_GARMENTS = 4
"""The facet of garments in an item's photos ends with this number or more."""

_MAX_BRANDS = 200
_TYPO_SIMILARITY = 0.38
"""How alike word and text must be: "jaket" and "jacket" are .44, "hoddie" and "hoodie" .40."""

_STEPS = [Decimal(digit).scaleb(power) for power in range(7) for digit in (1, 2, 5)]
_CENT = Decimal("0.01")


class Sort(enum.StrEnum):
    """In which order items come; the best match first only where there are words to match."""

    BEST = "best"
    NEWEST = "newest"
    CHEAPEST = "cheapest"
    DEAREST = "dearest"
    TITLE = "title"
    VIEWED = "viewed"


@dataclass(frozen=True)
class Choice:
    """What items are narrowed to; empty and None mean everything. Values of one kind add up."""

    catalog: str | None = None
    words: str = ""
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    in_stock: bool | None = None
    garments: int | None = None
    """As many garments in its photos; MANY_GARMENTS stands for that many or more."""
    review: bool = False
    """Only items that a person should look at."""
    loosely: bool = False
    """Words may have typos."""

    @property
    def is_narrowed(self) -> bool:
        return self != Choice()


@dataclass(frozen=True)
class PriceBand:
    """Prices from `low` to `high`, both included, as the filter takes them; None is no limit."""

    low: Decimal | None
    high: Decimal | None
    count: int


@dataclass(frozen=True)
class Facets:
    """How many items each further choice would show, its own kind left out of account."""

    categories: Mapping[str, int] = field(default_factory=dict)
    brands: Mapping[str, int] = field(default_factory=dict)
    colours: Mapping[str, int] = field(default_factory=dict)
    prices: Sequence[PriceBand] = ()
    in_stock: Mapping[bool, int] = field(default_factory=dict)
    garments: Mapping[int, int] = field(default_factory=dict)
    review: int = 0


def forgive_typos(session: Session, choice: Choice) -> Choice:
    """The same choice, its words taken loosely if nothing has them as they are written."""
    if not choice.words:
        return choice
    # Asked without the filters: that those leave nothing says nothing about the spelling.
    words = Choice(choice.catalog, choice.words)
    exact = _joined(select(literal(1)), words).limit(1)
    return choice if session.scalar(exact) else replace(choice, loosely=True)


def count_items(session: Session, choice: Choice) -> int:
    _set_similarity(session, choice)
    return session.scalar(_joined(select(func.count()), choice)) or 0


def list_items(
    session: Session,
    choice: Choice,
    limit: int,
    *,
    sort: Sort = Sort.NEWEST,
    offset: int = 0,
) -> Sequence[Item]:
    """One page of items with their catalogs."""
    _set_similarity(session, choice)
    query = _joined(select(Item), choice).options(joinedload(Item.catalog))
    if sort is Sort.VIEWED:
        query = query.outerjoin(ItemView, ItemView.item_id == Item.id)
    return session.scalars(query.order_by(*_order(sort, choice)).offset(offset).limit(limit)).all()


def list_items_after(session: Session, choice: Choice, after_id: int, limit: int) -> Sequence[Item]:
    """Items in the order they were added, from behind `after_id` on: a cursor never skips."""
    _set_similarity(session, choice)
    query = _joined(select(Item), choice).options(joinedload(Item.catalog))
    return session.scalars(query.where(Item.id > after_id).order_by(Item.id).limit(limit)).all()


def count_facets(session: Session, choice: Choice) -> Facets:
    """All facets of a choice, one statement each."""
    _set_similarity(session, choice)
    return Facets(
        categories=_count_each(session, replace(choice, categories=()), ItemSummary.categories),
        brands=_count_brands(session, replace(choice, brands=())),
        colours=_count_each(session, replace(choice, colours=()), ItemSummary.colours),
        prices=_count_prices(session, replace(choice, price_min=None, price_max=None)),
        in_stock=_count_by(session, replace(choice, in_stock=None), _in_stock()),
        garments=_count_by(session, replace(choice, garments=None), _garments()),
        review=session.scalar(_joined(select(func.count()), replace(choice, review=True))) or 0,
    )


def _needs_review() -> ColumnElement[bool]:
    """Items with a reason to be looked at, for a query that `_joined` made."""
    failed = (
        select(ItemPhoto.item_id)
        .join(Photo, Photo.id == ItemPhoto.photo_id)
        .where(Photo.state == PhotoState.FAILED, ~exists().where(PhotoReview.photo_id == Photo.id))
    )
    nothing = cast(array([]), ARRAY(Text))
    return or_(func.coalesce(ItemSummary.review, nothing) != nothing, Item.id.in_(failed))


def _joined(query: Any, choice: Choice) -> Any:
    """A query over items and their summaries, narrowed to the choice."""
    mine = and_(ItemSummary.item_id == Item.id, ItemSummary.segmenter == active_segmenter())
    return (
        query.select_from(Item)
        .outerjoin(ItemSummary, mine)
        .where(Item.deleted_at.is_(None), *_conditions(choice))
    )


def _conditions(choice: Choice) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if choice.catalog:
        named = select(Catalog.id).where(Catalog.name == choice.catalog)
        conditions.append(Item.catalog_id == named.scalar_subquery())
    conditions += [_mentions(word, choice.loosely) for word in choice.words.lower().split()]
    if choice.categories:
        conditions.append(ItemSummary.categories.overlap(_texts(choice.categories)))
    if choice.brands:
        conditions.append(Item.brand.in_(choice.brands))
    if choice.colours:
        conditions.append(ItemSummary.colours.overlap(_texts(choice.colours)))
    if choice.price_min is not None:
        conditions.append(Item.price >= choice.price_min)
    if choice.price_max is not None:
        conditions.append(Item.price <= choice.price_max)
    if choice.in_stock is not None:
        conditions.append(_in_stock() == choice.in_stock)
    if choice.garments is not None:
        conditions.append(_garments() == min(choice.garments, MANY_GARMENTS))
    if choice.review:
        conditions.append(_needs_review())
    return conditions


def _mentions(word: str, loosely: bool) -> ColumnElement[bool]:
    if loosely:
        return literal(word).bool_op("<%")(Item.words)  # word similarity, by the trigram index
    return Item.words.contains(word, autoescape=True)


def _set_similarity(session: Session, choice: Choice) -> None:
    if choice.loosely:
        session.execute(
            text("SELECT set_config('pg_trgm.word_similarity_threshold', :least, true)"),
            {"least": str(_TYPO_SIMILARITY)},
        )


def _order(sort: Sort, choice: Choice) -> tuple[ColumnElement[Any], ...]:
    newest = Item.id.desc()
    match sort:
        case Sort.CHEAPEST:
            return Item.price.asc().nulls_last(), newest
        case Sort.DEAREST:
            return Item.price.desc().nulls_last(), newest
        case Sort.TITLE:
            return func.lower(Item.title).asc(), newest
        case Sort.VIEWED:
            return func.coalesce(ItemView.views, 0).desc(), newest
        case Sort.BEST if choice.words:
            return *_best_match(choice), newest
        case _:
            return (newest,)


def _best_match(choice: Choice) -> tuple[ColumnElement[Any], ...]:
    """Those first whose title has the words; among typos those whose text is the nearest."""
    words = choice.words.lower()
    if choice.loosely:
        return (func.word_similarity(words, Item.words).desc(),)
    in_title = and_(
        true(), *(Item.title.icontains(word, autoescape=True) for word in words.split())
    )
    return (case((in_title, 0), else_=1),)


def _count_each(session: Session, choice: Choice, values: Any) -> dict[str, int]:
    """Items by each value of a list, the most frequent first."""
    lists = _joined(select(values.label("list")), choice).subquery()
    each = select(func.unnest(lists.c.list).label("value")).subquery()
    rows = session.execute(
        select(each.c.value, func.count())
        .group_by(each.c.value)
        .order_by(func.count().desc(), each.c.value)
    )
    return dict(rows.all())


def _count_brands(session: Session, choice: Choice) -> dict[str, int]:
    query = _joined(select(Item.brand, func.count()), choice).where(Item.brand.is_not(None))
    rows = session.execute(
        query.group_by(Item.brand).order_by(func.count().desc(), Item.brand).limit(_MAX_BRANDS)
    )
    return dict(rows.all())


def _count_by(session: Session, choice: Choice, value: ColumnElement[Any]) -> dict[Any, int]:
    query = _joined(select(value.label("value"), func.count()), choice)
    rows = session.execute(query.group_by("value").order_by("value"))
    return dict(rows.all())


def _count_prices(session: Session, choice: Choice) -> list[PriceBand]:
    """Bands between 1, 2, 5, 10, 20 and so on, so that they fit any currency."""
    band = func.width_bucket(Item.price, array(_STEPS))
    query = _joined(select(band.label("band"), func.count()), choice)
    rows = session.execute(query.where(Item.price.is_not(None)).group_by("band").order_by("band"))
    return [
        PriceBand(
            _STEPS[place - 1] if place else None,
            _STEPS[place] - _CENT if place < len(_STEPS) else None,
            count,
        )
        for place, count in rows
    ]


def _in_stock() -> ColumnElement[bool]:
    """A stock that the shop does not give counts as there."""
    return func.coalesce(Item.stock, 1) > 0


def _garments() -> ColumnElement[int]:
    return func.least(func.coalesce(ItemSummary.garments, 0), MANY_GARMENTS)


def _texts(values: Sequence[str]) -> Any:
    return cast(array(values), ARRAY(Text))
