"""How far a run is, and the learning rate that belongs there.

Used by the trainer. The budget is steps, or minutes spent training: then a slow machine gets
fewer steps, not half a schedule.
"""

import math
from dataclasses import dataclass

from models.segmentation.recipe import TrainOptions

LONGEST_STEP_S = 60.0
"""A step that took longer was suspended: the rest of its time does not count as training."""


@dataclass
class Budget:
    """What a run may spend, and what it has spent."""

    minutes: float | None
    steps: int | None
    step: int = 0
    spent_s: float = 0.0

    @property
    def progress(self) -> float:
        """0 at the start, 1 when the budget is spent."""
        if self.steps is not None:
            return min(1.0, self.step / self.steps)
        return min(1.0, self.spent_s / (60 * (self.minutes or 1e-9)))

    @property
    def left_s(self) -> float | None:
        """Seconds of training left at the speed so far; None before the first step."""
        if not self.progress:
            return None
        return self.spent_s * (1 - self.progress) / self.progress

    def spend(self, seconds: float) -> None:
        """Count one step and the time that it took."""
        self.step += 1
        self.spent_s += min(seconds, LONGEST_STEP_S)


def rate_factor(progress: float, options: TrainOptions) -> float:
    """The share of the learning rate at a point 0-1 of the run: a short rise, then the fall."""
    if progress < options.warmup_share:
        return max(0.02, progress / options.warmup_share)
    if options.schedule == "drops":
        return 0.1 ** sum(progress >= drop for drop in options.drop_at)
    way = min(1.0, (progress - options.warmup_share) / max(1e-9, 1 - options.warmup_share))
    low = options.final_rate_factor
    return low + (1 - low) * 0.5 * (1 + math.cos(math.pi * way))
