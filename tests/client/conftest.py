"""Clients of the real app on real Postgres, over WSGI, with the shop of the web tests."""

from collections.abc import Callable, Iterator

import httpx
import pytest
import stamina
from sqlalchemy.orm import Session

from catalog.accounts import create_token
from catalog.services import Services
from lookalike_client import Client
from tests.web.conftest import Shop, shop
from web.app import create_app

__all__ = ["Shop", "shop"]


@pytest.fixture(autouse=True)
def _retry_at_once() -> Iterator[None]:
    """Keep the number of retries but wait for nothing."""
    stamina.set_testing(True, attempts=3)
    yield
    stamina.set_testing(False)


@pytest.fixture
def connect(services: Services, session: Session) -> Iterator[Callable[[str], Client]]:
    """Make a client by scope."""
    transport = httpx.WSGITransport(create_app(services))
    opened: list[Client] = []

    def make(scope: str) -> Client:
        token = create_token(session, scope, [scope])
        session.commit()
        opened.append(Client("http://localhost", token, transport=transport))
        return opened[-1]

    yield make
    for client in opened:
        client.close()
