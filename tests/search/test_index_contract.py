"""What a vector index promises, asked of every engine that we can run on.

Qdrant's own memory mode and the Edge server always, a real Qdrant where TEST_QDRANT_URL is set.
"""

import os
import uuid
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy.dialects import postgresql

from catalog.errors import IndexUnavailableError, InputError, NotFoundError
from catalog.search.index import Filters, Point, VectorIndex, make_index, make_memory_index
from catalog.settings import load_settings
from catalog.tables import Float16Vector
from stack.processes import free_port

ENGINES = ["memory", "edge", *(["server"] if "TEST_QDRANT_URL" in os.environ else [])]


@pytest.fixture(params=ENGINES)
def index(request: pytest.FixtureRequest) -> Iterator[VectorIndex]:
    if request.param == "memory":
        index = make_memory_index()
    elif request.param == "edge":
        server = request.getfixturevalue("edge_server")
        index = make_index(load_settings({}, qdrant_url=server.url))
    else:
        index = make_index(load_settings({}, qdrant_url=os.environ["TEST_QDRANT_URL"]))
    yield index
    index.close()


@pytest.fixture
def name(index: VectorIndex) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    index.create_collection(name, 4)
    yield name
    index.drop_collection(name)


def garment(vector: list[float], **payload: object) -> Point:
    default = {
        "category": "dress",
        "role": "sold",
        "items": [1],
        "catalogs": ["spring"],
        "brands": ["Acme"],
        "prices": [10.0],
        "in_stock": "yes",
        "colours": ["red", "blue"],
        "photo": 1,
        "v": 1,
    }
    return Point(uuid.uuid4(), vector, default | payload)


def test_a_stored_vector_finds_its_own_point_first(index: VectorIndex, name: str) -> None:
    vectors = np.random.default_rng(3).normal(size=(50, 4)).astype(np.float32)
    points = [Point(uuid.uuid4(), vector, {"category": "dress"}) for vector in vectors]
    index.upsert(name, points)
    for point in points:
        best = index.query(name, point.vector, limit=1)[0]
        assert best.garment_id == point.id
        assert 0.999 <= best.score <= 1


def test_a_vector_kept_in_half_precision_finds_the_one_it_was_made_of(
    index: VectorIndex,
) -> None:
    exact = np.random.default_rng(5).normal(size=(40, 256)).astype(np.float32)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    points = [Point(uuid.uuid4(), _as_stored(vector), {"items": [1]}) for vector in exact]
    name = f"test_{uuid.uuid4().hex}"
    index.create_collection(name, 256)
    index.upsert(name, points)
    for point, vector in zip(points, exact, strict=True):
        for asked in (vector, point.vector):
            best = index.query(name, asked, limit=1)[0]
            assert best.garment_id == point.id
            assert 0.999 <= best.score <= 1.000001
    index.drop_collection(name)


