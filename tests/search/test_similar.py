"""What a search for similar items promises, on real Postgres."""

import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, event, update

from catalog.errors import ConflictError, IndexUnavailableError, NotFoundError
from catalog.search.points import ANYTHING, Filters
from catalog.search.similar import (
    SimilarItem,
    find_similar,
    find_similar_to_item,
    find_similar_to_vector,
)
from catalog.tables import Garment, Generation, Item, Role
from tests.search.conftest import Shop


def similar(
    shop: Shop,
    garment: uuid.UUID,
    filters: Filters = ANYTHING,
    limit: int = 12,
    sold_only: bool = True,
) -> list[SimilarItem]:
    shop.sync()
    with shop.sessions() as session:
        return find_similar(session, shop.index, garment, filters, limit, sold_only)


def items(found: list[SimilarItem]) -> list[int]:
    return [hit.item.id for hit in found]


def test_the_most_alike_come_first_and_never_the_item_itself(shop: Shop) -> None:
    _, garment = shop.sell([1, 0, 0, 0])
    far, _ = shop.sell([0, 1, 0, 0])
    near, near_garment = shop.sell([1, 0.1, 0, 0])
    opposite, _ = shop.sell([-1, 0, 0, 0])
    found = similar(shop, garment)
    assert items(found) == [near, far, opposite]
    assert found[0].garment.id == near_garment
    assert [hit.score for hit in found] == pytest.approx([0.995, 0, -1], abs=1e-3)
    assert all(-1 <= hit.score <= 1 for hit in found)


def test_a_stored_vector_finds_its_own_item_with_a_score_of_one(shop: Shop) -> None:
    for step in range(20):
        item, _ = shop.sell([1, step / 10, step % 3, 0])
    shop.sync()
    with shop.sessions() as session:
        [best] = find_similar_to_vector(session, shop.index, [1, 1.9, 1, 0], limit=1)
    assert best.item.id == item
    assert 0.999 <= best.score <= 1


def test_each_item_is_one_hit_by_its_best_garment(shop: Shop) -> None:
    _, garment = shop.sell([1, 0, 0, 0])
    item = shop.add_item("two photos")
    shop.add_garment(shop.add_photo(item), [1, 1, 0, 0])
    best = shop.add_garment(shop.add_photo(item), [1, 0.2, 0, 0])
    [hit] = similar(shop, garment)
    assert (hit.item.id, hit.garment.id) == (item, best)


def test_items_that_share_the_photo_are_not_similar_to_themselves(shop: Shop) -> None:
    first, second = shop.add_item("small"), shop.add_item("large")
    photo = shop.add_photo(first, second)
    garment = shop.add_garment(photo, [1, 0, 0, 0])
    other, _ = shop.sell([0, 1, 0, 0])
    assert items(similar(shop, garment)) == [other]


def test_an_item_stays_findable_by_a_photo_that_it_shares_with_an_excluded_one(shop: Shop) -> None:
    mine = shop.add_item("mine")
    garment = shop.add_garment(shop.add_photo(mine), [1, 0, 0, 0])
    other = shop.add_item("other")
    shop.add_garment(shop.add_photo(mine, other), [1, 0.1, 0, 0])
    assert items(similar(shop, garment)) == [other]


def test_filters_hold_for_the_very_item_where_two_share_a_photo(shop: Shop) -> None:
    _, garment = shop.sell([1, 0, 0, 0])
    cheap = shop.add_item("cheap", brand="Acme", price="5.00", stock=0)
    dear = shop.add_item("dear", catalog="autumn", brand="Zed", price="50.00", stock=3)
    shop.add_garment(shop.add_photo(cheap, dear), [1, 0.1, 0, 0])
    assert items(similar(shop, garment, Filters(brand="Zed"))) == [dear]
    assert items(similar(shop, garment, Filters(price_max=20))) == [cheap]
    assert items(similar(shop, garment, Filters(price_min=20))) == [dear]
    assert items(similar(shop, garment, Filters(in_stock=True))) == [dear]
    assert items(similar(shop, garment, Filters(catalog="autumn"))) == [dear]
    assert items(similar(shop, garment, Filters(brand="Acme", price_min=20))) == []


def test_in_a_photo_of_two_items_each_sells_its_own_garment(shop: Shop) -> None:
    _, red_dress = shop.sell([1, 0, 0, 0])
    _, blue_pants = shop.sell([0, 1, 0, 0], category="pants")
    dress, pants = shop.add_item("Summer dress"), shop.add_item("Slim trousers")
    look = shop.add_photo(dress, pants)
    shop.add_garment(look, [1, 0.1, 0, 0])
    shop.add_garment(look, [0.1, 1, 0, 0], category="pants")
    assert dress in items(similar(shop, red_dress))
    assert pants not in items(similar(shop, red_dress))
    assert pants in items(similar(shop, red_dress, sold_only=False))
    assert items(similar(shop, blue_pants))[0] == pants
    with shop.sessions() as session:
        best = find_similar_to_item(session, shop.index, pants, limit=1)
        assert [hit.garment.id for hit in best] == [blue_pants]
        of_dress = find_similar_to_item(session, shop.index, dress, limit=1)
        assert [hit.garment.id for hit in of_dress] == [red_dress]


