"""What the sync of the outbox promises, on real Postgres."""

import threading
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session, sessionmaker

from catalog.errors import IndexUnavailableError
from catalog.search.index import Point, VectorIndex, make_index
from catalog.search.outbox import mark_deleted, mark_dirty
from catalog.search.sync import sync_index
from catalog.settings import load_settings
from catalog.tables import EntryState, Garment, Generation, Item
from stack.processes import free_port
from tests.search.conftest import Shop


def test_dirty_garments_are_sent_with_all_they_are_filtered_by(
    shop: Shop, generation: Generation
) -> None:
    summer = shop.add_item("a", catalog="summer", brand="Zed", price="9.50", stock=0)
    spring = shop.add_item("b", brand=None, price=None, stock=None)
    photo = shop.add_photo(summer, spring)
    garment = shop.add_garment(photo, [1, 0, 0, 0])
    report = sync_index(shop.sessions, shop.index)
    assert (report.sent, report.deleted) == (1, 0)
    point = shop.index.retrieve(generation.collection, [garment], vectors=True)[garment]
    assert point.payload == {
        "category": "dress",
        "role": "sold",
        "items": [summer, spring],
        "catalogs": ["spring", "summer"],
        "brands": ["Zed"],
        "prices": [9.5],
        "in_stock": "yes",
        "colours": ["red"],
        "photo": photo,
        "v": 1,
    }
    assert list(point.vector) == [1, 0, 0, 0]
    assert shop.states(generation) == {garment: EntryState.CLEAN}


def test_a_second_sync_has_nothing_to_do(shop: Shop) -> None:
    shop.sell([1, 0, 0, 0])
    shop.sync()
    again = sync_index(shop.sessions, shop.index)
    assert (again.sent, again.deleted, again.recreated) == (0, 0, [])


def test_a_sync_that_runs_out_of_time_stops_after_a_batch_and_says_so(
    shop: Shop, generation: Generation
) -> None:
    photo = shop.add_photo(shop.add_item("a"))
    garments = {shop.add_garment(photo, [1, step, 0, 0]) for step in range(5)}
    report = sync_index(shop.sessions, shop.index, batch=3, limit_s=0)
    assert (report.sent, report.stopped) == (3, True)
    report = sync_index(shop.sessions, shop.index, batch=3)
    assert (report.sent, report.stopped) == (2, False)
    assert shop.indexed(generation) == garments


def test_more_garments_than_a_batch_are_all_sent(shop: Shop, generation: Generation) -> None:
    photo = shop.add_photo(shop.add_item("a"))
    garments = {shop.add_garment(photo, [1, step, 0, 0]) for step in range(7)}
    assert sync_index(shop.sessions, shop.index, batch=3).sent == 7
    assert shop.indexed(generation) == garments


def test_deleted_garments_leave_index_and_outbox(shop: Shop, generation: Generation) -> None:
    _, stays = shop.sell([1, 0, 0, 0])
    _, goes = shop.sell([0, 1, 0, 0])
    shop.sync()
    with shop.sessions.begin() as session:
        mark_deleted(session, [goes])
        session.execute(delete(Garment).where(Garment.id == goes))
    assert sync_index(shop.sessions, shop.index).deleted == 1
    assert shop.indexed(generation) == {stays}
    assert shop.states(generation) == {stays: EntryState.CLEAN}


@pytest.mark.parametrize("change", ["excluded", "item deleted"])
def test_a_garment_that_no_longer_belongs_is_taken_out_and_can_come_back(
    shop: Shop, generation: Generation, change: str
) -> None:
    item, garment = shop.sell([1, 0, 0, 0])
    shop.sync()

    def set_gone(gone: bool) -> None:
        with shop.sessions.begin() as session:
            if change == "excluded":
                session.execute(update(Garment).values(excluded=gone))
            else:
                deleted_at = datetime.now(UTC) if gone else None
                session.execute(update(Item).where(Item.id == item).values(deleted_at=deleted_at))
            mark_dirty(session, [garment])

    set_gone(True)
    shop.sync()
    assert (shop.indexed(generation), shop.states(generation)) == (set(), {})
    set_gone(False)
    shop.sync()
    assert shop.indexed(generation) == {garment}


