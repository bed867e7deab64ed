"""Items in and out of a catalog: upserts in batches, deletes, prunes.

Called by the API for `lookalike ingest` and `lookalike delete`. One writer at a time changes a
catalog; nothing here commits. Locks: generations, catalog, photos by id, items by id, garments,
index entries.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.catalogs import ensure_catalog, lock_catalog
from catalog.errors import ConflictError, NotFoundError
from catalog.item_words import ShopWords
from catalog.jobs import get_job
from catalog.photos.discarding import drop_unshown, lock_photos, photo_keys
from catalog.roles import assign_roles, lock_items
from catalog.rows import ItemResult, ItemRow, check_rows
from catalog.search.outbox import hold_generations, mark_dirty
from catalog.tables import Catalog, Garment, Item, ItemPhoto, ItemSummary, Job, Photo, PhotoState
from catalog.upsert_plan import StoredItem, UpsertPlan, plan_upsert

__all__ = [
    "ItemResult",
    "ItemRow",
    "delete_item",
    "mark_seen",
    "pending_photo_ids",
    "prune_catalog",
    "upsert_items",
]


def upsert_items(
    session: Session,
    catalog_name: str,
    rows: Sequence[ItemRow | Mapping[str, Any]],
    job_id: UUID | None = None,
    shop_words: ShopWords | None = None,
) -> list[ItemResult]:
    """Create and update items, one result for each row in its order; a bad row fails alone.

    A row whose item is the same already is "unchanged" and writes nothing but `job_id`. A deleted
    item comes back. Photos that no item shows any more are dropped. Raises InputError for an
    impossible catalog name.
    """
    checked = check_rows(rows)
    hold_generations(session)
    catalog_id = lock_catalog(session, ensure_catalog(session, catalog_name).name).id
    plan = _plan_with_locks(session, catalog_id, checked)
    _write_items(session, catalog_id, plan.written, job_id)
    _write_links(session, catalog_id, plan.links)
    _follow_up(session, plan, shop_words)
    if job_id is not None:
        _note_seen(session, catalog_id, [result.sku for result in plan.results], job_id)
    return plan.results


def delete_item(
    session: Session, catalog_name: str, sku: str, shop_words: ShopWords | None = None
) -> list[str]:
    """Leave only a tombstone of an item; its photos go too unless another item shows them.

    Returns the keys to delete from the image store after the commit (`discard_bytes` does that,
    and the sweep if nobody does). Raises NotFoundError.
    """
    hold_generations(session)
    catalog = lock_catalog(session, catalog_name)
    named = (Item.catalog_id == catalog.id, Item.sku == sku, Item.deleted_at.is_(None))
    item_id = session.scalar(select(Item.id).where(*named))
    if item_id is None:
        raise NotFoundError("item", sku)
    dropped = _bury_items(session, [item_id], shop_words)
    return [key for sha256 in dropped for key in photo_keys(sha256)]


def prune_catalog(
    session: Session, catalog_name: str, job_id: UUID, shop_words: ShopWords | None = None
) -> list[str]:
    """Delete the catalog's items that this ingest did not name; returns their skus.

    What a later ingest named stays. Raises ConflictError when the job is not of this catalog.
    """
    hold_generations(session)
    catalog = lock_catalog(session, catalog_name)
    job = get_job(session, job_id)
    if job.catalog_id != catalog.id:
        raise ConflictError(f"job {job_id} did not ingest into {catalog_name}")
    named_later = select(Job.id).where(Job.id == Item.seen_by_job, Job.created_at > job.created_at)
    rows = session.execute(
        select(Item.id, Item.sku)
        .where(
            Item.catalog_id == catalog.id,
            Item.deleted_at.is_(None),
            Item.seen_by_job.is_distinct_from(job_id),
            ~named_later.exists(),
        )
        .order_by(Item.id)
    ).all()
    _bury_items(session, [item_id for item_id, _ in rows], shop_words)
    return [sku for _, sku in rows]


def mark_seen(session: Session, catalog_name: str, skus: Collection[str], job_id: UUID) -> int:
    """Note that an ingest named these skus though it can't send them; returns how many are known.

    A row that was refused must not cost the shop its item in the prune.
    """
    return _note_seen(session, lock_catalog(session, catalog_name).id, skus, job_id)


def pending_photo_ids(session: Session, catalog_name: str, skus: Collection[str]) -> list[int]:
    """Photos of these items that wait to be indexed and were not enqueued yet."""
    query = (
        select(Photo.id)
        .join(ItemPhoto, ItemPhoto.photo_id == Photo.id)
        .join(Item, Item.id == ItemPhoto.item_id)
        .join(Catalog, Catalog.id == Item.catalog_id)
        .where(
            Catalog.name == catalog_name.strip(),
            Item.sku.in_(skus),
            Photo.state == PhotoState.PENDING,
            Photo.claimed_at.is_(None),
        )
    )
    return list(session.scalars(query.distinct().order_by(Photo.id)))


def _plan_with_locks(
    session: Session, catalog_id: int, checked: Sequence[ItemRow | ItemResult]
) -> UpsertPlan:
    """Plan, lock what the plan touches, and plan again if a photo vanished before the lock."""
    rows = [row for row in checked if isinstance(row, ItemRow)]
    stored = _load_items(session, catalog_id, [row.sku for row in rows])
    photos = _find_photos(session, rows)
    plan = plan_upsert(checked, stored, photos)
    locked = set(lock_photos(session, plan.touched))
    if not plan.touched <= locked:
        photos = {sha256: found for sha256, found in photos.items() if found in locked}
        plan = plan_upsert(checked, stored, photos)
    changed = [stored[row.sku].id for row in plan.written if row.sku in stored]
    lock_items(session, changed, plan.touched)
    return plan


def _find_photos(session: Session, rows: Sequence[ItemRow]) -> dict[str, int]:
    hashes = {sha256 for row in rows for sha256 in row.photos or ()}
    query = select(Photo.sha256, Photo.id).where(Photo.sha256.in_(hashes))
    return dict(session.execute(query).all())


def _load_items(session: Session, catalog_id: int, skus: Collection[str]) -> dict[str, StoredItem]:
    items = session.scalars(
        select(Item)
        .where(Item.catalog_id == catalog_id, Item.sku.in_(skus))
        .execution_options(populate_existing=True)
    ).all()
    photo_ids: dict[int, list[int]] = defaultdict(list)
    links = (
        select(ItemPhoto.item_id, ItemPhoto.photo_id)
        .where(ItemPhoto.item_id.in_([item.id for item in items]))
        .order_by(ItemPhoto.item_id, ItemPhoto.position)
    )
    for item_id, photo_id in session.execute(links):
        photo_ids[item_id].append(photo_id)
    words = ItemRow.model_fields.keys() - {"sku", "photos"}
    return {
        item.sku: StoredItem(
            item.id,
            item.deleted_at is not None,
            {name: getattr(item, name) for name in words},
            tuple(photo_ids[item.id]),
        )
        for item in items
    }


def _write_items(
    session: Session, catalog_id: int, rows: Sequence[ItemRow], job_id: UUID | None
) -> None:
    """Insert the new and overwrite the known in one statement."""
    if not rows:
        return
    statement = insert(Item).values(
        [
            {"catalog_id": catalog_id, "sku": row.sku, "seen_by_job": job_id, **row.words()}
            for row in sorted(rows, key=lambda row: row.sku)
        ]
    )
    new = {name: statement.excluded[name] for name in rows[0].words()}
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[Item.catalog_id, Item.sku],
            set_={
                **new,
                "version": Item.version + 1,
                "updated_at": func.now(),
                "deleted_at": None,
            },
        ),
        execution_options={"synchronize_session": False},
    )


def _write_links(session: Session, catalog_id: int, links: Mapping[str, Sequence[int]]) -> None:
    if not links:
        return
    ids = dict(
        session.execute(
            select(Item.sku, Item.id).where(Item.catalog_id == catalog_id, Item.sku.in_(links))
        ).all()
    )
    session.execute(delete(ItemPhoto).where(ItemPhoto.item_id.in_(ids.values())))
    # What has photos is summarised anew with their roles; what has none left shows no garment.
    emptied = [ids[sku] for sku, photo_ids in links.items() if not photo_ids]
    if emptied:
        session.execute(delete(ItemSummary).where(ItemSummary.item_id.in_(emptied)))
    rows = [
        {"item_id": ids[sku], "photo_id": photo_id, "position": position}
        for sku, photo_ids in links.items()
        for position, photo_id in enumerate(photo_ids)
    ]
    if rows:
        session.execute(insert(ItemPhoto).values(rows))


def _follow_up(session: Session, plan: UpsertPlan, shop_words: ShopWords | None) -> list[str]:
    """After items and links are written: drop photos, decide roles, tell the index."""
    session.expire_all()
    dropped = drop_unshown(session, plan.unlinked)
    assign_roles(session, plan.roles_of, shop_words)
    _mark_photos_dirty(session, plan.dirty)
    return dropped


def _bury_items(
    session: Session, item_ids: Sequence[int], shop_words: ShopWords | None = None
) -> list[str]:
    """Turn items into tombstones; returns the SHA-256 of photos that went with them."""
    shown = set(session.scalars(select(ItemPhoto.photo_id).where(ItemPhoto.item_id.in_(item_ids))))
    lock_photos(session, shown)
    lock_items(session, item_ids, shown)
    _write_tombstones(session, item_ids)
    plan = UpsertPlan(unlinked=shown, roles_of=shown, dirty=shown)
    return _follow_up(session, plan, shop_words)


def _write_tombstones(session: Session, item_ids: Sequence[int]) -> None:
    """The sku stays, so that a later feed revives the row; what the shop said about it goes."""
    quietly = {"synchronize_session": False}
    session.execute(
        delete(ItemPhoto).where(ItemPhoto.item_id.in_(item_ids)), execution_options=quietly
    )
    session.execute(
        update(Item)
        .where(Item.id.in_(item_ids))
        .values(
            title="",
            description="",
            brand=None,
            category=None,
            price=None,
            currency=None,
            stock=None,
            url=None,
            attributes={},
            version=Item.version + 1,
            updated_at=func.now(),
            deleted_at=func.now(),
        ),
        execution_options=quietly,
    )


def _mark_photos_dirty(session: Session, photo_ids: Collection[int]) -> None:
    if photo_ids:
        garments = session.scalars(select(Garment.id).where(Garment.photo_id.in_(photo_ids)))
        mark_dirty(session, garments.all())


def _note_seen(
    session: Session, catalog_id: int, skus: Collection[str | None], job_id: UUID
) -> int:
    """Locked by id like every other write to items."""
    mine = (
        select(Item.id)
        .where(
            Item.catalog_id == catalog_id,
            Item.sku.in_([sku for sku in skus if sku is not None]),
            Item.deleted_at.is_(None),
        )
        .order_by(Item.id)
        .with_for_update(key_share=True)
    )
    ids = session.scalars(mine).all()
    session.execute(
        update(Item)
        .where(Item.id.in_(ids), or_(Item.seen_by_job.is_(None), Item.seen_by_job != job_id))
        .values(seen_by_job=job_id),
        execution_options={"synchronize_session": False},
    )
    return len(ids)
