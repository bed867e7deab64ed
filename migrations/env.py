"""How Alembic reaches the database: through the caller's connection or the settings.

Run by `catalog.database.migrate` and by the `alembic` command.
"""

from alembic import context
from sqlalchemy import Connection

from catalog.database import make_engine
from catalog.settings import load_settings
from catalog.tables import Base


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


def _run_with_own_connection() -> None:
    engine = make_engine(load_settings().database_url)
    with engine.begin() as connection:
        _run(connection)
    engine.dispose()


given = context.config.attributes.get("connection")
if given is None:
    _run_with_own_connection()
else:
    _run(given)
