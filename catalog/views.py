"""Counts how often an item's page is looked at: a number for each item, nothing about visitors.

Called by the item page; the catalog can be sorted by it.
"""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.tables import ItemView


def count_view(session: Session, item_id: int) -> None:
    """One look more. Doesn't commit."""
    statement = insert(ItemView).values(item_id=item_id, views=1)
    more = {"views": ItemView.views + 1}
    session.execute(statement.on_conflict_do_update(index_elements=[ItemView.item_id], set_=more))
