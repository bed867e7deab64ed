"""Which server to talk to and with which token: what the user says, else the local stack's own.

Used by the CLI.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import InputError


@dataclass(frozen=True)
class Connection:
    """A server's address and a token for it."""

    server: str
    token: str


class NoConnectionError(InputError):
    """Neither the user nor a local stack says which server to use."""


def find_connection(server: str | None, token: str | None, home: Path) -> Connection:
    """The given server and token; what is missing comes from the stack that runs in `home`.

    A local stack's token is only ever sent to that stack. Raises NoConnectionError.
    """
    if server and token:
        return Connection(server, token)
    state = _read_state(home / "state.json")
    if server and server.rstrip("/") != state.get("url", "").rstrip("/"):
        raise NoConnectionError(
            f"No token for {server}. Make one there with `lookalike token create NAME --scope "
            "ingest`, then pass it with --token or in LOOKALIKE_TOKEN."
        )
    server, token = server or state.get("url"), token or state.get("ingest_token")
    if not server or not token:
        raise NoConnectionError(
            f"No server: {home / 'state.json'} tells of no local stack. Start one here with "
            "`lookalike up`, or pass --server and --token."
        )
    return Connection(server, token)


def _read_state(path: Path) -> dict[str, str]:
    """What the running stack wrote about itself; empty when there is none or it is damaged."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(state, dict):
        return {}
    return {name: value for name, value in state.items() if isinstance(value, str)}
