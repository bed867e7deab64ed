"""Feeds into a catalog, on real Postgres."""

import threading
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from catalog.errors import InputError
from catalog.items import ItemRow, delete_item, pending_photo_ids, upsert_items
from catalog.jobs import start_job
from catalog.roles import assign_roles
from catalog.tables import EntryState, Garment, Generation, Item, JobKind, PhotoState, Role
from tests.catalog.conftest import AddGarments, AddPhotos, entries, sha_of
from tests.catalog.feeds import SHOP, clean_entries, item, row, shown_by, upsert
from tests.statements import counted_statements


def test_new_items_are_created_with_their_photos_in_order(
    session: Session, add_photos: AddPhotos
) -> None:
    add_photos("front", "back")
    assert upsert(session, row("a", "back", "front", price="9.99", stock=3)) == ["created"]
    assert shown_by(session, "a") == [sha_of("back"), sha_of("front")]
    found = item(session, "a")
    assert (found.price, found.stock, found.version) == (Decimal("9.99"), 3, 1)


def test_the_same_feed_again_changes_nothing(session: Session, add_photos: AddPhotos) -> None:
    add_photos("front")
    feed = row("a", "front", price=9.5, brand=" Ace ", attributes={"fit": ["slim"]})
    upsert(session, feed)
    before = item(session, "a")
    version, updated_at = before.version, before.updated_at
    assert upsert(session, feed) == ["unchanged"]
    assert (item(session, "a").version, item(session, "a").updated_at) == (version, updated_at)


def test_changed_words_leave_the_photos_alone(session: Session, add_photos: AddPhotos) -> None:
    add_photos("front")
    upsert(session, row("a", "front"))
    changed = {"sku": "a", "title": "New title", "photos": None}
    assert upsert(session, changed) == ["updated"]
    assert (item(session, "a").title, item(session, "a").version) == ("New title", 2)
    assert shown_by(session, "a") == [sha_of("front")]


