"""What an audit is asked to look for.

Read from a job's parameters by the worker, filled by the pages, the API and the command.
"""

import enum

from pydantic import BaseModel, ConfigDict, Field


class Part(enum.StrEnum):
    """What one audit can look at; the value is also the name of its result."""

    INDEX = "index"
    COVERAGE = "coverage"
    DUPLICATES = "duplicates"


IDENTICAL = 0.98
"""docs/decisions/near-identical.md has what stands above and below it."""


class AuditOptions(BaseModel):
    """Which parts, and where each of them draws its line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parts: tuple[Part, ...] = Field(default=tuple(Part), min_length=1, max_length=3)
    few: int = Field(default=4, ge=1, le=50)
    """An item with fewer look-alikes than this is reported."""
    price_percent: int = Field(default=30, ge=1, le=1000)
    """Look-alikes cost at most so much more or less."""
    likeness: float = Field(default=0.7, ge=0, lt=1)
    """From this cosine on two garments look alike: what the pages call "Similar"."""
    identical: float = Field(default=IDENTICAL, ge=0.5, lt=1)
    """From this cosine on two garments may be one and the same."""
    repair: bool = False
    """Put right what differs between the stores."""

    @property
    def scans_items(self) -> bool:
        return Part.COVERAGE in self.parts or Part.DUPLICATES in self.parts
