"""What a mistyped word may mean: the words of few items at once, those of many as last learned."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog.browsing import Choice, Sort, list_items
from catalog.spelling import forgive_typos, learn_words
from catalog.tables import Catalog, Item, KnownWord

AddItem = Callable[..., Item]


@pytest.fixture
def add_item(session: Session) -> AddItem:
    """Store an item with that title, changed just now; committed."""
    catalog = Catalog(name="shop")
    session.add(catalog)
    session.flush()
    numbers: Iterator[int] = iter(range(1_000))

    def add(title: str, **more: Any) -> Item:
        item = Item(catalog_id=catalog.id, sku=str(next(numbers)), title=title, **more)
        session.add(item)
        session.commit()
        return item

    return add


@pytest.fixture
def many_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any catalog counts as one that is too big to read all words of."""
    monkeypatch.setattr("catalog.spelling._FEW_ITEMS", 0)


def spellings(session: Session, words: str) -> tuple[tuple[str, ...], ...]:
    return forgive_typos(session, Choice(words=words)).spellings


def known(session: Session) -> set[str]:
    return set(session.scalars(select(KnownWord.word)))


def test_words_that_some_item_has_are_meant_as_they_are(
    session: Session, add_item: AddItem
) -> None:
    add_item("Denim Jacket")
    assert spellings(session, "denim jacket") == ()
    assert spellings(session, "DENIM jack") == (), "the beginning of a word is no typo"


def test_each_mistyped_word_means_what_resembles_it(session: Session, add_item: AddItem) -> None:
    add_item("Quilted jacket", description="Warm, with a hood.")
    add_item("Linen dress")
    assert spellings(session, "quiltd jaket") == (("quilted",), ("jacket",))
    assert spellings(session, "linen drss") == (("linen",), ("dress",))


def test_the_closest_spelling_comes_first(session: Session, add_item: AddItem) -> None:
    for title in ("Blouse", "Blossom print", "Trousers"):
        add_item(title)
    choice = forgive_typos(session, Choice(words="blose"))
    assert choice.spellings == (("blouse", "blossom"),)
    found = list_items(session, choice, 9, sort=Sort.BEST)
    assert [item.title for item in found] == ["Blouse", "Blossom print"]


def test_what_nothing_resembles_stays_as_it_is(session: Session, add_item: AddItem) -> None:
    add_item("Denim jacket")
    assert spellings(session, "xylophon") == ()
    assert list_items(session, forgive_typos(session, Choice(words="jaket xylophon")), 9) == []


def test_another_number_is_no_typo(session: Session, add_item: AddItem) -> None:
    add_item("Jeans 501")
    assert spellings(session, "jeans 502") == (("jeans",), ("502",))
    assert list_items(session, forgive_typos(session, Choice(words="jeans 502")), 9) == []
    assert spellings(session, "502") == ()


def test_hostile_words_are_only_words(session: Session, add_item: AddItem) -> None:
    add_item("Denim jacket")
    for words in ("%", "_", "'", '"; --', "\\", "<%", "\N{PILE OF POO}", "a" * 200, "jaket " * 33):
        list_items(session, forgive_typos(session, Choice(words=words)), 9, sort=Sort.BEST)


def test_letters_of_any_alphabet_make_words(session: Session, add_item: AddItem) -> None:
    add_item("Ärmelloses Kleid", description="Größe 38, naturfarben")
    assert spellings(session, "ärmeloses") == (("ärmelloses",),)
    assert spellings(session, "grösse") == (("größe",),)


@pytest.mark.usefixtures("many_items")
def test_words_of_many_items_are_those_that_were_learned(
    session: Session, add_item: AddItem
) -> None:
    add_item("Denim jacket")
    assert spellings(session, "jaket") == ()
    assert learn_words(session) == 2
    assert spellings(session, "jaket") == (("jacket",),)


def test_numbers_are_not_learned_and_each_word_once(session: Session, add_item: AddItem) -> None:
    add_item("Jeans 501", brand="O'Neill-Blue", category="Trousers > Jeans")
    learn_words(session)
    assert known(session) == {"jeans", "o", "neill", "blue", "trousers"}


def test_words_are_forgotten_with_their_last_item(session: Session, add_item: AddItem) -> None:
    item = add_item("Denim jacket")
    add_item("Denim dress")
    learn_words(session)
    item.deleted_at = datetime.now(UTC)
    session.flush()
    learn_words(session)
    assert known(session) == {"denim", "dress"}


def test_nothing_is_read_while_no_item_changes(session: Session, add_item: AddItem) -> None:
    add_item("Denim jacket")
    session.execute(update(Item).values(updated_at=datetime.now(UTC) - timedelta(hours=1)))
    assert learn_words(session) == 2
    assert learn_words(session) == 0
    add_item("Linen dress")
    assert learn_words(session) == 4


def test_what_was_committed_late_is_learned(session: Session, add_item: AddItem) -> None:
    add_item("Denim jacket")
    learn_words(session)
    late = add_item("Linen dress")
    session.execute(
        update(Item)
        .where(Item.id == late.id)
        .values(updated_at=datetime.now(UTC) - timedelta(minutes=5))
    )
    assert learn_words(session) == 4


def test_an_empty_catalog_has_no_words(session: Session) -> None:
    assert learn_words(session) == 0
    assert spellings(session, "jaket") == ()
