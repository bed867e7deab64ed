"""Which garment in a photo is for sale and which ones the model merely wears with it.

`assign_roles` is called after garments are saved and after an item's words or photos change;
the decision itself, `decide_roles`, is pure.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.orm import Session

from catalog.item_words import ItemWords, ShopWords, wanted_categories
from catalog.search.outbox import mark_dirty
from catalog.summaries import refresh_summaries
from catalog.tables import Garment, Item, ItemPhoto, Photo, Role
from catalog.taxonomy import LOWER, UPPER, WHOLE

# How much less likely each further fitting category is than the one before it: a "jacket" is
# more often seen as a coat than as knitwear.
_FIT_DECAY = 0.75
# A garment where the item should be, on the same half of the body, under a wrong name.
_SAME_PLACE = 0.1
# Alone in its photo and so large, a garment is what the photo is about, whatever its name.
_FILLS_PHOTO = 0.25
# A photo that thousands of items share (a size chart) needs no more opinions than these.
_ITEMS_ASKED = 20


@dataclass(frozen=True)
class SeenGarment:
    """What a role depends on: box x0, y0, x1, y1 in pixels of a photo of that width and height."""

    category: str
    box: Sequence[float]
    width: int
    height: int
    excluded: bool = False


def decide_roles(
    garments: Sequence[SeenGarment],
    item: ItemWords,
    other_photos: Sequence[Sequence[SeenGarment]] = (),
    words: ShopWords | None = None,
) -> list[Role]:
    """A role for each garment of one photo of `item`: at most one is sold, the rest worn with.

    The shop's words decide first; among garments that fit, the large, central one whose category
    recurs over `other_photos` of the item. Nothing is sold when nothing fits.
    """
    fitting = wanted_categories(item, words)
    votes = _votes([garments, *other_photos], fitting)
    weights = [_weight(garment, fitting) * votes[garment.category] for garment in garments]
    best = max(range(len(garments)), key=weights.__getitem__, default=None)
    if best is not None and weights[best] == 0:
        best = _the_only_large_one(garments)
    return [Role.SOLD if index == best else Role.WORN_WITH for index in range(len(garments))]


def assign_roles(
    session: Session, photo_ids: Collection[int], words: ShopWords | None = None
) -> list[UUID]:
    """Decide anew for every photo of the items that show these photos; returns what changed.

    Changed garments are marked for the index, the items' summaries follow. Doesn't commit. In a
    photo that several items show, a garment is sold if it is for any of them.
    """
    items = lock_items(session, (), photo_ids)
    if not items:
        return []
    scene = _load_scene(session, items)
    roles = _decide_scene(scene, photo_ids, words)
    changed = sorted(
        seen.id for seen in scene.garments if roles.get(seen.id, seen.role) != seen.role
    )
    for role in Role:
        ids = [garment_id for garment_id in changed if roles[garment_id] is role]
        if ids:
            session.execute(
                update(Garment).where(Garment.id.in_(ids)).values(role=role),
                execution_options={"synchronize_session": "fetch"},
            )
    mark_dirty(session, changed)
    refresh_summaries(session, items, words)
    return changed


def lock_items(
    session: Session, item_ids: Collection[int], photo_ids: Collection[int]
) -> list[int]:
    """Lock, by id, the items whose words decide over these items and photos; returns their ids.

    Those are the items themselves, the items that show the photos, and whoever shares a photo
    with one of them. Take it after photos are locked and before garments change.
    """
    if not item_ids and not photo_ids:
        return []
    near = _items_showing(ItemPhoto.photo_id.in_(photo_ids)).union(
        select(Item.id).where(Item.id.in_(item_ids))
    )
    their_photos = select(ItemPhoto.photo_id).where(ItemPhoto.item_id.in_(near))
    far = _items_showing(ItemPhoto.photo_id.in_(their_photos))
    query = select(Item.id).where(Item.id.in_(near) | Item.id.in_(far)).order_by(Item.id)
    return list(session.scalars(query.with_for_update(key_share=True)))


def _items_showing(condition: ColumnElement[bool]) -> Select[int]:
    rank = func.row_number().over(partition_by=ItemPhoto.photo_id, order_by=ItemPhoto.item_id)
    ranked = select(ItemPhoto.item_id, rank.label("rank")).where(condition).subquery()
    return select(ranked.c.item_id).where(ranked.c.rank <= _ITEMS_ASKED)


@dataclass(frozen=True)
class _Stored:
    """A garment's row, as far as roles are concerned."""

    id: UUID
    photo_id: int
    segmenter: str
    role: Role
    seen: SeenGarment


@dataclass(frozen=True)
class _Scene:
    """Items, which photos show them, and the garments in those photos."""

    items: Mapping[int, ItemWords]
    photos_of: Mapping[int, Sequence[int]]
    garments: Sequence[_Stored]


