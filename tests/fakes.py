"""Stand-ins that work in memory, for tests of everything around them.

Used by the fixtures in conftest.py; import them where a test needs one by itself.
"""

import uuid
from dataclasses import dataclass, field
from typing import Any

from catalog.errors import QueueUnavailableError


@dataclass(frozen=True)
class SentTask:
    name: str
    args: tuple[Any, ...]
    queue: str
    id: str


@dataclass
class FakeQueue:
    """Remembers what was enqueued; `down = True` makes it fail as an absent broker does."""

    sent: list[SentTask] = field(default_factory=list)
    workers: list[str] = field(default_factory=list)
    down: bool = False

    def enqueue(self, task_name: str, *args: Any, queue: str = "bulk") -> str:
        if self.down:
            raise QueueUnavailableError("the broker is down, because the test says so")
        task = SentTask(task_name, args, queue, str(uuid.uuid4()))
        self.sent.append(task)
        return task.id

    def named(self, task_name: str) -> list[SentTask]:
        """What was sent under `task_name`, oldest first."""
        return [task for task in self.sent if task.name == task_name]

    def ping(self) -> None:
        """Answers as a broker that is up; raises QueueUnavailableError when down."""
        if self.down:
            raise QueueUnavailableError("the broker is down, because the test says so")

    def find_workers(self) -> list[str]:
        """Those that the test has put there; raises QueueUnavailableError when down."""
        self.ping()
        return self.workers

    def close(self) -> None:
        """Nothing to close."""
