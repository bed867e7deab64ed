"""What the pages and the API read of a catalog: each function is one or two statements.

Rows come back with all that a template touches already loaded, so that none asks once a row.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, joinedload, selectinload, with_loader_criteria

from catalog.claims import WAITS_FOR_MODELS
from catalog.errors import NotFoundError
from catalog.summaries import active_segmenter
from catalog.tables import (
    Catalog,
    EntryState,
    Garment,
    Generation,
    GenerationState,
    IndexEntry,
    Item,
    ItemPhoto,
    Job,
    JobKind,
    Photo,
    PhotoState,
)

MAX_FAILURES = 100


@dataclass(frozen=True)
class Cover:
    """The photo that stands for an item on a card."""

    sha256: str
    width: int
    height: int


def shown_garments() -> ColumnElement[bool]:
    """Garments that count now: of the active generation's segmenter, and not excluded."""
    return and_(Garment.segmenter == active_segmenter(), Garment.excluded.is_(False))


def covers_of(session: Session, item_ids: Collection[int]) -> dict[int, Cover]:
    """The first photo of each item; items without photos are absent."""
    query = (
        select(ItemPhoto.item_id, Photo.sha256, Photo.width, Photo.height)
        .join(Photo, Photo.id == ItemPhoto.photo_id)
        .where(ItemPhoto.item_id.in_(item_ids))
        .ext(distinct_on(ItemPhoto.item_id))
        .order_by(ItemPhoto.item_id, ItemPhoto.position)
    )
    return {row[0]: Cover(*row[1:]) for row in session.execute(query)}


def list_catalogs(
    session: Session, after: str = "", limit: int | None = None
) -> list[tuple[str, int]]:
    """Each catalog's name with how many items it has now; those whose names come after `after`."""
    query = (
        select(Catalog.name, func.count(Item.id))
        .outerjoin(Item, and_(Item.catalog_id == Catalog.id, Item.deleted_at.is_(None)))
        .where(Catalog.name > after)
        .group_by(Catalog.name)
        .order_by(Catalog.name)
        .limit(limit)
    )
    return [(name, count) for name, count in session.execute(query)]


def get_item(session: Session, item_id: int) -> Item:
    """One item with its photos and their garments; raises NotFoundError, also when deleted."""
    return _one_item(session, select(Item).where(Item.id == item_id), item_id)


def get_item_by_sku(session: Session, catalog: str, sku: str) -> Item:
    query = select(Item).join(Catalog).where(Catalog.name == catalog, Item.sku == sku)
    return _one_item(session, query, f"{catalog}/{sku}")


def catalog_names(session: Session, jobs: Sequence[Job]) -> dict[int, str]:
    """The names of the catalogs that these jobs are about."""
    ids = {job.catalog_id for job in jobs if job.catalog_id}
    rows = session.execute(select(Catalog.id, Catalog.name).where(Catalog.id.in_(ids)))
    return dict(rows.all())


def photos_of(session: Session, garment_ids: Collection[UUID]) -> dict[UUID, Cover]:
    """The photo that shows each garment."""
    query = (
        select(Garment.id, Photo.sha256, Photo.width, Photo.height)
        .join(Photo, Photo.id == Garment.photo_id)
        .where(Garment.id.in_(garment_ids))
    )
    return {row[0]: Cover(*row[1:]) for row in session.execute(query)}


def get_garment(session: Session, garment_id: UUID) -> Garment:
    garment = session.scalars(
        select(Garment).where(Garment.id == garment_id).options(joinedload(Garment.photo))
    ).one_or_none()
    if garment is None:
        raise NotFoundError("garment", garment_id)
    return garment


def get_photo(session: Session, sha256: str) -> Photo:
    """One photo that an item shows, with its garments that count now."""
    photo = session.scalars(
        select(Photo)
        .where(Photo.sha256 == sha256, _photo_shown(None))
        .options(
            selectinload(Photo.garments).defer(Garment.mask),
            with_loader_criteria(Garment, shown_garments()),
        )
    ).one_or_none()
    if photo is None:
        raise NotFoundError("photo", sha256)
    return photo


