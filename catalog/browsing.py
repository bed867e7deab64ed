"""Items as a visitor narrows, searches and sorts them.

Called by the catalog grid and the API, and by `catalog.facets`, which counts them. The number of
statements does not depend on the number of items; what garments say comes from `ItemSummary`.
"""

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import chain
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

_TYPO_SIMILARITY = 0.38
"""How alike word and text must be: "jaket" and "jacket" are .44, "hoddie" and "hoodie" .40."""


class Kind(enum.StrEnum):
    """What items can be narrowed by."""

    CATALOG = "catalog"
    WORDS = "words"
    CATEGORY = "category"
    BRAND = "brand"
    COLOUR = "colour"
    PRICE = "price"
    STOCK = "stock"
    GARMENTS = "garments"
    REVIEW = "review"


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


def forgive_typos(session: Session, choice: Choice) -> Choice:
    """The same choice, its words taken loosely if nothing has them as they are written."""
    if not choice.words:
        return choice
    # Asked without the filters: that those leave nothing says nothing about the spelling.
    words = Choice(choice.catalog, choice.words)
    exact = _joined(select(literal(1)), words).limit(1)
    return choice if session.scalar(exact) else replace(choice, loosely=True)


def count_items(session: Session, choice: Choice) -> int:
    set_similarity(session, choice)
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
    set_similarity(session, choice)
    if sort is Sort.VIEWED:
        return _list_viewed(session, choice, limit, offset)
    query = _joined(select(Item), choice).options(joinedload(Item.catalog))
    return session.scalars(query.order_by(*_order(sort, choice)).offset(offset).limit(limit)).all()


def _list_viewed(session: Session, choice: Choice, limit: int, offset: int) -> Sequence[Item]:
    """The most viewed first, then the newest of those that nobody has looked at.

    Two queries, each of which an index sorts: most items of a big shop have no views.
    """
    query = _joined(select(Item), choice).options(joinedload(Item.catalog))
    viewed = query.join(ItemView, ItemView.item_id == Item.id)
    order = (ItemView.views.desc(), ItemView.item_id.desc())
    found = session.scalars(viewed.order_by(*order).offset(offset).limit(limit)).all()
    if len(found) == limit:
        return found
    counted = _joined(select(func.count()), choice).join(ItemView, ItemView.item_id == Item.id)
    skipped = max(0, offset - (session.scalar(counted) or 0))
    rest = query.where(~exists().where(ItemView.item_id == Item.id)).order_by(Item.id.desc())
    unseen = session.scalars(rest.offset(skipped).limit(limit - len(found))).all()
    return [*found, *unseen]


def list_items_after(session: Session, choice: Choice, after_id: int, limit: int) -> Sequence[Item]:
    """Items in the order they were added, from behind `after_id` on: a cursor never skips."""
    set_similarity(session, choice)
    query = _joined(select(Item), choice).options(joinedload(Item.catalog))
    return session.scalars(query.where(Item.id > after_id).order_by(Item.id).limit(limit)).all()


def needs_review() -> ColumnElement[bool]:
    """Items with a reason to be looked at, for a query that `_joined` made."""
    failed = (
        select(ItemPhoto.item_id)
        .join(Photo, Photo.id == ItemPhoto.photo_id)
        .where(Photo.state == PhotoState.FAILED, ~exists().where(PhotoReview.photo_id == Photo.id))
    )
    nothing = cast(array([]), ARRAY(Text))
    return or_(func.coalesce(ItemSummary.review, nothing) != nothing, Item.id.in_(failed))


def join_summaries(query: Any) -> Any:
    """A query over items and what the active segmenter says of them."""
    mine = and_(ItemSummary.item_id == Item.id, ItemSummary.segmenter == active_segmenter())
    return query.select_from(Item).outerjoin(ItemSummary, mine).where(Item.deleted_at.is_(None))


def conditions_of(choice: Choice) -> Mapping[Kind, Sequence[ColumnElement[bool]]]:
    """What is asked of an item, by kind of choice; kinds of which nothing is asked are absent."""
    conditions = {kind: list(_asked(choice, kind)) for kind in Kind}
    return {kind: asked for kind, asked in conditions.items() if asked}


def _asked(choice: Choice, kind: Kind) -> Iterator[ColumnElement[bool]]:
    match kind:
        case Kind.CATALOG if choice.catalog:
            named = select(Catalog.id).where(Catalog.name == choice.catalog)
            yield Item.catalog_id == named.scalar_subquery()
        case Kind.WORDS:
            yield from (_mentions(word, choice.loosely) for word in choice.words.lower().split())
        case Kind.CATEGORY if choice.categories:
            yield ItemSummary.categories.overlap(_texts(choice.categories))
        case Kind.BRAND if choice.brands:
            yield Item.brand.in_(choice.brands)
        case Kind.COLOUR if choice.colours:
            yield ItemSummary.colours.overlap(_texts(choice.colours))
        case Kind.PRICE:
            if choice.price_min is not None:
                yield Item.price >= choice.price_min
            if choice.price_max is not None:
                yield Item.price <= choice.price_max
        case Kind.STOCK if choice.in_stock is not None:
            yield is_in_stock() == choice.in_stock
        case Kind.GARMENTS if choice.garments is not None:
            yield has_garments() == min(choice.garments, MANY_GARMENTS)
        case Kind.REVIEW if choice.review:
            yield needs_review()


def _joined(query: Any, choice: Choice) -> Any:
    """A query over items and their summaries, narrowed to the choice."""
    conditions = chain.from_iterable(conditions_of(choice).values())
    return join_summaries(query).where(*conditions)


def _mentions(word: str, loosely: bool) -> ColumnElement[bool]:
    if loosely:
        return literal(word).bool_op("<%")(Item.words)  # word similarity, by the trigram index
    return Item.words.contains(word, autoescape=True)


def set_similarity(session: Session, choice: Choice) -> None:
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


def is_in_stock() -> ColumnElement[bool]:
    """A stock that the shop does not give counts as there."""
    return func.coalesce(Item.stock, 1) > 0


def has_garments() -> ColumnElement[int]:
    return func.least(func.coalesce(ItemSummary.garments, 0), MANY_GARMENTS)


def _texts(values: Sequence[str]) -> Any:
    return cast(array(values), ARRAY(Text))
