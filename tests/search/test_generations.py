"""What generations of the index promise, on real Postgres."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session, sessionmaker

from catalog import items
from catalog.errors import ConflictError
from catalog.search.generations import (
    activate,
    active_generation,
    begin_reindex,
    building_generation,
    cancel_building,
    compare_generations,
    drop_retired,
    ensure_generation,
    fill_from_vectors,
    find_missing_vectors,
    is_behind,
    retired_generation,
    roll_back,
)
from catalog.search.index import VectorIndex, make_index
from catalog.search.outbox import mark_deleted, mark_dirty
from catalog.settings import load_settings
from catalog.tables import Catalog, Embedding, Garment, Generation, Item, ReindexKind
from stack.processes import free_port
from tests.search.conftest import DIMENSIONS, EMBEDDER, SEGMENTER, Shop


def begin(shop: Shop, kind: ReindexKind = ReindexKind.VECTORS, **other: str) -> Generation:
    pair = {"segmenter_id": SEGMENTER, "embedder_id": EMBEDDER} | other
    with shop.sessions.begin() as session:
        building = begin_reindex(session, shop.index, kind, dimensions=DIMENSIONS, **pair)
        session.flush()
        session.expunge(building)
        return building


def fill(shop: Shop, generation: Generation) -> int:
    with shop.sessions.begin() as session:
        added = fill_from_vectors(session, generation)
    shop.sync()
    return added


def switch(shop: Shop, generation: Generation) -> None:
    with shop.sessions.begin() as session:
        activate(session, shop.index, session.get_one(Generation, generation.id))


def cancel(shop: Shop, generation: Generation) -> None:
    with shop.sessions.begin() as session:
        cancel_building(session, shop.index, generation)


def active_collection(shop: Shop) -> str:
    with shop.sessions() as session:
        active = active_generation(session)
        assert active is not None
        return active.collection


def test_workers_that_start_at_once_make_one_generation(
    sessions: sessionmaker[Session], memory_index: VectorIndex
) -> None:
    made: list[str] = []
    barrier = threading.Barrier(6)

    def start() -> None:
        with sessions() as session:
            barrier.wait()
            made.append(
                ensure_generation(session, memory_index, "seg", "emb", DIMENSIONS).collection
            )

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6
    assert len(set(made)) == 1
    assert memory_index.collections() == made[:1]
    assert memory_index.alias_target("garments") == made[0]


def test_a_first_start_does_not_need_the_index(sessions: sessionmaker[Session]) -> None:
    nobody = make_index(load_settings({}, qdrant_url=f"http://127.0.0.1:{free_port()}"))
    with sessions() as session:
        made = ensure_generation(session, nobody, "seg", "emb", DIMENSIONS)
        found = active_generation(session)
        assert found is not None
        assert found.collection == made.collection
    nobody.close()


def test_a_reindex_from_vectors_fills_compares_and_switches(
    shop: Shop, generation: Generation
) -> None:
    garments = {shop.sell([1, step, 0, 0])[1] for step in range(5)}
    shop.sync()
    building = begin(shop)
    with shop.sessions.begin() as session:
        assert fill_from_vectors(session, building) == 5
        assert is_behind(session, building) == 5
    assert fill(shop, building) == 0
    assert shop.indexed(building) == garments
    with shop.sessions() as session:
        assert is_behind(session, building) == 0
        report = compare_generations(session, shop.index, generation, building)
    assert report == {
        "old_count": 5,
        "new_count": 5,
        "sampled": 5,
        "self_match": 1.0,
        "changed_top": 0.0,
    }
    assert active_collection(shop) == generation.collection
    switch(shop, building)
    assert active_collection(shop) == building.collection
    assert shop.index.alias_target("garments") == building.collection


def test_one_reindex_at_a_time(shop: Shop) -> None:
    begin(shop)
    with pytest.raises(ConflictError, match="under way"):
        begin(shop)


@pytest.mark.parametrize(
    ("kind", "other"),
    [
        (ReindexKind.VECTORS, {"embedder_id": "emb-2"}),
        (ReindexKind.VECTORS, {"segmenter_id": "seg-2"}),
        (ReindexKind.CROPS, {"segmenter_id": "seg-2"}),
    ],
)
def test_a_reindex_that_can_not_yield_the_checkpoints_is_refused(
    shop: Shop, kind: ReindexKind, other: dict[str, str]
) -> None:
    with pytest.raises(ConflictError):
        begin(shop, kind, **other)


def test_a_reindex_needs_something_active(
    sessions: sessionmaker[Session], memory_index: VectorIndex
) -> None:
    with sessions() as session, pytest.raises(ConflictError, match="no active"):
        begin_reindex(session, memory_index, ReindexKind.VECTORS, "seg", "emb", DIMENSIONS)


def test_changes_reach_both_generations_while_one_is_building(
    shop: Shop, generation: Generation
) -> None:
    _, early = shop.sell([1, 0, 0, 0])
    building = begin(shop)
    fill(shop, building)
    _, late = shop.sell([0, 1, 0, 0])
    with shop.sessions.begin() as session:
        mark_deleted(session, [early])
        session.execute(delete(Garment).where(Garment.id == early))
    shop.sync()
    assert shop.indexed(generation) == shop.indexed(building) == {late}


def test_a_new_embedder_is_filled_as_its_vectors_come(shop: Shop, generation: Generation) -> None:
    _, first = shop.sell([1, 0, 0, 0])
    _, second = shop.sell([0, 1, 0, 0])
    building = begin(shop, ReindexKind.CROPS, embedder_id="emb-2")
    assert fill(shop, building) == 0
    with shop.sessions() as session:
        assert set(find_missing_vectors(session, building, 10)) == {first, second}
        assert len(find_missing_vectors(session, building, 1)) == 1
    shop.embed(first, [0, 0, 1, 0], "emb-2")
    shop.sync()
    assert shop.indexed(building) == {first}
    assert shop.indexed(generation) == {first, second}
    with shop.sessions() as session:
        report = compare_generations(session, shop.index, generation, building)
    assert (report["sampled"], report["self_match"], report["changed_top"]) == (1, 1.0, 0.0)


def test_a_comparison_sees_a_collection_that_lost_its_points(
    shop: Shop, generation: Generation
) -> None:
    garments = [shop.sell([1, step, 0, 0])[1] for step in range(4)]
    building = begin(shop)
    fill(shop, building)
    shop.index.delete(building.collection, garments[:2])
    with shop.sessions() as session:
        report = compare_generations(session, shop.index, generation, building)
    assert (report["new_count"], report["self_match"]) == (2, 0.5)


def test_a_rollback_returns_to_the_old_index_with_all_later_changes(
    shop: Shop, generation: Generation
) -> None:
    item, old = shop.sell([1, 0, 0, 0])
    building = begin(shop)
    fill(shop, building)
    switch(shop, building)
    _, late = shop.sell([0, 1, 0, 0])
    with shop.sessions.begin() as session:
        session.execute(update(Item).where(Item.id == item).values(deleted_at=datetime.now(UTC)))
        mark_dirty(session, [old])
    shop.sync()
    with shop.sessions.begin() as session:
        assert roll_back(session, shop.index).collection == generation.collection
    assert active_collection(shop) == generation.collection
    assert shop.index.alias_target("garments") == generation.collection
    assert shop.indexed(generation) == {late}
    with shop.sessions.begin() as session:
        assert roll_back(session, shop.index).collection == building.collection


def test_without_an_earlier_index_there_is_no_rollback(shop: Shop) -> None:
    with shop.sessions() as session, pytest.raises(ConflictError):
        roll_back(session, shop.index)


def test_only_a_building_generation_can_be_activated(shop: Shop, generation: Generation) -> None:
    with pytest.raises(ConflictError):
        switch(shop, generation)


def test_a_cancelled_reindex_leaves_nothing_behind(shop: Shop, generation: Generation) -> None:
    shop.sell([1, 0, 0, 0])
    building = begin(shop)
    fill(shop, building)
    cancel(shop, building)
    shop.sync()
    assert shop.index.collections() == [generation.collection]
    assert shop.states(building) == {}
    with shop.sessions() as session:
        assert building_generation(session) is None
    begin(shop)


def test_a_switch_that_is_not_committed_is_undone_by_the_next_sync(
    shop: Shop, generation: Generation
) -> None:
    building = begin(shop)
    shop.sync()
    with shop.sessions() as session:
        activate(session, shop.index, session.get_one(Generation, building.id))
        session.rollback()
    shop.sync()
    assert active_collection(shop) == generation.collection
    assert shop.index.alias_target("garments") == generation.collection


def test_only_a_building_generation_can_be_cancelled(shop: Shop, generation: Generation) -> None:
    building = begin(shop)
    with pytest.raises(ConflictError):
        cancel(shop, generation)
    cancel(shop, building)
    with pytest.raises(ConflictError):
        cancel(shop, building)


def test_a_cancel_that_waited_for_the_switch_drops_nothing(
    shop: Shop, generation: Generation
) -> None:
    shop.sell([1, 0, 0, 0])
    building = begin(shop)
    fill(shop, building)
    refused: list[ConflictError] = []

    def try_cancel() -> None:
        try:
            cancel(shop, building)
        except ConflictError as error:
            refused.append(error)

    with shop.sessions.begin() as session:
        activate(session, shop.index, session.get_one(Generation, building.id))
        waiting = threading.Thread(target=try_cancel)
        waiting.start()
        waiting.join(1)
        assert waiting.is_alive(), "it must wait until the switch is committed"
    waiting.join()
    assert refused
    assert active_collection(shop) == building.collection
    assert set(shop.index.collections()) == {generation.collection, building.collection}


def test_a_drop_waits_for_a_feed_before_it_locks_anything(
    shop: Shop, generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sell([1, 0, 0, 0], sku="A1")
    building = begin(shop)
    fill(shop, building)
    waiting = threading.Thread(target=cancel, args=(shop, building))
    lock_items = items.lock_items

    def start_drop(*given: Any) -> None:
        waiting.start()
        waiting.join(1)
        assert waiting.is_alive(), "the feed holds the generations from its first step"
        lock_items(*given)

    with shop.sessions.begin() as session:
        name = session.scalars(select(Catalog.name)).one()
        monkeypatch.setattr(items, "lock_items", start_drop)
        items.delete_item(session, name, "A1")
    waiting.join()
    shop.sync()
    assert shop.states(building) == shop.states(generation) == {}
    assert shop.index.collections() == [generation.collection]


def test_two_switches_at_once_leave_one_active(shop: Shop) -> None:
    building = begin(shop)
    shop.sync()
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def try_switch() -> None:
        barrier.wait()
        try:
            switch(shop, building)
            outcomes.append("switched")
        except ConflictError:
            outcomes.append("refused")

    threads = [threading.Thread(target=try_switch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "switched"]
    assert active_collection(shop) == building.collection


def test_all_but_the_newest_retired_are_dropped_with_what_only_they_used(
    shop: Shop, generation: Generation
) -> None:
    _, garment = shop.sell([1, 0, 0, 0])
    for embedder in ("emb-2", "emb-3"):
        building = begin(shop, ReindexKind.CROPS, embedder_id=embedder)
        shop.embed(garment, [0, 1, 0, 0], embedder)
        fill(shop, building)
        switch(shop, building)
    with shop.sessions.begin() as session:
        assert drop_retired(session, shop.index) == 1
    with shop.sessions() as session:
        kept = retired_generation(session)
        assert kept is not None
        assert kept.embedder == "emb-2"
        assert set(session.scalars(select(Embedding.embedder))) == {"emb-2", "emb-3"}
        assert session.scalar(select(func.count()).select_from(Garment)) == 1
    assert generation.collection not in shop.index.collections()
    assert len(shop.index.collections()) == 2
