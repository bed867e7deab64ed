"""Which items may be one and the same under several skus."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session, sessionmaker

from catalog.audit.duplicates import Pair, find_pairs, group_pairs, pair_as_json, pair_of_json
from catalog.audit.items import load_items
from catalog.audit.options import AuditOptions
from catalog.search.index import VectorIndex
from catalog.tables import Generation, Role
from tests.search.conftest import Shop

RED, NEARLY_RED, BLUE = [1.0, 0, 0, 0], [1.0, 0.05, 0, 0], [0, 0, 1.0, 0]

Find = Callable[..., list[Pair]]


@pytest.fixture
def find(
    sessions: sessionmaker[Session], shop: Shop, memory_index: VectorIndex, generation: Generation
) -> Find:
    def found(**options: object) -> list[Pair]:
        shop.sync()
        with sessions() as session:
            items = load_items(session, generation, after=0, limit=1000)
            asked = AuditOptions.model_validate(options)
            return find_pairs(session, memory_index, generation, items, asked)

    return found


def ends(pairs: list[Pair]) -> set[tuple[int, int]]:
    return {(pair.item_id, pair.other_id) for pair in pairs}


def test_two_skus_of_one_garment_are_a_pair_that_is_named_once(shop: Shop, find: Find) -> None:
    first, garment = shop.sell(RED)
    second, other = shop.sell(NEARLY_RED)
    shop.sell(BLUE)
    (pair,) = find()
    assert (pair.item_id, pair.other_id) == (first, second)
    assert (pair.garment_id, pair.other_garment_id) == (garment, other)
    assert pair.score == pytest.approx(1 / (1 + 0.05**2) ** 0.5, abs=1e-3)
    assert not pair.same_photo
    assert find(identical=0.9995) == []


def test_the_most_alike_photos_speak_for_their_items(shop: Shop, find: Find) -> None:
    first, second = shop.add_item("a"), shop.add_item("b")
    for item, vector in ((first, NEARLY_RED), (first, BLUE), (second, RED), (second, BLUE)):
        shop.add_garment(shop.add_photo(item), vector)
    (pair,) = find()
    assert pair.score == pytest.approx(1.0, abs=1e-3)


def test_one_photo_under_two_skus_is_marked(shop: Shop, find: Find) -> None:
    first, second = shop.add_item("a"), shop.add_item("b")
    garment = shop.add_garment(shop.add_photo(first, second), RED)
    (pair,) = find()
    assert ends([pair]) == {(first, second)}
    assert (pair.same_photo, pair.score) == (True, 1.0)
    assert {pair.garment_id, pair.other_garment_id} == {garment}


def test_a_look_that_shows_two_items_makes_them_no_twins(shop: Shop, find: Find) -> None:
    dress = shop.add_item("dress", title="Red dress", category="Dresses")
    bag = shop.add_item("bag", title="Leather bag", category="Bags")
    photo = shop.add_photo(dress, bag)
    shop.add_garment(photo, RED, category="dress")
    shop.add_garment(photo, BLUE, category="bag")
    assert find() == []


def test_what_is_merely_worn_is_no_twin(shop: Shop, find: Find) -> None:
    shop.sell(RED)
    shop.sell(RED, role=Role.WORN_WITH)
    assert find() == []


def test_the_same_sku_in_two_catalogs_is_one_item(shop: Shop, find: Find) -> None:
    shop.sell(RED, sku="A1", catalog="spring")
    shop.sell(RED, sku="A1", catalog="summer")
    third, _ = shop.sell(RED, sku="A2", catalog="summer")
    assert {third} < {end for pair in ends(find()) for end in pair}
    assert len(find()) == 2


def make_pair(item_id: int, other_id: int, score: float = 0.98, same_photo: bool = False) -> Pair:
    return Pair(item_id, other_id, score, uuid4(), uuid4(), "dress", same_photo)


def test_pairs_that_hang_together_are_a_group_and_the_most_alike_comes_first() -> None:
    pairs = [
        make_pair(1, 2),
        make_pair(8, 9, 0.99),
        make_pair(2, 3),
        make_pair(4, 5, 1.0, same_photo=True),
        make_pair(3, 6),
    ]
    groups = group_pairs(pairs)
    assert [tuple(group.items) for group in groups] == [(4, 5), (8, 9), (1, 2, 3, 6)]
    assert sum(len(group.pairs) for group in groups) == len(pairs)
    assert groups[1].best.score == 0.99
    assert group_pairs([]) == []


def test_a_very_large_group_says_how_many_it_leaves_out() -> None:
    pairs = [make_pair(1, other, 1 - other / 1000) for other in range(2, 152)]
    (group,) = group_pairs(pairs)
    assert (group.size, list(group.items)) == (151, list(range(1, 101)))
    assert len(group.pairs) == 99


def test_a_pair_survives_being_stored() -> None:
    pair = make_pair(3, 7, same_photo=True)
    assert pair_of_json(pair_as_json(pair)) == pair
