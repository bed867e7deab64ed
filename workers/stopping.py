"""How a worker's child process learns that the worker is being stopped.

Celery tells only the parent; the event is made before the fork, so both sides share it.
"""

import multiprocessing

_requested = multiprocessing.Event()


def request_stop() -> None:
    """Ask running tasks to hand back what they have not begun."""
    _requested.set()


def stop_requested() -> bool:
    return _requested.is_set()
