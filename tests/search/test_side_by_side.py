"""What two generations find for the most viewed items, and the gate before a switch."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from catalog import operations
from catalog.errors import ConflictError, InputError
from catalog.jobs import finish_job, start_job
from catalog.search.gate import check_report, find_objections, judge
from catalog.search.generations import active_generation, building_generation
from catalog.search.side_by_side import (
    changed_share,
    compare,
    compare_items,
    items_of,
    most_viewed,
    summarise,
)
from catalog.search.similar import find_similar, find_similar_to_item
from catalog.tables import Generation, Job, JobKind, JobState, ReindexKind
from catalog.views import count_view
from tests.search.conftest import Shop
from tests.search.test_generations import begin, fill

GOOD: dict[str, Any] = {
    "old_count": 10,
    "new_count": 10,
    "sampled": 10,
    "self_match": 1.0,
    "changed_items": 0.3,
    "compared_items": 10,
}


@pytest.fixture
def turned(shop: Shop, generation: Generation) -> tuple[dict[str, int], Generation]:
    """Items a, b, c, d; to the active index b is like a, to the one being built c is."""
    ids = {}
    old = {"a": [1, 0, 0, 0], "b": [1, 0.1, 0, 0], "c": [0, 1, 0, 0], "d": [0, 0, 1, 0]}
    new = {"a": [1, 0, 0, 0], "b": [0, 1, 0, 0], "c": [1, 0.1, 0, 0], "d": [0, 0, 1, 0]}
    garments = {}
    for sku, vector in old.items():
        ids[sku], garments[sku] = shop.sell(vector, sku)
    shop.sync()
    building = begin(shop, ReindexKind.CROPS, embedder_id="emb-2")
    for sku, vector in new.items():
        shop.embed(garments[sku], vector, "emb-2")
    fill(shop, building)
    with shop.sessions.begin() as session:
        job = start_job(session, JobKind.REINDEX, parameters={"kind": "crops"})
        job.generation_id = building.id
        finish_job(session, job.id, JobState.DONE)
    return ids, building


Turned = tuple[dict[str, int], Generation]


def pair(session: Session) -> tuple[Generation, Generation]:
    active, building = active_generation(session), building_generation(session)
    assert active is not None
    assert building is not None
    return active, building


def test_a_search_can_ask_a_given_generation(shop: Shop, turned: Turned) -> None:
    ids, _ = turned
    with shop.sessions() as session:
        active, building = pair(session)
        for generation, nearest in ((None, "b"), (active, "b"), (building, "c")):
            found = find_similar_to_item(
                session, shop.index, ids["a"], limit=1, generation=generation
            )
            assert [hit.item.sku for hit in found] == [nearest]
            garment = find_similar_to_item(session, shop.index, ids["b"], limit=9)
            of_a = next(hit.garment.id for hit in garment if hit.item.sku == "a")
            found = find_similar(session, shop.index, of_a, limit=1, generation=generation)
            assert [hit.item.sku for hit in found] == [nearest]


def test_the_most_viewed_come_first_then_the_newest(shop: Shop, turned: Turned) -> None:
    ids, _ = turned
    with shop.sessions.begin() as session:
        for sku in ("b", "b", "a"):
            count_view(session, ids[sku])
        active, _ = pair(session)
        chosen = most_viewed(session, active, 3)
    assert chosen == [(ids["b"], 2), (ids["a"], 1), (ids["d"], 0)]


def test_changed_neighbours_are_counted(shop: Shop, turned: Turned) -> None:
    ids, _ = turned
    with shop.sessions() as session:
        active, building = pair(session)
        compared = {
            each.item_id: each
            for each in compare_items(session, shop.index, active, building, each=1)
        }
    a = compared[ids["a"]]
    assert [hit.item_id for hit in (*a.old, *a.new)] == [ids["b"], ids["c"]]
    assert a.changed == 1.0
    same = [each.changed for each in compare_whole(shop).values()]
    assert same == [0.0] * 4  # of three others all three are always found


def compare_whole(shop: Shop) -> dict[int, Any]:
    with shop.sessions() as session:
        active, building = pair(session)
        compared = compare_items(session, shop.index, active, building)
        return {each.item_id: each for each in compared}


@pytest.mark.parametrize(
    ("old", "new", "share"),
    [
        ([1, 2, 3, 4], [4, 3, 2, 1], 0.0),
        ([1, 2, 3, 4], [1, 2, 5, 6], 0.5),
        ([1, 2], [], 1.0),
        ([], [1], 1.0),
        ([1, 2, 3, 4], [1, 2], 0.5),
        ([], [], None),
    ],
)
def test_a_changed_share(old: list[int], new: list[int], share: float | None) -> None:
    assert changed_share(old, new) == share


def test_a_comparison_is_kept_and_replaced(shop: Shop, turned: Turned) -> None:
    with shop.sessions.begin() as session:
        active, building = pair(session)
        kept = compare(session, shop.index, active, building)
        assert (kept.report["self_match"], kept.report["compared_items"]) == (1.0, 4)
        assert kept.report["spread"] == [4, 0, 0, 0, 0]
        assert len(items_of(kept)) == 4
        assert len(items_of(kept, 2)) == 2
        shop.index.delete(building.collection, [hit.garment_id for hit in items_of(kept)[0].new])
        again = compare(session, shop.index, active, building)
        assert again.compared_at >= kept.compared_at
        assert again.report["changed_items"] > 0


def test_of_nothing_there_is_no_mean() -> None:
    assert summarise([]) == {"compared_items": 0, "changed_items": None, "spread": [0] * 5}


@pytest.mark.parametrize(
    ("worse", "limit", "objection"),
    [
        ({}, None, None),
        ({}, 0.3, None),
        ({}, 0.29, "30% of neighbours changed, at most 29% may"),
        ({"changed_items": None}, 0.5, "could be compared"),
        ({"changed_items": None}, None, None),
        ({"self_match": 0.97}, None, "find themselves"),
        ({"new_count": 7}, None, "7 garments where the old index has 10"),
        ({"sampled": 0}, None, "no garment could be compared"),
    ],
)
def test_the_gate(worse: dict[str, Any], limit: float | None, objection: str | None) -> None:
    objections = find_objections(GOOD | worse, limit)
    assert (objections == []) if objection is None else (objection in objections[0])
    assert [check.passed for check in check_report(GOOD | worse, limit)].count(False) == len(
        objections
    )


def test_a_gate_that_holds_lets_the_new_index_serve(shop: Shop, turned: Turned) -> None:
    with shop.sessions() as session:
        assert [check.passed for check in judge(session, turned[1]).checks] == [True, False]
        operations.activate_building(session, shop.index, by="ada@example.com")
        (job,) = session.query(Job)
        (line,) = job.log
        assert line.message.startswith("switched by ada@example.com: ")
        operations.roll_back_generation(session, shop.index)
        session.refresh(job)
        assert "rolled back" in job.log[-1].message


def test_against_the_gate_a_switch_needs_a_reason_that_is_logged(
    shop: Shop, turned: Turned
) -> None:
    with shop.sessions() as session:
        _, building = pair(session)
        operations.compare_again(session, shop.index)
        garments = [hit.garment_id for hit in items_of(judge(session, building).comparison)[0].new]  # type: ignore[arg-type]
        shop.index.delete(building.collection, garments)
        operations.compare_again(session, shop.index)
        with pytest.raises(ConflictError, match="garments find themselves"):
            operations.activate_building(session, shop.index)
        session.rollback()
        operations.activate_building(session, shop.index, anyway="a test", by="the test")
        (job,) = session.query(Job)
        assert job.log[-1].level == "warning"
        assert "although the gate does not hold" in job.log[-1].message
        assert job.log[-1].message.endswith("because: a test")


def test_the_limit_of_a_waiting_index_can_be_changed(shop: Shop, turned: Turned) -> None:
    with shop.sessions() as session:
        _, building = pair(session)
        operations.compare_again(session, shop.index)
        operations.set_max_changed(session, 0.0)
        assert "at most 0% of neighbours" in judge(session, building).checks[-1].question
        operations.set_max_changed(session, None)
        assert "no limit is set" in judge(session, building).checks[-1].found
        with pytest.raises(InputError):
            operations.set_max_changed(session, 1.5)


def test_without_a_waiting_index_there_is_nothing_to_compare(shop: Shop) -> None:
    with shop.sessions() as session:
        with pytest.raises(ConflictError):
            operations.compare_again(session, shop.index)
        with pytest.raises(ConflictError):
            operations.set_max_changed(session, 0.5)
