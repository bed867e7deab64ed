"""Times several ways to do the same, in turns, so that a busy machine is unfair to all alike.

Used by the benchmarks of the models.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Spent:
    """Median seconds of one turn: on the clock, and of the processor in all threads."""

    wall_s: float
    cpu_s: float


def take_turns(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Spent]:
    """Call each way once to warm up, then all of them in turns; the median of each."""
    for way in ways.values():
        way()
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            way()
            spent[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: Spent(*np.median(turns, axis=0).tolist()) for name, turns in spent.items()}
