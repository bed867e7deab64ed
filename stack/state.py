"""What a running local stack tells about itself: `state.json` in its home, mode 0600.

Written by the stack; read by `lookalike status`, and by the command line to find the addresses.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from catalog.errors import ConflictError
from stack.private import write_private

ADDRESSES = ("DATABASE_URL", "REDIS_URL", "QDRANT_URL")


@dataclass(frozen=True)
class State:
    """Where the stack answers, with what secrets, and its processes."""

    url: str
    ingest_token: str
    pids: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    """The settings that its processes were given."""


def default_home(environ: Mapping[str, str] = os.environ) -> Path:
    """LOOKALIKE_HOME, else `.lookalike` in the present folder."""
    return Path(environ.get("LOOKALIKE_HOME") or ".lookalike")


def write_state(home: Path, state: State) -> None:
    write_private(home / "state.json", json.dumps(asdict(state), indent=1) + "\n")


def find_state(home: Path) -> State | None:
    """The state that the last stack in `home` wrote; None without one."""
    try:
        return State(**json.loads((home / "state.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def is_running(home: Path) -> bool:
    """Whether a supervisor holds `home` now."""
    try:
        with hold(home):
            return False
    except ConflictError:
        return True
    except OSError:
        return False


@contextmanager
def hold(home: Path) -> Iterator[None]:
    """Keep `home` to ourselves; raises ConflictError while another supervisor holds it."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            state = find_state(home)
            where = f" at {state.url}" if state else ""
            raise ConflictError(f"a stack runs in {home} already{where}") from error
        yield


def use_local_addresses(environ: MutableMapping[str, str]) -> None:
    """Let a command reach the stack that runs here, unless the environment names another one."""
    if any(name in environ for name in ADDRESSES):
        return
    home = default_home(environ)
    state = find_state(home)
    if state is not None and is_running(home):
        for name, value in state.environment.items():
            environ.setdefault(name, value)
