"""Fixtures for all tests: real servers once a session, a fresh database for each test.

Imports of our own rooms are inside the fixtures, so that a test needs only what it uses.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, sessionmaker

    from catalog.services import Services
    from stack.processes import Server
    from tests.fakes import FakeQueue

_TEMPLATE = "template_lookalike"


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Server]":
    """A real Postgres, shared by all tests."""
    from stack.postgres import start_postgres
    from stack.processes import free_port

    home = tmp_path_factory.mktemp("postgres")
    server = start_postgres(home / "data", free_port(), durable=False)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Server]":
    """A real Valkey, shared by all tests."""
    from stack.processes import free_port
    from stack.valkey import start_valkey

    server = start_valkey(tmp_path_factory.mktemp("valkey") / "data", free_port())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def edge_server(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Server]":
    """The Edge server, shared by all tests; give each collection a name of its own."""
    from stack.processes import free_port
    from stack.servers import start_edge

    server = start_edge(tmp_path_factory.mktemp("edge") / "data", free_port())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template_database(postgres_server: "Server") -> str:
    """The name of a migrated, empty database that others are copied from in 0.02 s."""
    from catalog.database import migrate

    _run_sql(postgres_server.url, f'CREATE DATABASE "{_TEMPLATE}"')
    migrate(_with_database(postgres_server.url, _TEMPLATE))
    return _TEMPLATE


@pytest.fixture
def empty_database_url(postgres_server: "Server") -> Iterator[str]:
    """The address of a database without any tables, gone after the test."""
    yield from _fresh_database(postgres_server.url, "template0")


@pytest.fixture
def database_url(postgres_server: "Server", template_database: str) -> Iterator[str]:
    """The address of a migrated, empty database, gone after the test."""
    yield from _fresh_database(postgres_server.url, template_database)


@pytest.fixture
def sessions(database_url: str) -> "Iterator[sessionmaker[Session]]":
    """Makes sessions on the test's own database."""
    from catalog.database import make_engine, make_session_factory

    engine = make_engine(database_url)
    yield make_session_factory(engine)
    engine.dispose()


@pytest.fixture
def session(sessions: "sessionmaker[Session]") -> "Iterator[Session]":
    """One session on the test's own database."""
    with sessions() as session:
        yield session


@pytest.fixture
def queue() -> "FakeQueue":
    """The queue inside `services`: remembers what was enqueued."""
    from tests.fakes import FakeQueue

    return FakeQueue()


@pytest.fixture
def services(database_url: str, tmp_path: Path, queue: "FakeQueue") -> "Iterator[Services]":
    """Real Postgres, an index in memory, images in a temporary folder, a queue that remembers."""
    from qdrant_client import QdrantClient

    from catalog.database import make_engine, make_session_factory
    from catalog.photos.image_store import open_image_store
    from catalog.search.index import VectorIndex
    from catalog.services import Services
    from catalog.settings import load_settings

    settings = load_settings(
        {},
        database_url=database_url,
        redis_url="redis://127.0.0.1:1/0",  # nobody listens there: a test asks for a broker
        image_store_url=(tmp_path / "images").as_uri(),
        secret_key=secrets.token_hex(),
    )
    engine = make_engine(database_url)
    client = QdrantClient(":memory:")
    yield Services(
        settings=settings,
        engine=engine,
        sessions=make_session_factory(engine),
        images=open_image_store(settings.image_store_url),
        index=VectorIndex(client),
        queue=queue,
    )
    client.close()
    engine.dispose()


@pytest.fixture
def redis_url(valkey_server: "Server") -> str:
    """The address of an empty broker."""
    import redis

    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


def _fresh_database(server_url: str, template: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    _run_sql(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield _with_database(server_url, name)
    _run_sql(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def _with_database(url: str, name: str) -> str:
    return f"{url.rsplit('/', 1)[0]}/{name}"


def _run_sql(url: str, statement: str) -> None:
    connection = psycopg2.connect(url.replace("postgresql+psycopg2", "postgresql"))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
