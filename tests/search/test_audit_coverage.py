"""Which items have too few look-alikes to offer instead."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session, sessionmaker

from catalog.audit.coverage import count_look_alikes
from catalog.audit.items import load_items
from catalog.audit.options import AuditOptions
from catalog.search.index import VectorIndex
from catalog.tables import Generation
from tests.search.conftest import Shop

RED, REDDISH, BLUE = [1.0, 0, 0, 0], [1.0, 0.2, 0, 0], [0, 0, 1.0, 0]

Count = Callable[..., dict[int, int]]


@pytest.fixture
def count(
    sessions: sessionmaker[Session], shop: Shop, memory_index: VectorIndex, generation: Generation
) -> Count:
    """Look-alikes of every item in the shop, by id."""

    def counted(**options: object) -> dict[int, int]:
        shop.sync()
        with sessions() as session:
            items = load_items(session, generation, after=0, limit=1000)
            asked = AuditOptions.model_validate(options)
            return count_look_alikes(session, memory_index, generation, items, asked)

    return counted


def test_only_what_is_alike_in_stock_and_costs_about_as_much_counts(
    shop: Shop, count: Count
) -> None:
    item, _ = shop.sell(RED, price=100)
    shop.sell(REDDISH, price=70)
    shop.sell(REDDISH, price=130)
    shop.sell(REDDISH, price=69.99)
    shop.sell(REDDISH, price=130.01)
    shop.sell(REDDISH, price=100, stock=0)
    shop.sell(BLUE, price=100)
    assert count()[item] == 2
    assert count(price_percent=31)[item] == 4
    assert count(likeness=0.99)[item] == 0


def test_unknown_stock_counts_and_without_a_price_any_price_does(shop: Shop, count: Count) -> None:
    item = shop.add_item("free", price=None)
    shop.add_garment(shop.add_photo(item), RED)
    shop.sell(REDDISH, price=5, stock=None)
    shop.sell(REDDISH, price=5000)
    assert count()[item] == 2


def test_prices_in_another_currency_say_nothing(shop: Shop, count: Count) -> None:
    for sku, currency in (("a", "EUR"), ("b", "EUR"), ("c", "KRW")):
        item = shop.add_item(sku, currency=currency)
        shop.add_garment(shop.add_photo(item), RED)
    assert sorted(count().values()) == [0, 1, 1]


def test_an_item_counts_once_however_many_photos_it_has(shop: Shop, count: Count) -> None:
    item, _ = shop.sell(RED)
    other = shop.add_item("other")
    for _ in range(60):  # more than are asked for at first
        shop.add_garment(shop.add_photo(other), RED)
    shop.sell(REDDISH)
    assert count()[item] == 2


def test_any_garment_that_an_item_sells_may_be_the_one_that_is_alike(
    shop: Shop, count: Count
) -> None:
    item = shop.add_item("two sides")
    shop.add_garment(shop.add_photo(item), RED)
    shop.add_garment(shop.add_photo(item), BLUE)
    shop.sell(BLUE)
    shop.sell(REDDISH)
    assert count()[item] == 2


def test_what_its_own_photos_show_is_no_alternative(shop: Shop, count: Count) -> None:
    first, second = shop.add_item("one"), shop.add_item("two")
    shop.add_garment(shop.add_photo(first, second), RED)
    assert count() == {first: 0, second: 0}


def test_a_photo_of_several_items_does_not_lend_its_prices_and_stock(
    shop: Shop, count: Count
) -> None:
    item, _ = shop.sell(RED, price=100)
    cheap = shop.add_item("cheap", price=10)
    dear = shop.add_item("dear", price=100, stock=0)
    shop.add_garment(shop.add_photo(cheap, dear), RED)
    assert count()[item] == 0


def test_no_more_than_asked_for_are_counted_and_deleted_ones_are_not(
    shop: Shop, count: Count, sessions: sessionmaker[Session]
) -> None:
    from catalog.tables import Item

    ids = [shop.sell(RED)[0] for _ in range(6)]
    assert set(count(few=3).values()) == {3}
    assert set(count(few=50).values()) == {5}
    with sessions.begin() as session:
        session.get_one(Item, ids[0]).deleted_at = session.get_one(Item, ids[0]).created_at
    assert count(few=50) == dict.fromkeys(ids[1:], 4)


def test_an_item_without_a_garment_has_none(shop: Shop, count: Count) -> None:
    item = shop.add_item("bare")
    shop.add_photo(item)
    shop.sell(RED)
    assert count()[item] == 0