def get_crop(session: Session, garment_id: UUID) -> tuple[bytes, int]:
    """A garment's crop and how often it was cut anew."""
    wanted = select(Garment.crop, Garment.crop_version).where(Garment.id == garment_id)
    row = session.execute(wanted).one_or_none()
    if row is None:
        raise NotFoundError("garment", garment_id)
    return row.crop, row.crop_version


def get_catalog_id(session: Session, name: str) -> int:
    catalog_id = session.scalars(select(Catalog.id).where(Catalog.name == name)).one_or_none()
    if catalog_id is None:
        raise NotFoundError("catalog", name)
    return catalog_id


def count_photos(session: Session, catalog_id: int | None = None) -> dict[PhotoState, int]:
    """Photos that an item shows, by state; every state is present."""
    query = select(Photo.state, func.count()).where(_photo_shown(catalog_id)).group_by(Photo.state)
    counted = dict(session.execute(query).all())
    return {state: counted.get(state, 0) for state in PhotoState}


def count_failures(session: Session) -> int:
    """Photos that failed and that an item shows; asks the few failed ones only."""
    failed = Photo.state == PhotoState.FAILED
    return session.scalar(select(func.count()).where(failed, _photo_shown(None))) or 0


def count_garments(session: Session, catalog_id: int) -> dict[str, int]:
    """Garments in the catalog's photos by category, sold and worn with alike."""
    query = (
        select(Garment.category, func.count())
        .join(Photo, Photo.id == Garment.photo_id)
        .where(shown_garments(), _photo_shown(catalog_id))
        .group_by(Garment.category)
        .order_by(Garment.category)
    )
    return dict(session.execute(query).all())


def count_behind(session: Session) -> dict[int, int]:
    """How many entries of each generation the index has yet to learn."""
    query = (
        select(IndexEntry.generation_id, func.count())
        .where(IndexEntry.state != EntryState.CLEAN)
        .group_by(IndexEntry.generation_id)
    )
    return dict(session.execute(query).all())


def find_active_generation(session: Session) -> Generation | None:
    return session.scalar(select(Generation).where(Generation.state == GenerationState.ACTIVE))


def lacks_models(session: Session) -> bool:
    """Whether photos wait because no worker has the checkpoints of the active generation."""
    waiting = exists().where(
        Photo.state == PhotoState.PENDING, Photo.reason.startswith(WAITS_FOR_MODELS)
    )
    return bool(session.scalar(select(waiting)))


def list_generations(session: Session) -> Sequence[Generation]:
    return session.scalars(select(Generation).order_by(Generation.id.desc())).all()


def find_last_reindex(session: Session) -> Job | None:
    """The newest re-index job with its log."""
    query = select(Job).where(Job.kind == JobKind.REINDEX).options(selectinload(Job.log))
    return session.scalars(query.order_by(Job.created_at.desc()).limit(1)).one_or_none()


def list_failures(
    session: Session, catalog_id: int | None = None, limit: int = MAX_FAILURES
) -> Sequence[Photo]:
    """Photos that failed, newest first, with the items that show them."""
    query = (
        select(Photo)
        .where(Photo.state == PhotoState.FAILED, _photo_shown(catalog_id))
        .options(
            selectinload(Photo.links).joinedload(ItemPhoto.item).joinedload(Item.catalog),
        )
        .order_by(Photo.id.desc())
        .limit(limit)
    )
    return session.scalars(query).all()


def _one_item(session: Session, query: Select[Any], key: object) -> Item:
    item: Item | None = session.scalars(
        query.where(Item.deleted_at.is_(None)).options(
            joinedload(Item.catalog),
            selectinload(Item.photo_links)
            .joinedload(ItemPhoto.photo)
            .selectinload(Photo.garments)
            .defer(Garment.mask),
            with_loader_criteria(Garment, shown_garments()),
        )
    ).one_or_none()
    if item is None:
        raise NotFoundError("item", key)
    return item


def _photo_shown(catalog_id: int | None) -> ColumnElement[bool]:
    shown = (
        select(ItemPhoto.photo_id)
        .join(Item, Item.id == ItemPhoto.item_id)
        .where(ItemPhoto.photo_id == Photo.id, Item.deleted_at.is_(None))
    )
    if catalog_id is not None:
        shown = shown.where(Item.catalog_id == catalog_id)
    return exists(shown)
