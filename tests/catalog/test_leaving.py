"""What leaves a catalog, by deletion or by the end of a feed, and what comes back."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.errors import ConflictError, NotFoundError
from catalog.items import delete_item, mark_seen, prune_catalog, upsert_items
from catalog.jobs import start_job
from catalog.photos.discarding import discard_bytes
from catalog.photos.image_store import photo_key
from catalog.services import Services
from catalog.tables import (
    DiscardedPhoto,
    EntryState,
    Garment,
    Generation,
    Item,
    ItemPhoto,
    JobKind,
    Photo,
)
from tests.catalog.conftest import AddGarments, AddPhotos, entries, sha_of
from tests.catalog.feeds import SHOP, clean_entries, item, row, shown_by, upsert


def test_a_photo_shared_by_two_skus_survives_the_end_of_one(
    session: Session, services: Services, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    (photo,) = add_photos("shared")
    services.images.put(photo_key(photo.sha256), b"bytes", "image/jpeg")
    upsert(session, row("a", "shared"), row("b", "shared"))
    add_garments(photo, "dress")
    assert delete_item(session, SHOP, "a") == []
    session.commit()
    assert session.scalar(select(func.count()).select_from(Garment)) == 1
    keys = delete_item(session, SHOP, "b")
    session.commit()
    assert photo_key(sha_of("shared")) in keys
    assert session.scalar(select(func.count()).select_from(Photo)) == 0
    assert discard_bytes(session, services.images) == 1
    assert not services.images.exists(photo_key(sha_of("shared")))


def test_a_photo_that_nobody_shows_any_more_leaves_the_index(
    session: Session, generation: Generation, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    first, second = add_photos("1", "2")
    upsert(session, row("a", "1", "2"))
    (gone,) = add_garments(first, "dress")
    (stays,) = add_garments(second, "dress")
    gone_id, stays_id = gone.id, stays.id
    clean_entries(session)
    upsert(session, row("a", "2"))
    assert entries(session)[gone_id] is EntryState.DELETE
    assert entries(session)[stays_id] is EntryState.DIRTY
    assert list(session.scalars(select(Garment.id))) == [stays_id]
    assert list(session.scalars(select(DiscardedPhoto.sha256))) == [sha_of("1")]


def test_bytes_of_a_photo_that_came_back_are_kept(
    session: Session, services: Services, add_photos: AddPhotos
) -> None:
    add_photos("1")
    upsert(session, row("a", "1"))
    upsert(session, row("a"))
    services.images.put(photo_key(sha_of("1")), b"again", "image/jpeg")
    add_photos("1")
    assert discard_bytes(session, services.images) == 0
    assert services.images.get(photo_key(sha_of("1"))) == b"again"
    assert session.scalar(select(func.count()).select_from(DiscardedPhoto)) == 0


def test_a_deleted_item_leaves_only_its_sku(session: Session, add_photos: AddPhotos) -> None:
    add_photos("1")
    upsert(session, row("a", "1", brand="Ace", price=3, attributes={"x": 1}))
    delete_item(session, SHOP, "a")
    session.commit()
    stone = item(session, "a")
    assert stone.deleted_at is not None
    assert (stone.title, stone.brand, stone.price, stone.attributes) == ("", None, None, {})
    assert session.scalar(select(func.count()).select_from(ItemPhoto)) == 0
    with pytest.raises(NotFoundError):
        delete_item(session, SHOP, "a")
    with pytest.raises(NotFoundError):
        delete_item(session, "elsewhere", "a")


def test_a_deleted_item_comes_back_with_its_feed(session: Session, add_photos: AddPhotos) -> None:
    add_photos("1")
    upsert(session, row("a", "1"))
    before = item(session, "a").id
    delete_item(session, SHOP, "a")
    session.commit()
    add_photos("1")
    assert upsert(session, row("a", "1")) == ["updated"]
    again = item(session, "a")
    assert (again.id, again.deleted_at, again.title) == (before, None, "Item a")
    assert shown_by(session, "a") == [sha_of("1")]


def test_prune_deletes_what_the_feed_no_longer_names_in_that_catalog_only(
    session: Session, add_photos: AddPhotos
) -> None:
    add_photos("1", "2")
    first = start_job(session, JobKind.INGEST, SHOP).id
    session.commit()
    upsert(session, row("a", "1"), row("b", "2"), row("refused"), job=first)
    upsert_items(session, "other", [row("z")])
    session.commit()
    second = start_job(session, JobKind.INGEST, SHOP).id
    session.commit()
    upsert(session, row("b", "2"), row("bad", price=-1), job=second)
    assert mark_seen(session, SHOP, ["refused", "unknown"], second) == 1
    assert prune_catalog(session, SHOP, second) == ["a"]
    session.commit()
    live = session.scalars(select(Item.sku).where(Item.deleted_at.is_(None)).order_by(Item.sku))
    assert list(live) == ["b", "refused", "z"]
    assert list(session.scalars(select(Photo.sha256))) == [sha_of("2")]
    assert prune_catalog(session, SHOP, second) == []


def test_a_row_that_fails_keeps_its_item_from_the_prune(session: Session) -> None:
    upsert(session, row("a"), row("b"))
    job = start_job(session, JobKind.INGEST, SHOP).id
    upsert(session, row("a", price=-1), row("b", "never uploaded"), job=job)
    assert prune_catalog(session, SHOP, job) == []


def test_an_older_ingest_does_not_prune_what_a_newer_one_brought(session: Session) -> None:
    old = start_job(session, JobKind.INGEST, SHOP).id
    session.commit()
    new = start_job(session, JobKind.INGEST, SHOP).id
    session.commit()
    upsert(session, row("fresh"), job=new)
    upsert(session, row("mine"), job=old)
    assert prune_catalog(session, SHOP, old) == []


def test_a_job_prunes_no_other_catalog(session: Session) -> None:
    upsert(session, row("a"))
    job = start_job(session, JobKind.INGEST, "other").id
    with pytest.raises(ConflictError):
        prune_catalog(session, SHOP, job)
