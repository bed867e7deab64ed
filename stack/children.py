"""Runs our own commands as child processes, so that the stack imports nobody's insides.

Called by the local stack and by the demo.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from stack.processes import StartError

_LOOK_EVERY_S = 0.2


def run_lookalike(
    arguments: Sequence[str], environment: Mapping[str, str], answers: str = ""
) -> str:
    """Run `lookalike ARGUMENTS` to its end; returns what it printed.

    `answers` is typed where it asks, so that no process list shows them. Raises StartError with
    its words when it fails.
    """
    done = subprocess.run(
        _command(arguments),
        env=environment,
        input=answers,
        capture_output=True,
        text=True,
        # Without a terminal of its own it reads the answers and nothing else.
        start_new_session=True,
    )
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip()
        raise StartError(f"lookalike {' '.join(arguments[:2])}", words)
    return done.stdout.strip()


def show_lookalike(
    arguments: Sequence[str], environment: Mapping[str, str], meanwhile: Callable[[], None]
) -> int:
    """Run `lookalike ARGUMENTS` on our own terminal, calling `meanwhile` often; its exit code."""
    process = subprocess.Popen(_command(arguments), env=environment)
    try:
        while process.poll() is None:
            meanwhile()
            time.sleep(_LOOK_EVERY_S)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait()
    return process.returncode


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "lookalike", *arguments]
