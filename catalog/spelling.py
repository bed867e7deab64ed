"""Which words of the catalog a mistyped one may mean.

`forgive_typos` is called by the catalog grid and the API, the others by the sweep and the tidying.
Comparing a typed word with each item's text takes seconds in a big catalog, so it is compared with
the words that the texts are made of, of which there are far fewer.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from difflib import SequenceMatcher
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Function,
    Select,
    TableValuedAlias,
    Text,
    cast,
    delete,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, array, insert
from sqlalchemy.orm import Session

from catalog.browsing import Choice, has_any, words_of
from catalog.tables import Item, KnownWord

_WORD_SIMILARITY = 0.2
"""How many of its trigrams a typed word must share with what is compared further: "tnak" and "tank"
have only their beginning in common."""
_COMPARED = 100
"""So many words, those with the most trigrams in common, are compared letter by letter."""

_CLOSE = 0.7
"""What part of both words' letters must be the same, in the same order: "tnak" and "tank" .75."""
_NEARLY_AS_CLOSE = 0.85
"""Where "shrts" may mean "shorts" (.91), it does not mean "skirts" (.73)."""
_BEGINS_OTHERWISE = 0.85
"""People seldom mistype the first letter: "womans" is "women", not "means"."""
_SPELLINGS = 8
"""So many words of the catalog stand for one that was typed."""

_MOST_TYPED = 20
"""Longer texts than so many words are searched for as they are: each word costs a statement."""
_MOST_UNKNOWN = 5
"""Nobody mistypes more words than these at a time, and each costs tens of milliseconds."""

_SHORTEST, _LONGEST = 3, 40
"""Letters of a word that is learned: shorter ones resemble too much, longer ones are none."""

_FEW_ITEMS = 1_000
"""The words of so many items are read when they are asked for, so they are always known."""

_RECENTLY = timedelta(minutes=15)
"""Many intervals of the sweep; the tidying learns what came in while it stood still."""

_LOCK = 0x776F7264  # an arbitrary key of Postgres advisory locks, used here alone

_INSIDE_WORDS = "&'’.-"
"""What joins letters to a word, as in t-shirt, o'neill and h&m."""
_BETWEEN_WORDS = f"[^[:alpha:]{_INSIDE_WORDS}]+"
_LETTERS = re.compile(r"[^\W\d_]{3}")
"""What a word needs to have other spellings, and the index of texts to know where it is."""


def forgive_typos(session: Session, choice: Choice) -> Choice:
    """The same choice; if no item has all its words, with what those that no item has may mean.

    A word with a digit in it has no other spelling: another number is another number.
    """
    # Asked without the filters: that those leave nothing says nothing about the spelling.
    words = Choice(choice.catalog, choice.words)
    typed = words_of(words)
    if not typed or len(typed) > _MOST_TYPED or has_any(session, words):
        return choice
    unknown = [
        word
        for word in typed
        if _LETTERS.search(word)
        and not re.search(r"\d", word)
        and not has_any(session, replace(words, words=word))
    ]
    if not 0 < len(unknown) <= _MOST_UNKNOWN:
        return choice
    found = _find_spellings(session, unknown)
    spellings = tuple(found.get(word, (word,)) for word in typed)
    return replace(choice, spellings=spellings) if found else choice


def suggest_words(session: Session, choice: Choice) -> str | None:
    """What may have been meant by a choice with spellings, if that shows any item."""
    meant = " ".join(dict.fromkeys(words[0] for words in choice.spellings))
    exact = replace(choice, words=meant, spellings=())
    return meant if meant and has_any(session, exact) else None


def learn_new_words(session: Session) -> None:
    """Add the words of items that have changed in the last minutes. Doesn't commit."""
    if _is_alone(session):
        recent = Item.updated_at > func.now() - _RECENTLY
        _add_words(session, _words_of_items(recent))