def test_with_the_index_down_nothing_is_lost(shop: Shop, generation: Generation) -> None:
    _, garment = shop.sell([1, 0, 0, 0])
    nobody = make_index(load_settings({}, qdrant_url=f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(IndexUnavailableError):
        sync_index(shop.sessions, nobody)
    nobody.close()
    assert shop.states(generation) == {garment: EntryState.DIRTY}
    shop.sync()
    assert shop.indexed(generation) == {garment}


def test_a_collection_that_vanished_is_filled_again(shop: Shop, generation: Generation) -> None:
    garments = {shop.sell([1, step, 0, 0])[1] for step in range(3)}
    shop.sync()
    shop.index.drop_collection(generation.collection)
    report = sync_index(shop.sessions, shop.index)
    assert report.recreated == [generation.collection]
    assert shop.indexed(generation) == garments
    assert shop.index.alias_target("garments") == generation.collection


class MeddlingIndex(VectorIndex):
    """Does something else just before it takes the points, as another process might."""

    def __init__(self, index: VectorIndex, meddle: "Meddle") -> None:
        super().__init__(index._client)
        self._meddle: Meddle | None = meddle

    def upsert(self, name: str, points: Sequence[Point]) -> None:
        meddle, self._meddle = self._meddle, None
        if meddle is not None:
            meddle()
        super().upsert(name, points)


class Meddle:
    def __init__(self, shop: Shop, garment: uuid.UUID, brand: str) -> None:
        self.shop, self.garment, self.brand = shop, garment, brand

    def __call__(self) -> None:
        with self.shop.sessions.begin() as session:
            session.execute(update(Item).values(brand=self.brand))
            mark_dirty(session, [self.garment])


def test_what_changes_while_it_is_being_sent_is_sent_again(
    shop: Shop, generation: Generation
) -> None:
    _, garment = shop.sell([1, 0, 0, 0])
    index = MeddlingIndex(shop.index, Meddle(shop, garment, "New"))
    assert sync_index(shop.sessions, index).sent == 2
    payload = shop.index.retrieve(generation.collection, [garment])[garment].payload
    assert (payload["brands"], payload["v"]) == (["New"], 2)
    assert shop.states(generation) == {garment: EntryState.CLEAN}


def test_a_collection_that_vanishes_while_it_is_written_is_filled_again(
    shop: Shop, generation: Generation
) -> None:
    _, first = shop.sell([1, 0, 0, 0])
    shop.sync()
    _, second = shop.sell([0, 1, 0, 0])

    class Dropping(MeddlingIndex):
        def __init__(self) -> None:
            super().__init__(shop.index, lambda: shop.index.drop_collection(generation.collection))  # type: ignore[arg-type]

    report = sync_index(shop.sessions, Dropping())
    assert report.recreated == [generation.collection]
    assert shop.indexed(generation) == {first, second}


def test_marking_is_idempotent_and_ignores_garments_without_a_vector(
    shop: Shop, sessions: sessionmaker[Session], generation: Generation
) -> None:
    photo = shop.add_photo(shop.add_item("a"))
    other = shop.add_garment(photo, [1, 0, 0, 0], embedder="emb-9")
    mine = shop.add_garment(photo, [1, 0, 0, 0])
    with sessions.begin() as session:
        mark_dirty(session, [mine, mine, other, uuid.uuid4()])
        mark_dirty(session, [])
        mark_deleted(session, [uuid.uuid4()])
    assert shop.states(generation) == {mine: EntryState.DIRTY}


def test_many_syncs_at_once_send_everything_once(
    shop: Shop, generation: Generation, edge_server: "object"
) -> None:
    index = make_index(load_settings({}, qdrant_url=edge_server.url))  # type: ignore[attr-defined]
    photo = shop.add_photo(shop.add_item("a"))
    garments = {shop.add_garment(photo, [1, step, 0, 0]) for step in range(20)}
    reports = []
    threads = [
        threading.Thread(target=lambda: reports.append(sync_index(shop.sessions, index, 3)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.sent for report in reports) == 20
    assert {garment for garment, _ in index.scroll_ids(generation.collection)} == garments
    index.drop_collection(generation.collection)
    index.close()
