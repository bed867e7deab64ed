"""A typed client of the Lookalike API: `with Client(url, token) as client: client.items()`.

Needs httpx, pydantic, stamina and, to read webhooks, standardwebhooks; nothing of the server.
"""

from lookalike_client.client import Client
from lookalike_client.errors import (
    ConflictError,
    InputError,
    LookalikeClientError,
    NotAServerError,
    NotFoundError,
    RefusedError,
    SearchFailedError,
    ServerFaultError,
    TokenError,
    UnavailableError,
)
from lookalike_client.settings import NO_RETRIES, Retries, Timeouts

__all__ = [
    "NO_RETRIES",
    "Client",
    "ConflictError",
    "InputError",
    "LookalikeClientError",
    "NotAServerError",
    "NotFoundError",
    "RefusedError",
    "Retries",
    "SearchFailedError",
    "ServerFaultError",
    "Timeouts",
    "TokenError",
    "UnavailableError",
]
