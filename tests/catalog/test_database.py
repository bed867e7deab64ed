"""Migrations against real Postgres: up, equal to the tables in code, down, up again."""

import threading

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

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


def test_what_a_shop_has_survives_the_way_up_and_down(empty_database_url: str) -> None:
    """From the first release on, with rows; what only newer tables hold goes on the way down."""
    migrate(empty_database_url)
    undo_migrations(empty_database_url, "0002")
    engine = make_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text(_SHOP))
    migrate(empty_database_url)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT kind, recent, attempts FROM job")).all() == [
            ("ingest", [], 0)
        ]
        garment = "SELECT stale, boxed, crop_version, correction_id, found FROM garment"
        assert connection.execute(text(garment)).one() == (False, False, 0, None, None)
        connection.execute(text(_NEWER))
    undo_migrations(empty_database_url, "0002")
    migrate(empty_database_url)
    with engine.connect() as connection:
        counts = {
            table: connection.scalar(text(f"SELECT count(*) FROM {table}"))
            for table in ("item", "photo", "garment", "embedding", "correction", "job", "finding")
        }
    engine.dispose()
    assert counts == dict.fromkeys(counts, 1) | {"finding": 0}


_SHOP = """
INSERT INTO catalog (id, name) VALUES (1, 'shop');
INSERT INTO item (id, catalog_id, sku, title, price) VALUES (1, 1, 'a', 'Red dress', 10);
INSERT INTO photo (id, sha256, bytes, media_type, width, height, state)
  VALUES (1, 'aa', 1, 'image/png', 10, 10, 'indexed');
INSERT INTO item_photo VALUES (1, 1, 0);
INSERT INTO garment (id, photo_id, segmenter, category, score, box, mask, outline, crop, role)
  VALUES ('00000000-0000-0000-0000-000000000001', 1, 's', 'dress', 1, '{0,0,9,9}', '{}', '[]',
          '', 'sold');
INSERT INTO embedding VALUES ('00000000-0000-0000-0000-000000000001', 'e', '\\x0000');
INSERT INTO correction (photo_id, box, category) VALUES (1, '{0,0,9,9}', 'dress');
INSERT INTO generation (id, collection, segmenter, embedder, dimensions, state)
  VALUES (1, 'one', 's', 'e', 1, 'active');
INSERT INTO job (id, kind, state) VALUES ('00000000-0000-0000-0000-000000000002', 'ingest', 'done');
"""

_NEWER = """
UPDATE garment SET correction_id = (SELECT id FROM correction), stale = true, found = '{}';
INSERT INTO job (id, kind, state) VALUES ('00000000-0000-0000-0000-000000000003', 'audit', 'done');
INSERT INTO job (id, kind) VALUES ('00000000-0000-0000-0000-000000000004', 'map');
INSERT INTO finding (id, job_id, kind, key, item_id)
  VALUES (1, '00000000-0000-0000-0000-000000000003', 'coverage', '1', 1);
INSERT INTO explanation (id, garment_id, other_id, embedder)
  VALUES ('00000000-0000-0000-0000-000000000005', '00000000-0000-0000-0000-000000000001',
          '00000000-0000-0000-0000-000000000001', 'e');
INSERT INTO catalog_map VALUES
  (1, 1, '00000000-0000-0000-0000-000000000004', now(), 0, '{}', '{}', '', '');
INSERT INTO comparison (generation_id, report) VALUES (1, '{}');
INSERT INTO photo_review (photo_id, verdict) VALUES (1, 'empty');
INSERT INTO recut (photo_id) VALUES (1);
INSERT INTO webhook (id, url, events, secret_hash)
  VALUES ('00000000-0000-0000-0000-000000000006', 'https://example.com', '{job.done}', '');
INSERT INTO webhook_delivery (id, webhook_id, job_id, event, payload)
  VALUES ('00000000-0000-0000-0000-000000000007', '00000000-0000-0000-0000-000000000006',
          '00000000-0000-0000-0000-000000000003', 'job.done', '{}');
"""
