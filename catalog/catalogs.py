"""Named catalogs: found, made on first use, and locked while one writer changes their items.

Called by jobs and by everything in `items`.
"""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.errors import InputError, NotFoundError
from catalog.names import LONGEST_NAME
from catalog.tables import Catalog


def find_catalog(session: Session, name: str) -> Catalog | None:
    return session.scalar(select(Catalog).where(Catalog.name == name))


def ensure_catalog(session: Session, name: str) -> Catalog:
    """The catalog called `name`, made when there is none yet; raises InputError."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or "/" in name:
        raise InputError(f"a catalog's name is 1-{LONGEST_NAME} characters without /: {name!r}")
    found = find_catalog(session, name)
    if found is None:
        session.execute(insert(Catalog).values(name=name).on_conflict_do_nothing())
        found = session.scalars(select(Catalog).where(Catalog.name == name)).one()
    return found


def lock_catalog(session: Session, name: str) -> Catalog:
    """The catalog, ours to change until the transaction ends; raises NotFoundError.

    One writer at a time for each catalog: two feeds of the same shop can't interleave.
    """
    catalog = session.scalar(
        select(Catalog).where(Catalog.name == name.strip()).with_for_update(key_share=True)
    )
    if catalog is None:
        raise NotFoundError("catalog", name)
    return catalog