def test_a_garment_that_fits_no_item_of_its_photo_counts_for_all_of_them(shop: Shop) -> None:
    _, garment = shop.sell([1, 0, 0, 0])
    pair = {shop.add_item("Leather belt"), shop.add_item("Slim trousers")}
    shop.add_garment(shop.add_photo(*pair), [1, 0.1, 0, 0])
    assert set(items(similar(shop, garment))) == pair


def test_every_hit_has_the_category_and_colour_asked_for(shop: Shop) -> None:
    _, garment = shop.sell([1, 0, 0, 0])
    for step in range(10):
        shop.sell([1, step / 100, 0, 0], category="bag")
    hats = {shop.sell([0, 1, step, 0], category="hat")[0] for step in range(3)}
    assert set(items(similar(shop, garment, Filters(category="hat", colour="red")))) == hats
    assert similar(shop, garment, Filters(category="hat", colour="blue")) == []


def test_what_is_only_worn_with_an_item_is_found_on_request(shop: Shop) -> None:
    _, garment = shop.sell([1, 0, 0, 0])
    worn, _ = shop.sell([1, 0.1, 0, 0], role=Role.WORN_WITH)
    assert similar(shop, garment) == []
    assert items(similar(shop, garment, sold_only=False)) == [worn]


def test_limit_results_come_when_they_exist_although_nearer_ones_do_not_hold(shop: Shop) -> None:
    _, garment = shop.sell([1, 0, 0, 0])
    gone = [shop.sell([1, step / 1000, 0, 0])[0] for step in range(60)]
    wanted = [shop.sell([1, 1 + step, 0, 0])[0] for step in range(3)]
    shop.sync()
    with shop.sessions.begin() as session:
        # The index has not learnt of it yet.
        session.execute(update(Item).where(Item.id.in_(gone)).values(deleted_at=datetime.now(UTC)))
    with shop.sessions() as session:
        assert items(find_similar(session, shop.index, garment, limit=2)) == wanted[:2]
        assert items(find_similar(session, shop.index, garment, limit=9)) == wanted


def test_hits_whose_garment_has_vanished_are_dropped(shop: Shop) -> None:
    _, garment = shop.sell([1, 0, 0, 0])
    _, vanished = shop.sell([1, 0.1, 0, 0])
    stays, _ = shop.sell([0, 1, 0, 0])
    shop.sync()
    with shop.sessions.begin() as session:
        session.execute(delete(Garment).where(Garment.id == vanished))
    with shop.sessions() as session:
        assert items(find_similar(session, shop.index, garment)) == [stays]


def test_an_item_is_searched_for_by_all_that_it_sells_and_nothing_it_wears(shop: Shop) -> None:
    item = shop.add_item("query")
    photo = shop.add_photo(item)
    shop.add_garment(photo, [1, 0, 0, 0])
    shop.add_garment(shop.add_photo(item), [0, 1, 0, 0])
    shop.add_garment(photo, [0, 0, 0, 1], role=Role.WORN_WITH)
    like_second, _ = shop.sell([0, 1, 0.05, 0])
    like_first, _ = shop.sell([1, 0, 0.1, 0])
    like_worn, _ = shop.sell([0, 0, 0, 1])
    shop.sync()
    with shop.sessions() as session:
        found = find_similar_to_item(session, shop.index, item)
        assert items(found) == [like_second, like_first, like_worn]
        assert found[2].score == pytest.approx(0, abs=1e-6)
        assert find_similar_to_item(session, shop.index, 10**9) == []


def test_items_can_be_excluded_by_hand(shop: Shop) -> None:
    _, garment = shop.sell([1, 0, 0, 0])
    first, _ = shop.sell([1, 0.1, 0, 0])
    second, _ = shop.sell([1, 0.2, 0, 0])
    assert items(similar(shop, garment, Filters(exclude_items=[first]), limit=1)) == [second]


def test_a_search_takes_one_query_for_all_its_rows(shop: Shop) -> None:
    _, garment = shop.sell([1, 0, 0, 0])
    for step in range(10):
        shop.sell([1, step, 0, 0], catalog=f"catalog {step}")
    shop.sync()
    statements: list[str] = []
    with shop.sessions() as session:
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        found = find_similar(session, shop.index, garment)
        assert {hit.item.catalog.name for hit in found} == {f"catalog {n}" for n in range(10)}
        assert all(hit.garment.photo.sha256 for hit in found)
    # The generation, the vector, the items to leave out, the rows.
    assert len(statements) == 4


def test_an_unknown_garment_is_not_found(shop: Shop) -> None:
    with pytest.raises(NotFoundError):
        similar(shop, uuid.uuid4())


def test_a_vector_of_another_embedder_is_refused(shop: Shop) -> None:
    with shop.sessions() as session, pytest.raises(ConflictError):
        find_similar_to_vector(session, shop.index, [1, 0, 0, 0], embedder="emb-9")


def test_a_lost_collection_is_a_passing_trouble(shop: Shop, generation: Generation) -> None:
    _, garment = shop.sell([1, 0, 0, 0])
    shop.sync()
    shop.index.drop_collection(generation.collection)
    with shop.sessions() as session, pytest.raises(IndexUnavailableError):
        find_similar(session, shop.index, garment)
    assert similar(shop, garment) == []
