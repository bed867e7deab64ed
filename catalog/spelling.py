"""Which words of the catalog a mistyped one may mean.

`forgive_typos` is called by the catalog grid and the API, `learn_words` by the tidying. Comparing a
typed word with each item's text takes seconds in a big catalog, so it is compared with the words
that the texts are made of, of which there are few.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    FromClause,
    Function,
    Select,
    TableValuedAlias,
    Text,
    cast,
    delete,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, array, insert
from sqlalchemy.orm import Session

from catalog.browsing import Choice, has_any
from catalog.tables import Item, KnownWord

_SIMILARITY = 0.38
"""How alike the words must be: "jaket" and "jacket" are .44, "hoddie" and "hoodie" .40."""

_SPELLINGS = 8
"""So many words of the catalog stand for one that was typed."""

_MOST_TYPED = 8
"""Nobody mistypes more words than these at a time, and each costs."""

_FEW_ITEMS = 2_000
"""The words of so many items are read when they are asked for, so they are always known."""

_LONGEST_TRANSACTION = timedelta(minutes=10)

_NO_LETTERS = "[^[:alpha:]]+"


def forgive_typos(session: Session, choice: Choice) -> Choice:
    """The same choice; if no item has all its words, with the spellings that each may mean.

    A word with a digit in it has none: a number that differs is another number.
    """
    typed = choice.words.lower().split()
    # Asked without the filters: that those leave nothing says nothing about the spelling.
    if not typed or len(typed) > _MOST_TYPED:
        return choice
    if has_any(session, Choice(choice.catalog, choice.words)):
        return choice
    found = _find_spellings(session, [word for word in typed if not re.search(r"\d", word)])
    spellings = tuple(found.get(word, (word,)) for word in typed)
    return replace(choice, spellings=spellings) if found else choice


def learn_words(session: Session) -> int:
    """Bring the known words in step with the items; returns how many there are, 0 if unchanged.

    Doesn't commit.
    """
    last = select(func.max(KnownWord.learned_at)).scalar_subquery()
    # An item that was changed before the last time may have been committed after it.
    since = Item.updated_at > last - _LONGEST_TRANSACTION
    if not session.scalar(select(select(Item.id).where(or_(last.is_(None), since)).exists())):
        return 0
    now = func.clock_timestamp().label("learned_at")
    words = _words_of_items().subquery()
    # In order, so that two that learn at a time wait for each other instead of for ever.
    rows = select(words.c.word, now).order_by(words.c.word)
    learned = insert(KnownWord).from_select(["word", "learned_at"], rows)
    started = session.scalar(select(func.clock_timestamp()))
    session.execute(
        learned.on_conflict_do_update(
            index_elements=[KnownWord.word], set_={"learned_at": learned.excluded.learned_at}
        )
    )
    session.execute(delete(KnownWord).where(KnownWord.learned_at < started))
    return session.scalar(select(func.count()).select_from(KnownWord)) or 0


def _find_spellings(session: Session, typed: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The words of the catalog that resemble each typed one, the closest first.

    Typed words that nothing resembles are absent.
    """
    if not typed:
        return {}
    session.execute(
        select(func.set_config("pg_trgm.word_similarity_threshold", str(_SIMILARITY), True))
    )
    asked = (
        func.unnest(cast(array(typed), ARRAY(Text)))
        .table_valued("word", name="asked")
        .render_derived()
    )
    known = _known_words(session)
    similarity = func.similarity(asked.c.word, known.c.word)
    close = (
        select(known.c.word, similarity.label("similarity"))
        .where(asked.c.word.bool_op("<%")(known.c.word))  # word similarity, by the trigram index
        .order_by(similarity.desc(), known.c.word)
        .limit(_SPELLINGS)
        .lateral("close")
    )
    query = select(asked.c.word, close.c.word).join(close, true())
    found: dict[str, list[str]] = defaultdict(list)
    for word, spelling in session.execute(query.order_by(close.c.similarity.desc(), close.c.word)):
        found[word].append(spelling)
    return {word: tuple(spellings) for word, spellings in found.items()}


def _known_words(session: Session) -> FromClause:
    """A table of words; that of all items where they are few, else what was learned last."""
    some = select(Item.id).where(Item.deleted_at.is_(None)).limit(_FEW_ITEMS + 1).subquery()
    if (session.scalar(select(func.count()).select_from(some)) or 0) > _FEW_ITEMS:
        return KnownWord.__table__
    return _words_of_items().cte("known")


def _words_of_items() -> Select[str]:
    """Each word of letters that an item is described by, once."""
    # Split at blanks first, which is fast, so that little is left for the regular expression.
    parts = _rows(func.string_to_table(Item.words, " "))
    chunks = select(parts.c.word).select_from(Item).join(parts, true()).distinct()
    found = chunks.where(Item.deleted_at.is_(None)).subquery()
    words = _rows(func.regexp_split_to_table(found.c.word, _NO_LETTERS))
    query = select(words.c.word).select_from(found).join(words, true()).distinct()
    return query.where(words.c.word != "")


def _rows(texts: Function[Any]) -> TableValuedAlias:
    """What a function of Postgres gives as a table of one column, `word`."""
    return texts.table_valued("word").render_derived()
