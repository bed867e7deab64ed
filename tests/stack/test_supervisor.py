"""What the supervisor promises: it restarts what dies, and leaves nothing behind."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.processes import Program, StartError
from stack.supervisor import Supervisor
from tests.stack.watching import becomes_true, runs

_SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
_END = (sys.executable, "-c", "raise SystemExit(3)")


class Clock:
    """Time that passes only when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def events() -> list[str]:
    return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def supervisor(events: list[str], clock: Clock) -> Iterator[Supervisor]:
    supervisor = Supervisor(events.append, clock)
    yield supervisor
    supervisor.stop()


def _program(folder: Path, name: str, command: tuple[str, ...] = _SLEEP) -> Program:
    return Program(name=name, command=command, log=folder / f"{name}.log")


def _die(supervisor: Supervisor, name: str) -> None:
    process = supervisor.children[name].process
    process.kill()
    process.wait()
    supervisor.check()


def test_a_killed_child_is_started_again(
    supervisor: Supervisor, clock: Clock, events: list[str], tmp_path: Path
) -> None:
    supervisor.start(_program(tmp_path, "web"))
    first = supervisor.pids()["web"]
    _die(supervisor, "web")
    assert "web has died (signal 9)" in events[-1]
    assert supervisor.pids() == {}
    clock.now += 1
    supervisor.check()
    second = supervisor.pids()["web"]
    assert second != first
    assert runs(second)


def test_a_child_that_keeps_dying_waits_longer_each_time(
    supervisor: Supervisor, clock: Clock, tmp_path: Path
) -> None:
    supervisor.start(_program(tmp_path, "web"))
    pauses = []
    for _ in range(9):
        _die(supervisor, "web")
        restart_at = supervisor.children["web"].restart_at
        assert restart_at is not None
        pauses.append(restart_at - clock.now)
        clock.now = restart_at
        supervisor.check()
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_child_that_had_settled_starts_again_at_once(
    supervisor: Supervisor, clock: Clock, tmp_path: Path
) -> None:
    supervisor.start(_program(tmp_path, "web"))
    for _ in range(3):
        _die(supervisor, "web")
        clock.now += 30
        supervisor.check()
    clock.now += 120
    _die(supervisor, "web")
    assert supervisor.children["web"].deaths == 1


def test_a_hopeless_child_is_named(supervisor: Supervisor, clock: Clock, tmp_path: Path) -> None:
    supervisor.start(_program(tmp_path, "good"))
    supervisor.start(_program(tmp_path, "bad", _END))
    assert supervisor.find_hopeless() is None
    for _ in range(4):
        supervisor.children["bad"].process.wait()
        supervisor.check()
        clock.now += 31
        supervisor.check()
    hopeless = supervisor.find_hopeless()
    assert hopeless is not None
    assert hopeless.name == "bad"


def test_the_death_of_one_child_leaves_the_others_alone(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(_program(tmp_path, "web"))
    supervisor.start(_program(tmp_path, "beat"))
    beat = supervisor.pids()["beat"]
    _die(supervisor, "web")
    assert supervisor.pids() == {"beat": beat}


def test_all_stop_in_reverse_order(
    supervisor: Supervisor, events: list[str], tmp_path: Path
) -> None:
    for name in ("postgres", "web", "beat"):
        supervisor.start(_program(tmp_path, name))
    pids = supervisor.pids().values()
    supervisor.stop()
    assert events[-3:] == ["beat has stopped", "web has stopped", "postgres has stopped"]
    assert not any(runs(pid) for pid in pids)


def test_a_child_that_ignores_the_gentle_signal_is_killed(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    script = (
        "import signal, time, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"pathlib.Path({str(ready)!r}).touch(); time.sleep(600)"
    )
    program = Program(
        name="stubborn",
        command=(sys.executable, "-c", script),
        log=tmp_path / "log",
        ready=ready.exists,
        stop_timeout_s=0.2,
    )
    supervisor.start(program)
    pid = supervisor.pids()["stubborn"]
    supervisor.stop()
    assert not runs(pid)


def test_a_program_that_cannot_start_is_an_error_with_its_own_words(tmp_path: Path) -> None:
    script = "raise SystemExit('port is taken')"
    program = Program(
        name="web",
        command=(sys.executable, "-c", script),
        log=tmp_path / "log",
        ready=lambda: False,
    )
    supervisor = Supervisor(lambda line: None)
    with pytest.raises(StartError, match="port is taken"):
        supervisor.start(program)
    assert supervisor.children == {}


_FAMILY = """
import sys, time
from pathlib import Path
from stack.processes import Program
from stack.supervisor import Supervisor

supervisor = Supervisor(lambda line: None)
for name in ("one", "two"):
    command = (sys.executable, "-c", "import time; time.sleep(600)")
    supervisor.start(Program(name=name, command=command, log=Path(sys.argv[1]) / name))
print(*supervisor.pids().values(), flush=True)
time.sleep(600)
"""


def test_nothing_is_orphaned_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _FAMILY, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    # The launcher asks for the death signal before it becomes the program.
    assert becomes_true(lambda: all(_is_sleeper(pid) for pid in pids))
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    assert becomes_true(lambda: not any(runs(pid) for pid in pids))


def _is_sleeper(pid: int) -> bool:
    return "time.sleep" in Path(f"/proc/{pid}/cmdline").read_text()
