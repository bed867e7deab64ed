"""Each facet says what choosing its value would show: compared with really choosing it."""

import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.browsing import MANY_GARMENTS, Choice, count_items
from catalog.facets import Facets, count_facets
from catalog.tables import (
    Catalog,
    Generation,
    GenerationState,
    Item,
    ItemPhoto,
    ItemSummary,
    Photo,
    PhotoState,
)
from tests.catalog.conftest import sha_of

CATEGORIES = ("bag", "dress", "jacket")
COLOURS = ("black", "navy", "red")
BRANDS = ("Nord", "Kontor", None)
WORDS = ("striped", "plain")
ITEMS = 150


@pytest.fixture
def many_kinds(session: Session) -> Session:
    """150 items that differ in everything, some without a summary, a price, a brand or a stock."""
    chance = random.Random(3)
    catalogs = [Catalog(name="shop"), Catalog(name="outlet")]
    session.add_all([*catalogs, _generation("active"), _generation("old")])
    session.flush()
    for number in range(ITEMS):
        item = Item(
            catalog_id=chance.choice(catalogs).id,
            sku=str(number),
            title=f"{chance.choice(WORDS)} thing",
            brand=chance.choice(BRANDS),
            price=chance.choice([None, Decimal("4.99"), Decimal(5), Decimal(20), Decimal("49.99")]),
            stock=chance.choice([None, 0, 3]),
        )
        session.add(item)
        session.flush()
        if chance.random() < 0.9:
            for segmenter in ("active", "old"):
                session.add(_summary(item, segmenter, chance))
        if chance.random() < 0.1:
            _add_failed_photo(session, item)
    session.commit()
    return session


def _generation(segmenter: str) -> Generation:
    state = GenerationState.ACTIVE if segmenter == "active" else GenerationState.RETIRED
    return Generation(
        collection=segmenter, segmenter=segmenter, embedder="e", dimensions=4, state=state
    )


def _summary(item: Item, segmenter: str, chance: random.Random) -> ItemSummary:
    return ItemSummary(
        item_id=item.id,
        segmenter=segmenter,
        categories=sorted(chance.sample(CATEGORIES, chance.randrange(3))),
        colours=sorted(chance.sample(COLOURS, chance.randrange(3))),
        garments=chance.randrange(7),
        review=["low_confidence"] if chance.random() < 0.2 else [],
    )


def _add_failed_photo(session: Session, item: Item) -> None:
    photo = Photo(
        sha256=sha_of(item.sku),
        bytes=9,
        media_type="image/jpeg",
        width=400,
        height=400,
        state=PhotoState.FAILED,
    )
    session.add(photo)
    session.flush()
    session.add(ItemPhoto(item_id=item.id, photo_id=photo.id, position=0))


CHOICES = [
    Choice(),
    Choice(categories=("dress",)),
    Choice(categories=("dress", "bag"), colours=("navy",)),
    Choice(brands=("Nord",)),
    Choice(brands=("Nord", "Kontor"), price_max=Decimal(20), in_stock=True),
    Choice(price_min=Decimal(5)),
    Choice(in_stock=False),
    Choice(garments=MANY_GARMENTS, colours=("red", "black")),
    Choice(review=True, brands=("Kontor",)),
    Choice(catalog="outlet", words="striped"),
    Choice(catalog="outlet", categories=("jacket",), brands=("Nord",), garments=2, in_stock=True),
    Choice(words="stripd", spellings=(("striped", "strip"),), categories=("jacket",)),
    Choice(words="nothing has this"),
]


@pytest.mark.parametrize("choice", CHOICES)
def test_each_number_is_what_that_choice_shows(many_kinds: Session, choice: Choice) -> None:
    facets = count_facets(many_kinds, choice)
    assert facets.total == count_items(many_kinds, choice)
    for counted, further in _further(facets, choice):
        assert counted == count_items(many_kinds, further), further


@pytest.mark.parametrize("choice", CHOICES)
def test_what_no_facet_names_would_show_nothing(many_kinds: Session, choice: Choice) -> None:
    facets = count_facets(many_kinds, choice)
    for catalog in {"shop", "outlet"} - set(facets.catalogs):
        assert count_items(many_kinds, replace(choice, catalog=catalog)) == 0
    for category in set(CATEGORIES) - set(facets.categories):
        assert count_items(many_kinds, replace(choice, categories=(category,))) == 0
    for brand in {"Nord", "Kontor"} - set(facets.brands):
        assert count_items(many_kinds, replace(choice, brands=(brand,))) == 0
    for colour in set(COLOURS) - set(facets.colours):
        assert count_items(many_kinds, replace(choice, colours=(colour,))) == 0


def test_postgres_plans_the_rest_of_a_page_as_it_does_others(session: Session) -> None:
    setting = select(func.current_setting("parallel_setup_cost"))
    before = session.scalar(setting)
    count_facets(session, Choice())
    assert session.scalar(setting) == before


def _further(facets: Facets, choice: Choice) -> Iterator[tuple[int, Choice]]:
    """Each number of the facets, and the choice that it promises to be the result of."""
    for catalog, count in facets.catalogs.items():
        yield count, replace(choice, catalog=catalog)
    for category, count in facets.categories.items():
        yield count, replace(choice, categories=(category,))
    for brand, count in facets.brands.items():
        yield count, replace(choice, brands=(brand,))
    for colour, count in facets.colours.items():
        yield count, replace(choice, colours=(colour,))
    for band in facets.prices:
        yield band.count, replace(choice, price_min=band.low, price_max=band.high)
    for there, count in facets.in_stock.items():
        yield count, replace(choice, in_stock=there)
    for garments, count in facets.garments.items():
        yield count, replace(choice, garments=garments)
    yield facets.review, replace(choice, review=True)