def learn_words(session: Session) -> None:
    """Add the words of all items, and forget those that no item has any more. Doesn't commit."""
    if _is_alone(session):
        words = _words_of_items().cte("words")
        left = select(literal(1)).where(words.c.word == KnownWord.word).exists()
        gone = delete(KnownWord).where(~left).cte("gone")
        _add_words(session, select(words.c.word).add_cte(gone))


def _is_alone(session: Session) -> bool:
    """Whether nobody else is learning until this transaction ends."""
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))))


def _add_words(session: Session, words: Select[str]) -> None:
    session.execute(insert(KnownWord).from_select(["word"], words).on_conflict_do_nothing())


def _find_spellings(session: Session, typed: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The words of the catalog that each typed one may mean, the closest first; none: absent.

    Trigrams, of which there is an index, tell what to look at, and letters what is close: two
    letters that have changed places spoil most of a short word's trigrams.
    """
    resembling: dict[str, list[str]] = defaultdict(list)
    for word, known in session.execute(_resembling(session, typed)):
        resembling[word].append(known)
    spellings = {word: _closest(word, known) for word, known in resembling.items()}
    return {word: close for word, close in spellings.items() if close}


def _resembling(session: Session, typed: Sequence[str]) -> Select[str, str]:
    session.execute(
        select(func.set_config("pg_trgm.word_similarity_threshold", str(_WORD_SIMILARITY), True))
    )
    asked = _rows(func.unnest(cast(array(typed), ARRAY(Text))))
    known = _known_words(session)
    close = (
        select(known.c.word)
        .where(
            asked.c.word.bool_op("<%")(known.c.word),  # word similarity, by the trigram index
            known.c.word != asked.c.word,  # another catalog's, or a deleted item's
        )
        .order_by(func.similarity(asked.c.word, known.c.word).desc(), known.c.word)
        .limit(_COMPARED)
        .lateral("close")
    )
    return select(asked.c.word, close.c.word).join(close, true())


def _closest(typed: str, words: Sequence[str]) -> tuple[str, ...]:
    scores = {word: _closeness(typed, word) for word in words}
    least = max(_CLOSE, _NEARLY_AS_CLOSE * max(scores.values()))
    ranked = sorted(scores, key=lambda word: (-scores[word], word))
    return tuple(word for word in ranked if scores[word] >= least)[:_SPELLINGS]


def _closeness(typed: str, word: str) -> float:
    """From 0 to 1 for the same word."""
    begins_alike = any(part.startswith(typed[0]) for part in re.split(r"[\W_]+", word))
    same = SequenceMatcher(None, typed, word).ratio()
    return same if begins_alike else _BEGINS_OTHERWISE * same


def _known_words(session: Session) -> FromClause:
    """A table of words; that of all items where they are few, else what was learned last."""
    some = select(Item.id).where(Item.deleted_at.is_(None)).limit(_FEW_ITEMS + 1).subquery()
    if (session.scalar(select(func.count()).select_from(some)) or 0) > _FEW_ITEMS:
        return KnownWord.__table__
    return _words_of_items().cte("known").prefix_with("MATERIALIZED")


def _words_of_items(*conditions: ColumnElement[bool]) -> Select[str]:
    """Each word that such items are described by, once."""
    # Split at blanks first, which is fast, so that little is left for the regular expression.
    parts = _rows(func.string_to_table(Item.words, " "))
    chunks = select(parts.c.word).select_from(Item).join(parts, true()).distinct()
    found = chunks.where(Item.deleted_at.is_(None), *conditions).subquery()
    pieces = _rows(func.regexp_split_to_table(found.c.word, _BETWEEN_WORDS))
    word = func.btrim(pieces.c.word, _INSIDE_WORDS)
    query = select(word.label("word")).select_from(found).join(pieces, true()).distinct()
    return query.where(func.length(word).between(_SHORTEST, _LONGEST))


def _rows(texts: Function[Any]) -> TableValuedAlias:
    """What a function of Postgres gives as a table of one column, `word`."""
    return texts.table_valued("word").render_derived()
