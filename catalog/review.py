"""The review queue: photos that a person should look at, one after another, and why.

Called by the review page and the API. An entry is one photo of one item; entries are ordered by
item and photo, so that a cursor never skips. The number of statements does not depend on entries.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    any_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    tuple_,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.orm import Session, aliased, defer, joinedload, selectinload, with_loader_criteria

from catalog.errors import InputError, NotFoundError
from catalog.summaries import SURE_SCORE, Reason, active_segmenter, looked_through
from catalog.tables import (
    Correction,
    Garment,
    Item,
    ItemPhoto,
    ItemSummary,
    Photo,
    PhotoReview,
    PhotoState,
    Recut,
    Role,
)


class Why(enum.StrEnum):
    """Why an entry is in the queue; `REVIEWED` is the list of what is done, where it is undone."""

    LOW_CONFIDENCE = "low_confidence"
    NOTHING_FOUND = "nothing_found"
    OTHER_CATEGORY = "other_category"
    FAILED = "failed"
    NOT_CUT = "not_cut"
    REVIEWED = "reviewed"


OPEN = tuple(why for why in Why if why is not Why.REVIEWED)
"""The reasons that ask for a person."""


_NOTHING = cast(array([]), ARRAY(Text))


@dataclass(frozen=True, order=True)
class Place:
    """Where an entry stands in the queue; its text is the cursor."""

    item_id: int = 0
    photo_id: int = 0

    def __str__(self) -> str:
        return f"{self.item_id}.{self.photo_id}"


@dataclass(frozen=True)
class Entry:
    """One photo of one item with all reasons to look at it, none where it is just looked up."""

    place: Place
    reasons: tuple[Why, ...]


@dataclass(frozen=True)
class EntryDetails:
    """An entry with all that a person decides by; the doubted garments first, excluded ones too."""

    entry: Entry
    item: Item
    photo: Photo
    garments: Sequence[Garment]
    doubted: frozenset[Any]
    """Ids of those garments that a reason is about."""
    added: Sequence[Correction]
    """Drawn by a person and not cut out yet."""
    review: PhotoReview | None
    recut: Recut | None


def read_place(text: str) -> Place:
    """A cursor's place; raises InputError for anything else."""
    item, _, photo = text.partition(".")
    if not (item.isdecimal() and photo.isdecimal() and len(text) < 40):
        raise InputError("This is no cursor of the review queue.")
    return Place(int(item), int(photo))


def list_entries(
    session: Session,
    why: Why | None = None,
    after: Place | None = None,
    limit: int = 20,
    *,
    before: Place | None = None,
) -> list[Entry]:
    """Entries in order, from behind `after` on, or the last ones ahead of `before`.

    Without `why` those are all that ask for a person.
    """
    query = _entries(why)
    order: list[Any] = [ItemPhoto.item_id, ItemPhoto.photo_id]
    if after is not None:
        query = query.where(tuple_(*order) > (after.item_id, after.photo_id))
    if before is not None:
        query = query.where(tuple_(*order) < (before.item_id, before.photo_id))
        order = [column.desc() for column in order]
    rows = session.execute(query.order_by(*order).limit(limit)).all()
    return [_entry(row) for row in (rows if before is None else reversed(rows))]


def count_entries(session: Session) -> dict[Why | None, int]:
    """Entries by reason; under None those with any that asks for a person."""
    row = session.execute(_counts()).one()
    return {None: row.all, **{why: getattr(row, why.value) for why in Why}}


@cache
def _counts() -> Select[*tuple[Any, ...]]:
    # A union of them all: of several lists joined by "or" Postgres expects that most photos match.
    pairs = select(ItemPhoto.item_id, ItemPhoto.photo_id)
    candidates = union(*(pairs.where(each) for each in _candidates(None)))
    is_candidate = tuple_(ItemPhoto.item_id, ItemPhoto.photo_id).in_(candidates)
    # The offset keeps Postgres from working each reason out again for each use of it.
    looked_at = _rows().where(is_candidate).offset(0).subquery()
    reasons = {why: looked_at.c[why.value] for why in OPEN}
    counted = [func.count().filter(truth).label(why.value) for why, truth in reasons.items()]
    all_open = func.count().filter(or_(*reasons.values())).label("all")
    reviewed = select(func.count()).select_from(_entries(Why.REVIEWED).subquery())
    return select(all_open, *counted, reviewed.scalar_subquery().label(Why.REVIEWED.value))