def test_photos_can_be_reordered(session: Session, add_photos: AddPhotos) -> None:
    add_photos("1", "2", "3")
    upsert(session, row("a", "1", "2"))
    assert upsert(session, row("a", "3", "1")) == ["updated"]
    assert shown_by(session, "a") == [sha_of("3"), sha_of("1")]


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"price": -1}, "price"),
        ({"price": "NaN"}, "price"),
        ({"price": "1e12"}, "price"),
        ({"stock": -2}, "stock"),
        ({"stock": 2**40}, "stock"),
        ({"currency": "euros"}, "currency"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"title": "a\x00b"}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"title": 7}, "title"),
        ({"sku": ""}, "sku"),
        ({"sku": None}, "sku"),
        ({"attributes": {"a": "\x00"}}, "attributes"),
        ({"attributes": {"a": "\ud800"}}, "attributes"),
        ({"attributes": {"a": float("nan")}}, "attributes"),
        ({"photos": ["../../etc/passwd"]}, "photos"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_row_fails_alone_and_names_its_field(
    session: Session, bad: dict[str, Any], field: str
) -> None:
    rows = [row("a"), row("b") | bad, row("c")]
    results = upsert_items(session, SHOP, rows)
    session.commit()
    assert [result.status for result in results] == ["created", "failed", "created"]
    assert field in (results[1].reason or "")
    assert field in (results[1].remedy or "")
    assert list(session.scalars(select(Item.sku).order_by(Item.sku))) == ["a", "c"]


def test_a_row_whose_photo_was_not_uploaded_fails(session: Session, add_photos: AddPhotos) -> None:
    add_photos("front")
    results = upsert_items(session, SHOP, [row("a", "front"), row("b", "front", "back")])
    assert [result.status for result in results] == ["created", "failed"]
    assert results[1].reason == "photo_missing"
    assert sha_of("back") in (results[1].remedy or "")


def test_of_two_rows_with_one_sku_the_second_fails(session: Session) -> None:
    results = upsert_items(session, SHOP, [row("a"), row(" a ", title="Other")])
    assert [(r.status, r.reason) for r in results] == [
        ("created", None),
        ("failed", "duplicate_sku"),
    ]
    session.commit()
    assert item(session, "a").title == "Item a"


def test_the_same_sku_lives_in_two_catalogs(session: Session) -> None:
    upsert_items(session, "one", [row("a")])
    upsert_items(session, "two", [row("a", title="Other")])
    assert session.scalar(select(func.count()).select_from(Item)) == 2
    delete_item(session, "one", "a")
    live = session.scalars(select(Item.title).where(Item.deleted_at.is_(None)))
    assert list(live) == ["Other"]


@pytest.mark.parametrize("name", ["", "a/b", "x" * 101, "tab\t"[:4] + "\x07"])
def test_impossible_catalog_names_are_refused(session: Session, name: str) -> None:
    with pytest.raises(InputError):
        upsert_items(session, name, [row("a")])


def test_a_batch_of_500_takes_a_handful_of_statements(
    session: Session, add_photos: AddPhotos
) -> None:
    names = [str(number) for number in range(500)]
    add_photos(*names)
    feed = [row(name, name, category="T-Shirts") for name in names]
    job = start_job(session, JobKind.INGEST, SHOP).id
    session.commit()
    with counted_statements(session.get_bind()) as first:
        assert set(upsert(session, *feed, job=job)) == {"created"}
    with counted_statements(session.get_bind()) as again:
        assert set(upsert(session, *feed, job=job)) == {"unchanged"}
    changed = [one | {"title": "T-Shirt", "price": 5} for one in feed]
    with counted_statements(session.get_bind()) as third:
        assert set(upsert(session, *changed, job=job)) == {"updated"}
    assert max(len(first), len(third)) <= 25
    assert len(again) <= 12


@pytest.mark.parametrize(
    ("change", "sent"),
    [
        ({"price": 2}, True),
        ({"brand": "Ace"}, True),
        ({"stock": 0}, True),
        ({"stock": 5}, False),
        ({"description": "softer"}, False),
        ({"url": "https://example.com/a"}, False),
    ],
)
def test_only_what_the_index_repeats_is_sent_again(
    session: Session,
    generation: Generation,
    add_photos: AddPhotos,
    add_garments: AddGarments,
    change: dict[str, Any],
    sent: bool,
) -> None:
    (photo,) = add_photos("1")
    base = row("a", "1", price=1, stock=7)
    upsert(session, base)
    (garment,) = add_garments(photo, "dress")
    clean_entries(session)
    assert upsert(session, base | change) == ["updated"]
    assert (entries(session)[garment.id] is EntryState.DIRTY) == sent


def test_a_new_title_decides_anew_what_is_for_sale(
    session: Session, generation: Generation, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    (photo,) = add_photos("1")
    upsert(session, row("a", "1", title="Cotton T-Shirt"))
    garments = add_garments(
        photo, ("t-shirts", (100, 50, 300, 200)), ("pants", (100, 200, 300, 390))
    )
    assign_roles(session, [photo.id])
    session.commit()
    assert [garment.role for garment in garments] == [Role.SOLD, Role.WORN_WITH]
    clean_entries(session)
    upsert(session, row("a", "1", title="Wide Pants"))
    roles = dict(session.execute(select(Garment.category, Garment.role)).all())
    assert roles == {"t-shirts": Role.WORN_WITH, "pants": Role.SOLD}
    assert set(entries(session).values()) == {EntryState.DIRTY}


def test_only_pending_photos_that_were_not_enqueued_are_due(
    session: Session, add_photos: AddPhotos
) -> None:
    waiting, enqueued, done = add_photos("1", "2", "3")
    enqueued.claimed_at = func.now()
    done.state = PhotoState.INDEXED
    upsert(session, row("a", "1", "2"), row("b", "3", "1"))
    assert pending_photo_ids(session, SHOP, ["a", "b"]) == [waiting.id]
    assert pending_photo_ids(session, SHOP, ["b", "unknown"]) == [waiting.id]


def test_writers_of_two_catalogs_that_share_photos_get_along(
    sessions: sessionmaker[Session], add_photos: AddPhotos
) -> None:
    names = [str(number) for number in range(30)]
    add_photos(*names)
    errors: list[Exception] = []

    def write(catalog: str, order: list[str]) -> None:
        try:
            for step in range(6):
                with sessions.begin() as own:
                    mine = order[step:] if step % 2 else order
                    upsert_items(
                        own,
                        catalog,
                        [
                            row(name, name, order[0], title=f"Dress {step}", price=step)
                            for name in mine
                        ],
                    )
        except Exception as error:
            errors.append(error)

    threads = [
        threading.Thread(target=write, args=args)
        for args in (("one", names), ("two", names[::-1]), ("one", names[::-1]))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_rows_can_be_given_parsed(session: Session) -> None:
    (result,) = upsert_items(session, SHOP, [ItemRow(sku="a")])
    assert (result.status, item(session, "a").title) == ("created", "a")
