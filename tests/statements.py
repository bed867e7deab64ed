"""Counts what the database is asked: used by tests that hold its number, and by benchmarks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event


@contextmanager
def counted_statements(bound_to: Engine | Connection) -> Iterator[list[str]]:
    """Every SQL statement that is sent through it inside the block."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(bound_to, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(bound_to, "before_cursor_execute", note)
