"""What a grid of items shows and filters by, worked out of their garments once instead of on view.

`refresh_summaries` is called wherever garments or roles change (`assign_roles`) and by the
tidying for items that have none yet; the decision itself, `summarise`, is pure.
"""

import enum
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, delete, exists, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.item_words import ItemWords, ShopWords, wanted_categories
from catalog.search.sellers import sold_by_others
from catalog.tables import (
    Correction,
    Garment,
    Generation,
    GenerationState,
    Item,
    ItemPhoto,
    ItemSummary,
    Photo,
    PhotoReview,
    PhotoState,
    Role,
)

SURE_SCORE = 0.55
"""Below it a person should look at a sold garment before customers do."""


class Reason(enum.StrEnum):
    """Why a person should look at an item; photos that failed come on top."""

    LOW_CONFIDENCE = "low_confidence"
    NOTHING_FOUND = "nothing_found"
    OTHER_CATEGORY = "other_category"


@dataclass(frozen=True)
class SeenPhoto:
    """One photo of an item as one segmenter sees it; its garments without the excluded ones."""

    state: PhotoState
    garments: Sequence[Any]
    """Of each: category, role, score, colours, correction_id; what is sold is this item's own."""
    reviewed: bool = False
    """A person said that nothing is to be found in it, or has drawn what is."""


@dataclass(frozen=True)
class Summary:
    categories: list[str]
    colours: list[str]
    garments: int
    review: list[Reason]


def active_segmenter() -> ScalarSelect[str]:
    """The segmenter whose garments count now, for use inside a query."""
    active = select(Generation.segmenter).where(Generation.state == GenerationState.ACTIVE)
    return active.scalar_subquery()


def summarise(item: ItemWords, photos: Sequence[SeenPhoto], words: ShopWords | None) -> Summary:
    """What the photos of one item, seen by one segmenter, say about it."""
    garments = [garment for photo in photos for garment in photo.garments]
    sold = [garment for garment in garments if garment.role is Role.SOLD]
    return Summary(
        categories=sorted({garment.category for garment in sold}),
        colours=sorted({colour["name"] for garment in sold for colour in garment.colours}),
        garments=len(garments),
        review=list(_reasons(item, photos, sold, words)),
    )


def refresh_summaries(
    session: Session, item_ids: Collection[int], words: ShopWords | None = None
) -> None:
    """Write the summaries of these items anew, for the segmenter of each generation.

    Doesn't commit; the caller holds the items' locks.
    """
    if not item_ids:
        return
    session.flush()
    segmenters = set(session.scalars(select(Generation.segmenter)))
    items = session.execute(
        select(Item.id, Item.title, Item.category).where(
            Item.id.in_(item_ids), Item.deleted_at.is_(None)
        )
    ).all()
    photos = _load_photos(session, item_ids)
    garments = _load_garments(session, [row.photo_id for row in photos], segmenters)
    own = _own_garments(session, items, photos, garments)
    photos_of: dict[int, list[Any]] = defaultdict(list)
    for photo in photos:
        photos_of[photo.item_id].append(photo)
    rows = [
        _row(item, segmenter, photos_of[item.id], garments, own, words)
        for item in items
        for segmenter in sorted(segmenters)
    ]
    session.execute(delete(ItemSummary).where(ItemSummary.item_id.in_(item_ids)))
    if rows:
        session.execute(insert(ItemSummary).values(rows))


