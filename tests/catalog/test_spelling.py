"""What a mistyped word may mean: the words of few items at once, those of many as last learned."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from catalog.browsing import Choice, Sort, list_items
from catalog.database import migrate
from catalog.spelling import forgive_typos, learn_new_words, learn_words, suggest_words
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
        item = Item(**{"catalog_id": catalog.id} | more, sku=str(next(numbers)), title=title)
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


def test_each_word_that_no_item_has_means_what_resembles_it(
    session: Session, add_item: AddItem
) -> None:
    add_item("Quilted jacket", description="Warm, with a hood.")
    add_item("Linen dress", description="Line by line.")
    assert spellings(session, "quiltd jaket") == (("quilted",), ("jacket",))
    assert spellings(session, "linen drss") == (("linen",), ("dress",))


@pytest.mark.parametrize(
    "typo", ["t-shrt", "t-shrit", "v-nck", "a-lien", "o'niel", "o’neill", "k-wya", "hugoo"]
)
def test_words_with_something_inside_are_words_too(
    session: Session, add_item: AddItem, typo: str
) -> None:
    titles = ("T-shirt, blue", "V-neck jumper", "A-line skirt", "O'Neill fleece", "K-Way (red)")
    for title in (*titles, "Hugo/Boss"):
        add_item(title)
    found = list_items(session, forgive_typos(session, Choice(words=typo)), 9, sort=Sort.BEST)
    assert found[0].title[0].lower() == typo[0]


def test_a_brand_that_some_item_has_keeps_its_meaning(session: Session, add_item: AddItem) -> None:
    add_item("Red jacket", brand="Nord", description="Shiny, with many in hand.")
    add_item("Blue jacket", brand="H&M")
    for words in ("h&m jaket", "m jaket h&m", "jaket jaket h&m"):
        choice = forgive_typos(session, Choice(words=words))
        assert [item.brand for item in list_items(session, choice, 9)] == ["H&M"]
    assert spellings(session, "jaket jaket h&m") == (("jacket",), ("h&m",))


@pytest.mark.parametrize("typed", ['"jaket"', "(jaket)", "jaket,", "“jaket” !!! ...", "'jacket'"])
def test_quotes_and_brackets_around_a_word_are_none_of_it(
    session: Session, add_item: AddItem, typed: str
) -> None:
    add_item("Denim jacket...", description="Wow !!!")
    assert list_items(session, forgive_typos(session, Choice(words=typed)), 9) != []


def test_what_is_meant_is_offered_only_if_it_shows_something(
    session: Session, add_item: AddItem
) -> None:
    add_item("Quilts and jackets", brand="Nord")
    for title in ("Quilted vest", "Parka jacket"):
        add_item(title, brand="Kontor")
    apart = forgive_typos(session, Choice(words="quiltd jaket"))
    assert list_items(session, apart, 9) != []
    assert suggest_words(session, apart) is None
    hidden = forgive_typos(session, Choice(words="jaket", brands=("Solvei",)))
    assert suggest_words(session, hidden) is None
    assert suggest_words(session, forgive_typos(session, Choice(words="jaket prka"))) == (
        "jacket parka"
    )
    assert suggest_words(session, forgive_typos(session, Choice(words="jaket jackte"))) == "jacket"
    assert suggest_words(session, Choice(words="jacket")) is None


def test_a_word_that_only_another_catalog_has_is_not_its_own_spelling(
    session: Session, add_item: AddItem
) -> None:
    other = Catalog(name="other")
    session.add(other)
    session.flush()
    add_item("White trainers")
    add_item("White trainer", catalog_id=other.id)
    choice = forgive_typos(session, Choice(catalog="other", words="trainers"))
    assert choice.spellings == (("trainer",),)


def test_a_long_title_may_have_a_typo(session: Session, add_item: AddItem) -> None:
    add_item("Womens quilted jacket with a hood and a zip", description="Also in navy.")
    pasted = "womens quiltd jacket with a hood and a zip"
    assert forgive_typos(session, Choice(words=pasted)).spellings[1] == ("quilted",)
    more = " ".join("abcdefghijklmnopq")
    assert spellings(session, f"{pasted} {more}") == (), "so many words are taken as they are"


def test_five_typos_at_a_time_are_forgiven(session: Session, add_item: AddItem) -> None:
    """More words that nobody has are no slip, and looking each of them up is work."""
    add_item("Quilted jacket", description="Water repellent, wooden buttons, reversible.")
    five = "quiltd jaket repelent buttns reversble"
    assert spellings(session, five) != ()
    assert spellings(session, f"{five} woden") == ()


def test_the_closest_spelling_comes_first(session: Session, add_item: AddItem) -> None:
    for title in ("Hooded coat", "Hoodies", "Hoodie", "Trousers"):
        add_item(title)
    choice = forgive_typos(session, Choice(words="hoddie"))
    assert choice.spellings == (("hoodie", "hoodies"),)
    found = list_items(session, choice, 9, sort=Sort.BEST)
    assert {item.title for item in found} == {"Hoodie", "Hoodies"}


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("jaket", "jacket"),
        ("jakcet", "jacket"),
        ("tnak", "tank"),
        ("jeens", "jeans"),
        ("shrts", "shorts"),
        ("womans", "women"),
        ("swetshirt", "sweatshirt"),
        ("reversable", "reversible"),
    ],
)
def test_what_is_much_less_close_is_not_meant(
    session: Session, add_item: AddItem, typo: str, meant: str
) -> None:
    add_item("Jeans jacket, a tank, shorts, skirts, sports, sweatshirt, reversible, for women")
    add_item("Means of the market to thank for", description="Presents, starts and t-shirts")
    assert spellings(session, typo) == ((meant,),)


def test_what_nothing_resembles_stays_as_it_is(session: Session, add_item: AddItem) -> None:
    add_item("Denim jacket")
    add_item("A shirt of the past").deleted_at = datetime.now(UTC)
    session.commit()
    assert spellings(session, "xylophon") == ()
    assert spellings(session, "shirrt") == (), "deleted items have no words"
    assert list_items(session, forgive_typos(session, Choice(words="jaket xylophon")), 9) == []


def test_another_number_is_no_typo(session: Session, add_item: AddItem) -> None:
    add_item("Jeans 501")
    assert spellings(session, "jeens 502") == (("jeans",), ("502",))
    assert list_items(session, forgive_typos(session, Choice(words="jeans 502")), 9) == []
    assert spellings(session, "502") == ()


def test_hostile_words_are_only_words(session: Session, add_item: AddItem) -> None:
    add_item("Denim jacket")
    for words in (
        "!?! $%& a+b q\\z",
        "%",
        "_",
        "'",
        '"; --',
        "\\",
        "<%",
        "\N{PILE OF POO}",
        "a" * 200,
        "q " * 100,
    ):
        choice = forgive_typos(session, Choice(words=words))
        assert list_items(session, choice, 9, sort=Sort.BEST) == [], words
    assert list_items(session, forgive_typos(session, Choice(words="jaket " * 33)), 9) != []


def test_letters_of_any_alphabet_make_words(session: Session, add_item: AddItem) -> None:
    add_item("Ärmelloses Kleid", description="Größe 38, naturfarben")
    assert spellings(session, "ärmeloses") == (("ärmelloses",),)
    assert spellings(session, "grösse") == (("größe",),)


@pytest.mark.usefixtures("many_items")
@pytest.mark.parametrize("learn", [learn_new_words, learn_words])
def test_words_of_many_items_are_those_that_were_learned(
    session: Session, add_item: AddItem, learn: Callable[[Session], None]
) -> None:
    add_item("Denim jacket")
    assert spellings(session, "jaket") == ()
    learn(session)
    assert spellings(session, "jaket") == (("jacket",),)


def test_numbers_and_short_words_are_not_learned(session: Session, add_item: AddItem) -> None:
    add_item("Jeans 501", brand="O'Neill-Blue", category="Trousers > Jeans", description="In 2XL.")
    learn_words(session)
    assert known(session) == {"jeans", "o'neill-blue", "trousers"}


@pytest.mark.parametrize("learn", [learn_new_words, learn_words])
def test_what_is_too_long_for_a_word_is_not_learned(
    session: Session, add_item: AddItem, learn: Callable[[Session], None]
) -> None:
    letters = "".join(map(chr, range(0x4E00, 0x4E00 + 1_000)))  # longer than an index takes
    add_item("Denim", category=letters)
    learn(session)
    assert known(session) == {"denim"}


def test_words_are_forgotten_with_their_last_item(session: Session, add_item: AddItem) -> None:
    item = add_item("Denim jacket")
    add_item("Denim dress")
    learn_words(session)
    item.deleted_at = datetime.now(UTC)
    session.flush()
    learn_new_words(session)
    assert known(session) == {"denim", "jacket", "dress"}
    learn_words(session)
    assert known(session) == {"denim", "dress"}


def test_only_what_has_changed_lately_is_read_for_new_words(
    session: Session, add_item: AddItem
) -> None:
    add_item("Denim jacket")
    session.execute(update(Item).values(updated_at=datetime.now(UTC) - timedelta(hours=1)))
    add_item("Linen dress")
    learn_new_words(session)
    assert known(session) == {"linen", "dress"}


def test_one_learns_at_a_time(
    session: Session, sessions: sessionmaker[Session], add_item: AddItem
) -> None:
    add_item("Denim jacket")
    with sessions() as other:
        learn_words(other)
        learn_words(session)
        learn_new_words(session)
        assert known(session) == set(), "the other has not committed, and nobody waits for it"
        other.commit()
    assert known(session) == {"denim", "jacket"}


def test_an_upgrade_brings_the_words_of_what_is_there(empty_database_url: str) -> None:
    migrate(empty_database_url, "0010")
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO catalog (name) VALUES ('shop')"))
        connection.execute(
            text(
                "INSERT INTO item (catalog_id, sku, title, description, category)"
                " SELECT id, '1', 'T-Shirt 501, navy/ecru', 'By O''Neill.', :long FROM catalog"
            ),
            {"long": "".join(map(chr, range(0x4E00, 0x4E00 + 1_000)))},
        )
    migrate(empty_database_url)
    with Session(engine) as session:
        migrated = known(session)
        learn_words(session)
        assert migrated == known(session) == {"t-shirt", "navy", "ecru", "o'neill"}
    engine.dispose()


def test_an_empty_catalog_has_no_words(session: Session) -> None:
    learn_words(session)
    assert known(session) == set()
    assert spellings(session, "jaket") == ()