def find_entry(session: Session, place: Place) -> Entry:
    """The entry of a photo that an item shows, in the queue or not; raises NotFoundError."""
    query = _rows().where(ItemPhoto.item_id == place.item_id, ItemPhoto.photo_id == place.photo_id)
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFoundError("photo of that item", place)
    return _entry(row)


def load_details(session: Session, entries: Sequence[Entry]) -> list[EntryDetails]:
    """What is shown of some entries; those whose item or photo has gone meanwhile are left out."""
    item_ids = {entry.place.item_id for entry in entries}
    photo_ids = {entry.place.photo_id for entry in entries}
    items = {
        item.id: item
        for item in session.scalars(
            select(Item).where(Item.id.in_(item_ids)).options(joinedload(Item.catalog))
        )
    }
    photos = {photo.id: photo for photo in session.scalars(_with_garments(photo_ids))}
    reviews = {
        review.photo_id: review
        for review in session.scalars(
            select(PhotoReview).where(PhotoReview.photo_id.in_(photo_ids))
        )
    }
    recuts = {
        recut.photo_id: recut
        for recut in session.scalars(select(Recut).where(Recut.photo_id.in_(photo_ids)))
    }
    added = session.scalars(
        select(Correction)
        .where(Correction.photo_id.in_(photo_ids), *_added_without_garment())
        .order_by(Correction.id)
    ).all()
    return [
        EntryDetails(
            entry=entry,
            item=items[place.item_id],
            photo=(photo := photos[place.photo_id]),
            doubted=(doubted := frozenset(_doubted(entry, photo.garments))),
            garments=sorted(photo.garments, key=lambda garment: _rank(garment, doubted)),
            added=[each for each in added if each.photo_id == photo.id],
            review=reviews.get(photo.id),
            recut=recuts.get(photo.id),
        )
        for entry in entries
        if (place := entry.place).item_id in items and place.photo_id in photos
    ]


def _rank(garment: Garment, doubted: frozenset[Any]) -> tuple[bool, bool, bool]:
    """What is asked about first, then what was answered, then what is for sale."""
    unanswered = garment.correction_id is None
    return garment.id not in doubted, unanswered, garment.role is not Role.SOLD


def _with_garments(photo_ids: set[int]) -> Select[Any]:
    return (
        select(Photo)
        .where(Photo.id.in_(photo_ids))
        .options(
            selectinload(Photo.garments).options(
                defer(Garment.mask), joinedload(Garment.correction)
            ),
            with_loader_criteria(Garment, Garment.segmenter == active_segmenter()),
        )
        .execution_options(populate_existing=True)
    )


def _doubted(entry: Entry, garments: Sequence[Garment]) -> list[Any]:
    open_ones = [g for g in garments if g.correction_id is None and not g.excluded]
    sold = [garment for garment in open_ones if garment.role is Role.SOLD]
    if Why.OTHER_CATEGORY in entry.reasons:
        return [garment.id for garment in sold or open_ones]
    if Why.LOW_CONFIDENCE in entry.reasons:
        return [garment.id for garment in sold if garment.score < SURE_SCORE]
    return []


def _entry(row: Any) -> Entry:
    reasons = tuple(why for why in Why if getattr(row, why.value))
    return Entry(Place(row.item_id, row.photo_id), reasons)


@cache
def _entries(why: Why | None) -> Select[Any]:
    """Rows of the queue, narrowed by index before any photo is looked at.

    Joined by "or", so that Postgres goes through the photos in order and stops when a page is full.
    """
    query = _rows().where(or_(*_candidates(why)))
    conditions = _conditions()
    return query.where(conditions[why] if why else or_(*(conditions[each] for each in OPEN)))


