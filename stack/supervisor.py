"""Keeps programs running: starts them in order, restarts what dies, stops all in reverse order.

Everything happens in the caller's thread: the kernel ends a child with the thread that made it.
"""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from stack.processes import Program, StartError, start_program, stop_process

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_SETTLED_S = 60.0
"""Who has lived for so long starts with a short pause again."""
_START_ATTEMPTS = 5


@dataclass
class Child:
    """One supervised program and how it has fared."""

    program: Program
    process: "subprocess.Popen[bytes]"
    started_at: float
    restart_at: float | None = None
    """When to start it again; None while it runs."""
    deaths: int = 0
    """In a row, without settling in between."""

    @property
    def runs(self) -> bool:
        return self.restart_at is None


class Supervisor:
    """The children, oldest first; `tell` gets one line for each event."""

    def __init__(
        self, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._clock = clock
        self.children: dict[str, Child] = {}

    def start(self, program: Program) -> None:
        """Start `program`, wait until it is ready, and keep it running from now on.

        A few attempts are made: what a killed supervisor left may still be on its way out.
        Raises StartError when none succeeds.
        """
        for attempt in range(1, _START_ATTEMPTS + 1):
            began = self._clock()
            try:
                process = start_program(program)
                break
            except StartError:
                if attempt == _START_ATTEMPTS or self._clock() - began > _SETTLED_S / 10:
                    raise
                time.sleep(_pause_s(attempt))
        self.children[program.name] = Child(program, process, self._clock())
        self._tell(f"{program.name} is up (pid {process.pid})")

    def check(self) -> None:
        """Notice who has died, start again who is due; returns at once."""
        now = self._clock()
        for child in self.children.values():
            if child.restart_at is None:
                self._notice_death(child, now)
            elif now >= child.restart_at:
                self._start_again(child)

    def pids(self) -> dict[str, int]:
        """Process ids of those that run, by name."""
        return {name: child.process.pid for name, child in self.children.items() if child.runs}

    def find_hopeless(self, deaths: int = 4) -> Program | None:
        """A program that has died so many times in a row; None when all is well."""
        for child in self.children.values():
            if child.deaths >= deaths:
                return child.program
        return None

    def stop(self) -> None:
        """Stop all, the youngest first; returns when no process of theirs is left."""
        for name, child in reversed(self.children.items()):
            stop_process(child.process, child.program.stop_signal, child.program.stop_timeout_s)
            self._tell(f"{name} has stopped")
        self.children.clear()

    def _notice_death(self, child: Child, now: float) -> None:
        code = child.process.poll()
        if code is None:
            return
        # What it had started itself must not go on beside its successor.
        stop_process(child.process, child.program.stop_signal, 0)
        settled = now - child.started_at >= _SETTLED_S
        child.deaths = 1 if settled else child.deaths + 1
        pause = _pause_s(child.deaths)
        child.restart_at = now + pause
        self._tell(
            f"{child.program.name} has died ({_in_words(code)}), starts again in {pause:.1f} s; "
            f"see {child.program.log}"
        )

    def _start_again(self, child: Child) -> None:
        child.process = start_program(child.program, wait=False)
        child.started_at = self._clock()
        child.restart_at = None
        self._tell(f"{child.program.name} is started again (pid {child.process.pid})")


def _pause_s(deaths: int) -> float:
    return float(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (deaths - 1)))


def _in_words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
