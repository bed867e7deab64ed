"""Counts how often an item's page is looked at: a number for each item, nothing about visitors.

Called by the item page; a re-index is judged by what is looked at most.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.tables import Item, ItemView


def count_view(session: Session, item_id: int) -> None:
    """One look more. Doesn't commit."""
    statement = insert(ItemView).values(item_id=item_id, views=1)
    more = {"views": ItemView.views + 1}
    session.execute(statement.on_conflict_do_update(index_elements=[ItemView.item_id], set_=more))


def most_viewed(session: Session, limit: int) -> Sequence[int]:
    """Ids of the items looked at most; where nobody has looked yet, the newest."""
    return session.scalars(
        select(Item.id)
        .outerjoin(ItemView, ItemView.item_id == Item.id)
        .where(Item.deleted_at.is_(None))
        .order_by(ItemView.views.desc().nulls_last(), Item.id.desc())
        .limit(limit)
    ).all()
