"""How long a server is waited for and how often it is asked again: values for `Client`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timeouts:
    """How long one request may take, in seconds."""

    connect_s: float = 5.0
    answer_s: float = 60.0
    """Between any two signs of life of the server."""


@dataclass(frozen=True)
class Retries:
    """How long a server that can't answer now is waited for."""

    attempts: int = 8
    timeout_s: float = 90.0
    """All attempts and pauses together."""
    wait_initial_s: float = 0.5
    max_wait_s: float = 15.0
    """The longest that a server's Retry-After makes us wait."""


NO_RETRIES = Retries(attempts=1)
