"""Items as a visitor narrows, searches and sorts them.

Called by the catalog grid and the API, and by `catalog.facets`, which counts them. The number of
statements does not depend on the number of items; what garments say comes from `ItemSummary`.
"""

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    literal_column,
    or_,
    select,
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

_SORTED_BY: ColumnElement[int] = literal_column("200")
"""So many letters of a title, as its index has them; no parameter, which an index can't match."""

_AROUND_WORDS = "\"'“”„‘’«»()[]{},;:!?"


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
    spellings: tuple[tuple[str, ...], ...] = ()
    """For each of `words_of` the choice what an item may say instead, the closest first.

    `catalog.spelling` finds it. Empty where the words are meant as they are written.
    """

    @property
    def is_narrowed(self) -> bool:
        return self != Choice()


def words_of(choice: Choice) -> list[str]:
    """The words of a choice in lower case, each once, without quotes or brackets around them."""
    typed = choice.words.lower().split()
    return list(dict.fromkeys(word.strip(_AROUND_WORDS) or word for word in typed))


def has_any(session: Session, choice: Choice) -> bool:
    """Whether the choice shows any item."""
    return session.scalar(_joined(select(literal(1)), choice).limit(1)) is not None


def count_items(session: Session, choice: Choice) -> int:
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
            yield from (or_(*map(_mentions, each)) for each in _wordings(choice))
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


def _wordings(choice: Choice) -> Sequence[tuple[str, ...]]:
    """For each word of a choice what an item may say instead."""
    return choice.spellings or [(word,) for word in words_of(choice)]


def _mentions(word: str) -> ColumnElement[bool]:
    return Item.words.contains(word, autoescape=True)


def _order(sort: Sort, choice: Choice) -> tuple[ColumnElement[Any], ...]:
    newest = Item.id.desc()
    match sort:
        case Sort.CHEAPEST:
            return Item.price.asc().nulls_last(), newest
        case Sort.DEAREST:
            return Item.price.desc().nulls_last(), newest
        case Sort.TITLE:
            return func.left(func.lower(Item.title), _SORTED_BY).asc(), newest
        case Sort.BEST if choice.words:
            return *_best_match(choice), newest
        case _:
            return (newest,)


def _best_match(choice: Choice) -> tuple[ColumnElement[Any], ...]:
    """The closest spellings first, then those whose title has the words."""
    wordings = _wordings(choice)
    closeness = [
        case(*((_mentions(word), place) for place, word in enumerate(words)), else_=len(words))
        for words in wordings
        if len(words) > 1
    ]
    in_title = and_(true(), *(or_(*map(_is_in_title, words)) for words in wordings))
    return *closeness, case((in_title, 0), else_=1)


def _is_in_title(word: str) -> ColumnElement[bool]:
    return Item.title.icontains(word, autoescape=True)


def is_in_stock() -> ColumnElement[bool]:
    """A stock that the shop does not give counts as there."""
    return func.coalesce(Item.stock, 1) > 0


def has_garments() -> ColumnElement[int]:
    return func.least(func.coalesce(ItemSummary.garments, 0), MANY_GARMENTS)


def _texts(values: Sequence[str]) -> Any:
    return cast(array(values), ARRAY(Text))
