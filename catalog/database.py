"""How Postgres is reached and brought to the present schema.

Called by `make_services`, by `lookalike migrate` and by the tests.
"""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, func, select
from sqlalchemy.orm import Session, sessionmaker

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"

# Any fixed number does: it only has to be the same for everybody who migrates.
_MIGRATION_LOCK = 5_461_001


def make_engine(url: str, **options: Any) -> Engine:
    """An engine that connects on first use and notices connections which a restart has killed."""
    defaults: dict[str, Any] = {
        "pool_pre_ping": True,
        "connect_args": {
            "connect_timeout": 10,
            "application_name": "lookalike",
            "options": "-c timezone=utc",
        },
    }
    return create_engine(url, **(defaults | options))


def make_session_factory(engine: Engine) -> sessionmaker[Session]:
    """Sessions whose rows stay readable after the commit: ids are enqueued only then."""
    return sessionmaker(engine, expire_on_commit=False)


def migrate(url: str, revision: str = "head") -> None:
    """Upgrade the database to `revision`; of several processes that start at once, one does it."""
    _with_lock(url, lambda config: command.upgrade(config, revision))


def undo_migrations(url: str, revision: str) -> None:
    """Downgrade the database to `revision` ("base" empties it)."""
    _with_lock(url, lambda config: command.downgrade(config, revision))


def current_revision(url: str) -> str | None:
    """The revision that the database is at; None before the first migration."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def _with_lock(url: str, act: Any) -> None:
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            act(_alembic_config(connection))
    finally:
        engine.dispose()


def _alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
