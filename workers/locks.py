"""Keeps two workers from the same piece of work by a lock that dies with its holder.

Used by re-indexing and by background jobs.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text


@contextmanager
def hold_alone(engine: Engine, key: int) -> Iterator[bool]:
    """Whether this process alone holds Postgres' advisory lock `key`; it ends with its connection.

    `key` is a signed number of 64 bits.
    """
    with engine.connect() as connection:
        held = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key})
        connection.commit()
        try:
            yield bool(held)
        finally:
            if held:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
                connection.commit()
