"""The product's own processes: the web app, two workers and the beat, as the supervisor runs them.

Called by the local stack with the settings that all of them get.
"""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from stack.processes import Program, near_address
from stack.servers import answers_http

_WEB_PROCESSES = 2
_WEB_THREADS = 8
_MOST_THREADS = 8
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads of one calculation sleep while they wait for each other. By default they spin, and on a
machine where something else wants the core as well a photo then takes five times as long."""


def web_program(home: Path, environment: Mapping[str, str], host: str, port: int) -> Program:
    """gunicorn over the web app; `host` is the address that it listens on."""
    return Program(
        name="web",
        command=(
            *(sys.executable, "-m", "gunicorn", "web.wsgi:app", "--bind", f"{host}:{port}"),
            *("--worker-class", "gthread"),
            *("--workers", str(_WEB_PROCESSES), "--threads", str(_WEB_THREADS)),
            # Import once, then fork: half the start. All connections are made on first use.
            *("--preload", "--no-control-socket"),
            *("--timeout", "60", "--graceful-timeout", "5"),
            # An address holds a page's whole state: several brands in Korean are long in UTF-8.
            *("--limit-request-line", "8190"),
        ),
        log=home / "logs" / "web.log",
        ready=lambda: answers_http(near_address(host), port, "/readyz"),
        env=environment,
        death_signal=signal.SIGQUIT,
        # Importing everything takes two seconds, but minutes on a machine that is busy.
        start_timeout_s=600,
    )


def worker_programs(home: Path, environment: Mapping[str, str]) -> tuple[Program, Program]:
    """One worker for the bulk of a catalog, one that answers visitors meanwhile.

    The bulk worker computes with all cores; the other one with half, so that both can go on
    together without thrashing.
    """
    cores = min(_MOST_THREADS, _usable_cores())
    return (
        _worker(home, environment, "bulk", cores),
        _worker(home, environment, "interactive", max(1, cores // 2)),
    )


def beat_program(home: Path, environment: Mapping[str, str]) -> Program:
    """Enqueues the sweep and the sync from time to time."""
    schedule = home / "run" / "beat-schedule"
    schedule.parent.mkdir(parents=True, exist_ok=True)
    return _celery(home, environment, "beat", ("beat", "--schedule", str(schedule), "--pidfile="))


def _usable_cores() -> int:
    """The cores that this process may use: a container often has fewer than the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _worker(home: Path, environment: Mapping[str, str], queue: str, threads: int) -> Program:
    defaults = dict.fromkeys(_THREAD_VARIABLES, str(threads)) | _PATIENT
    return _celery(
        home,
        {**defaults, **environment},
        f"worker-{queue}",
        (
            *("worker", "-Q", queue, "-n", f"{queue}@%h", "--concurrency", "1"),
            *("--pool", "prefork", "--without-gossip", "--without-mingle"),
        ),
    )


def _celery(
    home: Path, environment: Mapping[str, str], name: str, arguments: tuple[str, ...]
) -> Program:
    return Program(
        name=name,
        command=(
            *(sys.executable, "-m", "celery", "-A", "workers.app"),
            *arguments,
            *("--loglevel", "INFO"),
        ),
        log=home / "logs" / f"{name}.log",
        env=environment,
        # SIGQUIT is Celery's quick end: nobody is left to wait for a gentle one.
        death_signal=signal.SIGQUIT,
        stop_timeout_s=30,
    )
