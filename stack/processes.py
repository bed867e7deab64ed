"""Child processes: starting, waiting until they are ready, stopping without leaving orphans.

Called by the server modules beside it, by the supervisor and by the tests' fixtures.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from catalog.errors import LookalikeError

_LAUNCHER = str(Path(__file__).with_name("launch.py"))
_FIRST_POLL_S = 0.01
_LONGEST_POLL_S = 0.5
_KILL_WAIT_S = 10.0
_LONGEST_LOG_BYTES = 20 * 2**20


class StartError(LookalikeError):
    """A part of the stack does not come up; `part` names it, `log` holds its own words."""

    def __init__(self, part: str, message: str, log: Path | None = None) -> None:
        words = f"{part}: {message}"
        if log is not None:
            words += f"\nlast lines of {log}:\n{_tail(log)}"
        super().__init__(words)
        self.part = part
        self.log = log


@dataclass(frozen=True)
class Program:
    """One program of the stack: how to start it, how to see that it works, how to stop it."""

    name: str
    command: tuple[str, ...]
    log: Path
    ready: Callable[[], bool] = lambda: True
    """Whether it answers now; never raises for "not yet"."""
    env: Mapping[str, str] | None = None
    """The whole environment; the parent's when None."""
    folder: Path | None = None
    """What belongs to the program alone: handed over when root's identity is dropped."""
    refuses_root: bool = False
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    """What the kernel sends when the parent dies without stopping it."""
    start_timeout_s: float = 120.0
    stop_timeout_s: float = 15.0


@dataclass
class Server:
    """A program that runs and answers under `url`."""

    program: Program
    process: subprocess.Popen[bytes]
    url: str
    details: Mapping[str, str] = field(default_factory=dict)

    def stop(self) -> None:
        """Stop it gently, then surely."""
        stop_process(self.process, self.program.stop_signal, self.program.stop_timeout_s)

    def kill(self) -> None:
        """End it as a crash would."""
        stop_process(self.process, signal.SIGKILL, _KILL_WAIT_S)

    def restart(self) -> None:
        """Start it again on the same port with the same data."""
        self.process = start_program(self.program)


def start_program(program: Program, wait: bool = True) -> "subprocess.Popen[bytes]":
    """Start `program` in its own process group and wait until it is ready.

    Raises StartError when it ends or stays silent for `start_timeout_s`.
    """
    process = _spawn(program)
    if wait:
        try:
            wait_until_ready(program, process)
        except BaseException:
            stop_process(process, signal.SIGKILL, _KILL_WAIT_S)
            raise
    return process


def wait_until_ready(program: Program, process: "subprocess.Popen[bytes]") -> None:
    """Return as soon as `program` answers; raises StartError when it ends or is too slow."""
    deadline = time.monotonic() + program.start_timeout_s
    pause_s = _FIRST_POLL_S
    while not program.ready():
        code = process.poll()
        if code is not None:
            raise StartError(program.name, f"ended with {code} while starting", program.log)
        if time.monotonic() > deadline:
            waited = f"no answer within {program.start_timeout_s:.0f} s"
            raise StartError(program.name, waited, program.log)
        time.sleep(pause_s)
        pause_s = min(_LONGEST_POLL_S, 1.3 * pause_s)


def stop_process(
    process: "subprocess.Popen[bytes]", gentle: signal.Signals, timeout_s: float
) -> None:
    """Send `gentle`, wait, then kill whatever is left of the process group."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(gentle)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout_s)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_KILL_WAIT_S)


def run_dropped(command: tuple[str, ...], folder: Path) -> str:
    """Run `command` to its end as a user that is not root; returns what it printed.

    Raises StartError with its output when it fails.
    """
    done = subprocess.run(
        _launch_command(command, folder, drop=True, death_signal=signal.SIGKILL),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise StartError(Path(command[0]).name, f"ended with {done.returncode}: {done.stdout}")
    return done.stdout


def free_port() -> int:
    """A TCP port on the loopback address that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def near_address(host: str) -> str:
    """The address under which a server that listens on `host` is reached from this machine."""
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host


def _spawn(program: Program) -> "subprocess.Popen[bytes]":
    _make_room(program.log)
    command = _launch_command(
        program.command, program.folder, program.refuses_root, program.death_signal
    )
    with program.log.open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=program.env,
            # Ctrl-C in the terminal is for the supervisor, which stops the others in order.
            start_new_session=True,
        )


def _launch_command(
    command: tuple[str, ...], folder: Path | None, drop: bool, death_signal: signal.Signals
) -> list[str]:
    how = how_to_drop_root() if drop else "keep"
    return [
        *(sys.executable, "-I", "-S", _LAUNCHER),
        *(str(os.getpid()), str(int(death_signal)), how, str(folder or "")),
        *command,
    ]


@cache
def how_to_drop_root() -> str:
    """What `launch.py` must do so that a program does not see root: "keep" when it is not root."""
    if os.geteuid() != 0:
        return "keep"
    probe = "import launch; launch.enter_user_namespace()"
    done = subprocess.run(
        [sys.executable, "-S", "-c", probe],
        cwd=Path(_LAUNCHER).parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return "namespace" if done.returncode == 0 else "nobody"


def _make_room(log: Path) -> None:
    """Begin a new log when the old one has grown long; one old one is kept."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LONGEST_LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))


def _tail(log: Path, lines: int = 15) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
