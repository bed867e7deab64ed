"""Migrations against real Postgres: up, equal to the tables in code, down, up again."""

import threading

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from catalog.database import current_revision, make_engine, migrate, undo_migrations
from catalog.tables import Base


def tables_of(url: str) -> set[str]:
    engine = make_engine(url)
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names


def test_migrations_make_exactly_the_tables_in_code(empty_database_url: str) -> None:
    migrate(empty_database_url)
    engine = make_engine(empty_database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()
    assert tables_of(empty_database_url) == {*Base.metadata.tables, "alembic_version"}


def test_checks_in_the_database_are_those_in_code(empty_database_url: str) -> None:
    migrate(empty_database_url)
    migrated = _check_names(empty_database_url)
    undo_migrations(empty_database_url, "base")
    engine = make_engine(empty_database_url)
    Base.metadata.create_all(engine)
    engine.dispose()
    assert migrated == _check_names(empty_database_url) != set()


def test_migrations_can_be_undone_and_done_again(empty_database_url: str) -> None:
    assert current_revision(empty_database_url) is None
    migrate(empty_database_url)
    head = current_revision(empty_database_url)
    undo_migrations(empty_database_url, "base")
    assert current_revision(empty_database_url) is None
    assert tables_of(empty_database_url) == {"alembic_version"}
    migrate(empty_database_url)
    assert current_revision(empty_database_url) == head is not None


def test_processes_that_start_together_migrate_once(empty_database_url: str) -> None:
    threads = [threading.Thread(target=migrate, args=(empty_database_url,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(Base.metadata.tables) <= tables_of(empty_database_url)


def _check_names(url: str) -> set[tuple[str, str | None, str]]:
    engine = make_engine(url)
    inspector = inspect(engine)
    checks = {
        (table, check["name"], check["sqltext"])
        for table in Base.metadata.tables
        for check in inspector.get_check_constraints(table)
    }
    engine.dispose()
    return checks
