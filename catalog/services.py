"""Everything a process needs to reach the outside, made once from its settings.

The web app, the workers and the commands call `make_services`; tests build one from fakes.
"""

from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from catalog.database import make_engine, make_session_factory
from catalog.photos.image_store import ImageStore, open_image_store
from catalog.queue import TaskQueue, make_queue
from catalog.search.index import VectorIndex, make_index
from catalog.settings import Settings


@dataclass(frozen=True)
class Services:
    """The database, the image store, the vector index and the queue."""

    settings: Settings
    engine: Engine
    sessions: sessionmaker[Session]
    images: ImageStore
    index: VectorIndex
    queue: TaskQueue

    def close(self) -> None:
        """Give all connections back; the process must not use the services afterwards."""
        self.index.close()
        self.queue.close()
        self.engine.dispose()


def make_services(settings: Settings) -> Services:
    """The real services of one process; each connects on first use, so call it after a fork."""
    engine = make_engine(settings.database_url)
    return Services(
        settings=settings,
        engine=engine,
        sessions=make_session_factory(engine),
        images=open_image_store(settings.image_store_url),
        index=make_index(settings),
        queue=make_queue(settings.redis_url),
    )
