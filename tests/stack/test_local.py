"""The whole product under its supervisor, as `lookalike up` runs it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from catalog.errors import ConflictError
from stack.local import choose_port
from stack.processes import Server, free_port
from stack.state import State, find_state
from tests.stack.watching import becomes_true, runs

pytestmark = pytest.mark.timeout(900)
_START_S = 400
_EMBEDDED = {"postgres", "valkey", "edge"}
_OURS = {"supervisor", "web", "worker-bulk", "worker-interactive", "beat"}


def _start(home: Path, **environment: str) -> tuple["subprocess.Popen[bytes]", State]:
    """`lookalike up` in `home`, once it has written its state."""
    (home / "state.json").unlink(missing_ok=True)
    home.mkdir(exist_ok=True)
    with (home / "up.log").open("ab") as log:
        process = subprocess.Popen(
            [
                # As a script starts it in its background: with SIGQUIT ignored.
                *("sh", "-c", 'trap "" QUIT; exec "$@"', "sh"),
                *(sys.executable, "-m", "lookalike", "up"),
                *("--home", str(home), "--port", str(free_port())),
            ],
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
        )
    up = becomes_true(
        lambda: find_state(home) is not None or process.poll() is not None, timeout_s=_START_S
    )
    state = find_state(home)
    assert up, "too slow"
    assert state is not None, (home / "up.log").read_text()
    return process, state


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack") / "home"


def test_up_starts_all_restarts_what_dies_and_stops_all(home: Path) -> None:
    process, state = _start(home)
    assert set(state.pids) == _EMBEDDED | _OURS
    assert all(runs(pid) for pid in state.pids.values())
    assert (home / "state.json").stat().st_mode & 0o777 == 0o600

    os.kill(state.pids["valkey"], signal.SIGKILL)
    assert becomes_true(lambda: _new_pid(home, "valkey", state))
    with redis.Redis.from_url(state.environment["REDIS_URL"]) as client:
        assert becomes_true(lambda: _answers(client))

    last = find_state(home)
    assert last is not None
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    assert not any(runs(pid) for pid in last.pids.values())


def test_given_addresses_are_used_and_a_killed_supervisor_leaves_no_orphan(
    home: Path, valkey_server: Server
) -> None:
    former_token = (home / "ingest_token").read_text()
    process, state = _start(home, REDIS_URL=valkey_server.url)
    assert set(state.pids) == (_EMBEDDED | _OURS) - {"valkey"}
    assert state.environment["REDIS_URL"] == valkey_server.url
    assert state.ingest_token == former_token

    process.kill()
    process.wait()
    assert becomes_true(lambda: not any(runs(pid) for pid in state.pids.values()))


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(ConflictError, match=f"port {port} is taken"):
            choose_port(port)


def _new_pid(home: Path, name: str, before: State) -> bool:
    now = find_state(home)
    return now is not None and name in now.pids and now.pids[name] != before.pids[name]


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