def _load_scene(session: Session, item_ids: Collection[int]) -> _Scene:
    rows = session.execute(select(Item.id, Item.title, Item.category).where(Item.id.in_(item_ids)))
    items = {item_id: ItemWords(title, category) for item_id, title, category in rows}
    links = session.execute(
        select(ItemPhoto.item_id, ItemPhoto.photo_id)
        .where(ItemPhoto.item_id.in_(item_ids))
        .order_by(ItemPhoto.item_id, ItemPhoto.position)
    ).all()
    photos_of: dict[int, list[int]] = defaultdict(list)
    for item_id, photo_id in links:
        photos_of[item_id].append(photo_id)
    found = session.execute(
        select(
            Garment.id,
            Garment.photo_id,
            Garment.segmenter,
            Garment.role,
            Garment.category,
            Garment.box,
            Photo.width,
            Photo.height,
            Garment.excluded,
        )
        .join(Photo, Photo.id == Garment.photo_id)
        .where(Garment.photo_id.in_({photo_id for _, photo_id in links}))
        .order_by(Garment.photo_id, Garment.score.desc(), Garment.id)
    )
    garments = [_Stored(*row[:4], SeenGarment(*row[4:])) for row in found]
    return _Scene(items, photos_of, garments)


def _decide_scene(
    scene: _Scene, photo_ids: Collection[int], words: ShopWords | None
) -> dict[UUID, Role]:
    """The role of every garment in the photos of the items that show `photo_ids`."""
    asked = set(photo_ids)
    near = [item for item in scene.items if asked.intersection(scene.photos_of.get(item, ()))]
    decided = {photo for item in near for photo in scene.photos_of[item]}
    roles = {g.id: Role.WORN_WITH for g in scene.garments if g.photo_id in decided}
    by_segmenter: dict[str, dict[int, list[_Stored]]] = defaultdict(lambda: defaultdict(list))
    for garment in scene.garments:
        by_segmenter[garment.segmenter][garment.photo_id].append(garment)
    for by_photo in by_segmenter.values():
        for item, photos in scene.photos_of.items():
            groups = {photo: by_photo.get(photo, []) for photo in photos}
            for sold in _find_sold(scene.items[item], groups, words):
                if sold in roles:
                    roles[sold] = Role.SOLD
    return roles


def _find_sold(
    item: ItemWords, groups: Mapping[int, Sequence[_Stored]], words: ShopWords | None
) -> Iterator[UUID]:
    """The garment that each photo of an item sells, as far as there is one."""
    seen = {photo: [stored.seen for stored in group] for photo, group in groups.items()}
    for photo, group in groups.items():
        others = [garments for other, garments in seen.items() if other != photo]
        for stored, role in zip(group, decide_roles(seen[photo], item, others, words), strict=True):
            if role is Role.SOLD:
                yield stored.id


def _votes(photos: Iterable[Sequence[SeenGarment]], fitting: Sequence[str]) -> Mapping[str, float]:
    """For each category the best weight in each photo, summed: what recurs counts more."""
    votes: dict[str, float] = defaultdict(float)
    for garments in photos:
        best: dict[str, float] = defaultdict(float)
        for garment in garments:
            best[garment.category] = max(best[garment.category], _weight(garment, fitting))
        for category, weight in best.items():
            votes[category] += weight
    return votes


def _weight(garment: SeenGarment, fitting: Sequence[str]) -> float:
    """How much a garment looks like the one for sale; 0 when it can't be."""
    if garment.excluded:
        return 0.0
    return _fit(garment.category, fitting) * math.sqrt(_share(garment)) * _centrality(garment)


def _fit(category: str, fitting: Sequence[str]) -> float:
    if not fitting:
        return 1.0
    if category in fitting:
        return _FIT_DECAY ** fitting.index(category)
    return _SAME_PLACE if _places(category) & _places(fitting[0]) else 0.0


def _places(category: str) -> frozenset[str]:
    """Where on the body: a long knit may be seen as a dress, so whole garments are both."""
    if category in WHOLE:
        return frozenset({"upper", "lower"})
    if category in UPPER:
        return frozenset({"upper"})
    return frozenset({"lower"}) if category in LOWER else frozenset()


def _share(garment: SeenGarment) -> float:
    x0, y0, x1, y1 = garment.box
    return max(0.0, x1 - x0) * max(0.0, y1 - y0) / (garment.width * garment.height)


def _centrality(garment: SeenGarment) -> float:
    """1 in the middle of the photo, less than a half in a corner."""
    x0, y0, x1, y1 = garment.box
    dx = (x0 + x1) / garment.width - 1
    dy = (y0 + y1) / garment.height - 1
    return 1 / (1 + dx * dx + dy * dy / 2)


def _the_only_large_one(garments: Sequence[SeenGarment]) -> int | None:
    if len(garments) != 1 or garments[0].excluded:
        return None
    return 0 if _share(garments[0]) >= _FILLS_PHOTO else None
