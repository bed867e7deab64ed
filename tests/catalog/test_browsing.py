"""Pages of items come out of an index in each order, whatever items are called."""

import re

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from catalog.browsing import Choice, Sort, list_items
from catalog.tables import Catalog, Item

LONG = "\N{MATHEMATICAL SCRIPT SMALL A}"
"""A letter of four bytes."""


@pytest.fixture
def catalog(session: Session) -> Catalog:
    made = Catalog(name="shop")
    session.add(made)
    session.flush()
    return made


def test_the_longest_texts_fit_every_index(session: Session, catalog: Catalog) -> None:
    texts = {"sku": 200, "title": 1_000, "brand": 200, "category": 1_000, "description": 50_000}
    letters = "".join(chr(ord(LONG) + place % 26) for place in range(50_000))
    session.add(
        Item(catalog_id=catalog.id, **{name: letters[:count] for name, count in texts.items()})
    )
    session.commit()
    assert len(list_items(session, Choice(), 9, sort=Sort.TITLE)) == 1


@pytest.mark.parametrize(
    ("sort", "index"),
    [
        (Sort.TITLE, "ix_item_title"),
        (Sort.CHEAPEST, "ix_item_cheapest"),
        (Sort.DEAREST, "ix_item_dearest"),
    ],
)
def test_an_index_has_each_order(
    session: Session, catalog: Catalog, sort: Sort, index: str
) -> None:
    plans: list[str] = []

    def explain(connection, cursor, statement, parameters, *_):  # type: ignore[no-untyped-def]
        if re.match("SELECT item", statement):
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plans.extend(line for (line,) in cursor.fetchall())

    session.execute(text("SET LOCAL enable_sort = off"))
    event.listen(session.connection(), "before_cursor_execute", explain)
    list_items(session, Choice(), 48, sort=sort)
    assert index in "\n".join(plans)