def _as_stored(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the database gives back for this vector."""
    column, dialect = Float16Vector(), postgresql.dialect()
    stored = column.process_result_value(column.process_bind_param(vector, dialect), dialect)
    assert stored is not None
    assert not np.array_equal(stored, vector)
    return stored


def test_the_nearest_come_first_with_their_cosine(index: VectorIndex, name: str) -> None:
    near, far, opposite = garment([1, 0.1, 0, 0]), garment([0, 1, 0, 0]), garment([-1, 0, 0, 0])
    index.upsert(name, [far, opposite, near])
    hits = index.query(name, [2, 0, 0, 0])
    assert [hit.garment_id for hit in hits] == [near.id, far.id, opposite.id]
    assert [hit.score for hit in hits] == pytest.approx([1 / np.sqrt(1.01), 0, -1], abs=1e-5)
    assert hits[0].payload == near.payload


def test_many_queries_are_answered_like_each_alone(index: VectorIndex, name: str) -> None:
    points = [
        garment([1.0, 0.1 * step, 0, 0], items=[step], prices=[float(step)]) for step in range(6)
    ]
    index.upsert(name, points)
    queries = [
        ([1.0, 0, 0, 0], Filters()),
        ([1.0, 1.0, 0, 0], Filters(price_max=3.0, in_stock=True, exclude_items=[2])),
        ([0, 1.0, 0, 0], Filters(category="shoes")),
    ]
    found = index.query_many(name, queries, limit=3)
    for hits, (vector, filters) in zip(found, queries, strict=True):
        alone = index.query(name, vector, filters, limit=3)
        assert [hit.garment_id for hit in hits] == [hit.garment_id for hit in alone]
        assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in alone])
        assert [hit.payload["items"] for hit in hits] == [hit.payload["items"] for hit in alone]
    assert [hit.payload["items"] for hit in found[1]] == [[3], [1], [0]]
    assert found[2] == []
    assert index.query_many(name, []) == []
    with pytest.raises(InputError):
        index.query_many(name, [([1.0, 0], Filters())])


def test_an_upsert_replaces_vector_and_payload(index: VectorIndex, name: str) -> None:
    old = garment([1, 0, 0, 0], category="bag")
    index.upsert(name, [old])
    index.upsert(name, [Point(old.id, [0, 1, 0, 0], {"category": "hat"})])
    [hit] = index.query(name, [0, 1, 0, 0])
    assert (hit.payload, hit.score) == ({"category": "hat"}, pytest.approx(1))


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(), {0, 1, 2}),
        (Filters(category="hat"), {1}),
        (Filters(role="sold"), {0, 1}),
        (Filters(catalog="autumn"), {1, 2}),
        (Filters(brand="Müller & Söhne"), {2}),
        (Filters(price_min=15), {1, 2}),
        (Filters(price_max=15), {0, 2}),
        (Filters(price_min=15, price_max=25), {1}),
        (Filters(in_stock=True), {0, 1}),
        (Filters(colour="blue"), {0, 1}),
        (Filters(exclude_items=[1, 2]), {2}),
        (Filters(category="hat", exclude_items=[2]), set()),
        (Filters(category="hat", colour="blue", price_min=20, in_stock=True), {1}),
    ],
)
def test_filters_hold_for_each_value_of_a_payload(
    index: VectorIndex, name: str, filters: Filters, found: set[int]
) -> None:
    points = [
        garment([1, 0, 0, 0]),
        garment([0, 1, 0, 0], category="hat", items=[2, 4], catalogs=["autumn"], prices=[20.0]),
        garment(
            [0, 0, 1, 0],
            role="worn_with",
            items=[3],
            catalogs=["spring", "autumn"],
            brands=["Acme", "Müller & Söhne"],
            prices=[5.0, 50.0],
            in_stock="no",
            colours=[],
        ),
    ]
    index.upsert(name, points)
    expected = {points[each].id for each in found}
    assert {hit.garment_id for hit in index.query(name, [1, 1, 1, 0], filters)} == expected
    assert index.count(name, filters) == len(expected)


def test_each_item_is_found_once_by_its_best_garment(index: VectorIndex, name: str) -> None:
    front, back = garment([1, 0, 0, 0], items=[1]), garment([1, 0.5, 0, 0], items=[1])
    shared = garment([1, 1, 0, 0], items=[2, 3])
    index.upsert(name, [back, shared, front])
    hits = index.query_by_item(name, [1, 0, 0, 0], limit=10)
    assert {(hit.item_id, hit.garment_id) for hit in hits} == {
        (1, front.id),
        (2, shared.id),
        (3, shared.id),
    }
    assert hits[0].item_id == 1


def test_one_item_with_many_garments_does_not_hide_the_others(
    index: VectorIndex, name: str
) -> None:
    crowd = [garment([1, 0.001 * step, 0, 0], items=[1]) for step in range(300)]
    others = [garment([1, 1 + step, 0, 0], items=[10 + step]) for step in range(5)]
    index.upsert(name, crowd + others)
    hits = index.query_by_item(name, [1, 0, 0, 0], Filters(category="dress"), limit=6)
    assert [hit.item_id for hit in hits] == [1, 10, 11, 12, 13, 14]


def test_recommended_are_near_the_good_and_far_from_the_bad(index: VectorIndex, name: str) -> None:
    good, bad = garment([1, 0, 0, 0]), garment([0, 1, 0, 0])
    like_good, between = garment([1, -0.2, 0, 0]), garment([1, 1, 0, 0])
    index.upsert(name, [good, bad, like_good, between])
    hits = index.recommend(name, [good.id], [bad.id])
    assert [hit.garment_id for hit in hits] == [like_good.id, between.id]
    assert hits[0].score == pytest.approx(2.2 / np.sqrt(5 * 1.04), abs=1e-5)


def test_facets_count_every_value(index: VectorIndex, name: str) -> None:
    index.upsert(
        name,
        [
            garment([1, 0, 0, 0]),
            garment([0, 1, 0, 0], colours=["blue"]),
            garment([0, 0, 1, 0], category="hat"),
        ],
    )
    assert index.facet(name, "colours") == {"blue": 3, "red": 2}
    assert index.facet(name, "colours", Filters(category="hat")) == {"blue": 1, "red": 1}


def test_deleted_points_are_gone_and_absent_ones_no_error(index: VectorIndex, name: str) -> None:
    stays, goes = garment([1, 0, 0, 0]), garment([0, 1, 0, 0])
    index.upsert(name, [stays, goes])
    index.delete(name, [goes.id, uuid.uuid4()])
    assert [hit.garment_id for hit in index.query(name, [0, 1, 0, 0])] == [stays.id]
    assert set(index.retrieve(name, [stays.id, goes.id])) == {stays.id}


def test_points_are_retrieved_with_their_vectors(index: VectorIndex, name: str) -> None:
    point = garment([3, 4, 0, 0])
    index.upsert(name, [point])
    found = index.retrieve(name, [point.id, uuid.uuid4()], vectors=True)[point.id]
    assert found.payload == point.payload
    np.testing.assert_allclose(found.vector, [0.6, 0.8, 0, 0], atol=1e-6)
    assert len(index.retrieve(name, [point.id])[point.id].vector) == 0


def test_scrolling_names_every_point_once_with_its_version(index: VectorIndex, name: str) -> None:
    points = [garment([1, step, 0, 0], v=step) for step in range(2300)]
    index.upsert(name, points)
    scrolled = list(index.scroll_ids(name))
    assert len(scrolled) == 2300
    assert dict(scrolled) == {point.id: point.payload["v"] for point in points}


def test_an_alias_is_searched_like_its_collection_and_can_move(
    index: VectorIndex, name: str
) -> None:
    other, alias = f"{name}_b", f"{name}_alias"
    index.create_collection(other, 4)
    index.upsert(name, [garment([1, 0, 0, 0])])
    assert index.alias_target(alias) is None
    index.point_to(alias, name)
    assert (index.alias_target(alias), index.count(alias)) == (name, 1)
    index.point_to(alias, other)
    assert (index.alias_target(alias), index.count(alias)) == (other, 0)
    assert alias not in index.collections()
    index.drop_collection(other)
    assert index.alias_target(alias) is None


def test_a_collection_can_be_created_twice_but_not_in_two_sizes(
    index: VectorIndex, name: str
) -> None:
    point = garment([1, 0, 0, 0])
    index.upsert(name, [point])
    index.create_collection(name, 4)
    assert index.count(name) == 1
    with pytest.raises(InputError, match="4 dimensions, not 5"):
        index.create_collection(name, 5)


def test_dropping_what_is_not_there_is_fine(index: VectorIndex, name: str) -> None:
    index.drop_collection(f"{name}_nowhere")
    assert index.find_dimensions(f"{name}_nowhere") is None
    assert index.find_dimensions(name) == 4


def test_a_vector_of_the_wrong_size_is_the_callers_mistake(index: VectorIndex, name: str) -> None:
    with pytest.raises(InputError):
        index.upsert(name, [garment([1, 0])])
    index.upsert(name, [garment([1, 0, 0, 0])])
    with pytest.raises(InputError):
        index.query(name, [1, 0, 0, 0, 0])
    with pytest.raises(InputError):
        index.query(name, [float("nan"), 0, 0, 0])
    assert index.count(name) == 1


def test_unknown_collections_and_points_are_not_found(index: VectorIndex, name: str) -> None:
    nowhere = f"{name}_nowhere"
    for ask in (
        lambda: index.query(nowhere, [1, 0, 0, 0]),
        lambda: index.query_by_item(nowhere, [1, 0, 0, 0]),
        lambda: index.upsert(nowhere, [garment([1, 0, 0, 0])]),
        lambda: index.delete(nowhere, [uuid.uuid4()]),
        lambda: index.count(nowhere),
        lambda: list(index.scroll_ids(nowhere)),
        lambda: index.point_to(f"{name}_alias", nowhere),
        lambda: index.recommend(name, [uuid.uuid4()]),
    ):
        with pytest.raises(NotFoundError):
            ask()


def test_an_index_that_is_down_is_unavailable_and_worth_another_try() -> None:
    index = make_index(load_settings({}, qdrant_url=f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(IndexUnavailableError) as caught:
        index.collections()
    assert not caught.value.permanent
    index.close()