def refresh_missing(session: Session, words: ShopWords | None = None, limit: int = 500) -> int:
    """Summarise items that the active segmenter's summary is missing for; returns how many.

    Those are what an earlier release has left. Doesn't commit.
    """
    active = active_segmenter()
    summarised = exists().where(ItemSummary.item_id == Item.id, ItemSummary.segmenter == active)
    some_active = exists().where(Generation.state == GenerationState.ACTIVE)
    ids = session.scalars(
        select(Item.id)
        .where(Item.deleted_at.is_(None), some_active, ~summarised)
        .order_by(Item.id)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
    refresh_summaries(session, ids, words)
    return len(ids)


def _reasons(
    item: ItemWords, photos: Sequence[SeenPhoto], sold: Sequence[Any], words: ShopWords | None
) -> Iterable[Reason]:
    if any(garment.score < SURE_SCORE and not _is_reviewed(garment) for garment in sold):
        yield Reason.LOW_CONFIDENCE
    empty = [photo for photo in photos if photo.state is PhotoState.INDEXED and not photo.garments]
    if any(not photo.reviewed for photo in empty):
        yield Reason.NOTHING_FOUND
    garments = [garment for photo in photos for garment in photo.garments]
    seen = {garment.category for garment in garments}
    wanted = wanted_categories(item, words)
    confirmed = any(_is_reviewed(garment) for garment in sold or garments)
    if seen and wanted and seen.isdisjoint(wanted) and not confirmed:
        yield Reason.OTHER_CATEGORY


def _is_reviewed(garment: Any) -> bool:
    """Whether a person has looked at it: what was corrected or accepted is in doubt no more."""
    return garment.correction_id is not None


def looked_through() -> ColumnElement[bool]:
    """Photos that may show no garment without a person having to look, inside a query.

    A person has said so, has excluded what was found, or drawn what was not.
    """
    said = exists().where(PhotoReview.photo_id == Photo.id)
    done = or_(Correction.excluded, Correction.new_box.is_not(None) & Correction.seen.is_(None))
    return or_(said, exists().where(Correction.photo_id == Photo.id, done))


def _load_photos(session: Session, item_ids: Collection[int]) -> Sequence[Any]:
    return session.execute(
        select(
            ItemPhoto.item_id, ItemPhoto.photo_id, Photo.state, looked_through().label("reviewed")
        )
        .join(Photo, Photo.id == ItemPhoto.photo_id)
        .where(ItemPhoto.item_id.in_(item_ids))
        .order_by(ItemPhoto.item_id, ItemPhoto.position)
    ).all()


def _load_garments(
    session: Session, photo_ids: Collection[int], segmenters: Collection[str]
) -> Mapping[tuple[int, str], Sequence[Any]]:
    """Garments by photo and segmenter."""
    rows = session.execute(
        select(
            Garment.id,
            Garment.photo_id,
            Garment.segmenter,
            Garment.category,
            Garment.role,
            Garment.score,
            Garment.colours,
            Garment.correction_id,
        )
        .where(
            Garment.photo_id.in_(photo_ids),
            Garment.segmenter.in_(segmenters),
            Garment.excluded.is_(False),
        )
        .order_by(Garment.photo_id, Garment.score.desc(), Garment.id)
    )
    garments: dict[tuple[int, str], list[Any]] = defaultdict(list)
    for row in rows:
        garments[row.photo_id, row.segmenter].append(row)
    return garments


def _own_garments(
    session: Session,
    items: Sequence[Any],
    photos: Sequence[Any],
    garments: Mapping[tuple[int, str], Sequence[Any]],
) -> set[tuple[int, Any]]:
    """(item id, garment id) of what is sold and not another item's of the same photo."""
    by_photo: dict[int, list[Any]] = defaultdict(list)
    for found in garments.values():
        for garment in found:
            if garment.role is Role.SOLD:
                by_photo[garment.photo_id].append(garment)
    by_id = {item.id: item for item in items}
    pairs = [
        (by_id[photo.item_id], garment)
        for photo in photos
        if photo.item_id in by_id
        for garment in by_photo[photo.photo_id]
    ]
    foreign = sold_by_others(session, pairs)
    return {(item.id, garment.id) for item, garment in pairs} - foreign


def _row(
    item: Any,
    segmenter: str,
    photos: Sequence[Any],
    garments: Mapping[tuple[int, str], Sequence[Any]],
    own: Collection[tuple[int, Any]],
    words: ShopWords | None,
) -> dict[str, Any]:
    seen = [
        SeenPhoto(
            photo.state,
            [
                _Owned(garment, (item.id, garment.id) in own)
                for garment in garments.get((photo.photo_id, segmenter), ())
            ],
            photo.reviewed,
        )
        for photo in photos
    ]
    summary = summarise(ItemWords(item.title, item.category), seen, words)
    return {
        "item_id": item.id,
        "segmenter": segmenter,
        "categories": summary.categories,
        "colours": summary.colours,
        "garments": summary.garments,
        "review": [reason.value for reason in summary.review],
    }


class _Owned:
    """A garment's row whose role is the one that it has for this item."""

    def __init__(self, row: Any, sold: bool) -> None:
        self.category, self.score, self.colours = row.category, row.score, row.colours
        self.correction_id = row.correction_id
        self.role = Role.SOLD if sold else Role.WORN_WITH