@cache  # such a query takes longer to put together than to run
def _rows() -> Select[Any]:
    """(item id, photo id, one truth for each reason) of all photos of the items on sale."""
    truths = [
        case((condition, True), else_=False).label(why.value)
        for why, condition in _conditions().items()
    ]
    mine = and_(
        ItemSummary.item_id == ItemPhoto.item_id, ItemSummary.segmenter == active_segmenter()
    )
    return (
        select(ItemPhoto.item_id, ItemPhoto.photo_id, *truths)
        .join(Item, Item.id == ItemPhoto.item_id)
        .join(Photo, Photo.id == ItemPhoto.photo_id)
        .outerjoin(ItemSummary, mine)
        .where(Item.deleted_at.is_(None))
    )


def _candidates(why: Why | None) -> list[ColumnElement[bool]]:
    """Few photos out of many: those of items in doubt, those that failed, are not cut, corrected.

    By item or by photo alone: of pairs Postgres keeps fewer in memory, and beyond that it goes
    through the whole list for each photo.
    """
    doubtful = ItemPhoto.item_id.in_(
        select(ItemSummary.item_id).where(
            ItemSummary.segmenter == active_segmenter(), ItemSummary.review != _NOTHING
        )
    )
    failed = ItemPhoto.photo_id.in_(select(Photo.id).where(Photo.state == PhotoState.FAILED))
    uncut = ItemPhoto.photo_id.in_(select(Recut.photo_id))
    said = ItemPhoto.photo_id.in_(select(Correction.photo_id).union(select(PhotoReview.photo_id)))
    if why is None:
        return [doubtful, failed, uncut]
    return [{Why.FAILED: failed, Why.NOT_CUT: uncut, Why.REVIEWED: said}.get(why, doubtful)]


def _conditions() -> dict[Why, ColumnElement[bool]]:
    """What makes a photo of an item an entry, for a query that `_rows` made."""
    said = exists().where(PhotoReview.photo_id == Photo.id)
    indexed = Photo.state == PhotoState.INDEXED
    return {
        Why.LOW_CONFIDENCE: and_(
            _item_says(Reason.LOW_CONFIDENCE),
            _shows(Garment.role == Role.SOLD, Garment.score < SURE_SCORE, _unseen()),
        ),
        Why.NOTHING_FOUND: and_(
            _item_says(Reason.NOTHING_FOUND), indexed, ~_shows(), ~looked_through()
        ),
        Why.OTHER_CATEGORY: and_(_item_says(Reason.OTHER_CATEGORY), _shows(), _is_first_with_any()),
        Why.FAILED: and_(Photo.state == PhotoState.FAILED, ~said),
        Why.NOT_CUT: exists().where(Recut.photo_id == Photo.id, Recut.reason.is_not(None)),
        Why.REVIEWED: or_(said, exists().where(Correction.photo_id == Photo.id)),
    }


def _item_says(reason: Reason) -> ColumnElement[bool]:
    said = literal(reason.value) == any_(ItemSummary.review)
    return func.coalesce(said, false())


def _shows(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """The photo shows a garment that counts now and is so.

    The offset keeps Postgres from reading all garments into a hash for the few photos that are
    asked about.
    """
    garments = select(Garment.id).where(
        Garment.photo_id == Photo.id,
        Garment.segmenter == active_segmenter(),
        Garment.excluded.is_(False),
        *conditions,
    )
    return garments.offset(0).exists()


def _unseen() -> ColumnElement[bool]:
    return Garment.correction_id.is_(None)


def _is_first_with_any() -> ColumnElement[bool]:
    """One photo stands for the item: what is said of it settles the others too."""
    earlier, garment = aliased(ItemPhoto), aliased(Garment)
    return ~exists().where(
        earlier.item_id == ItemPhoto.item_id,
        earlier.position < ItemPhoto.position,
        garment.photo_id == earlier.photo_id,
        garment.segmenter == active_segmenter(),
        garment.excluded.is_(False),
    )


def _added_without_garment() -> tuple[ColumnElement[bool], ...]:
    made = aliased(Garment)
    has_garment = exists().where(
        made.correction_id == Correction.id, made.segmenter == active_segmenter()
    )
    return Correction.new_box.is_not(None), Correction.excluded.is_(False), ~has_garment
