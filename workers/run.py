"""One go at a background job: what its work is given to read its task and to say how far it is.

Made by `workers.background`, used by what does the work.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from catalog.jobs import OPEN_STATES, advance_job
from catalog.tables import Job
from workers.resources import Resources
from workers.stopping import stop_requested


class CancelledError(Exception):
    """Somebody has asked the job to stop."""


class InterruptedWorkError(Exception):
    """The worker is being stopped; another one goes on with the job."""


@dataclass(frozen=True)
class Run:
    """A job that this process has claimed. Work that keeps its place may stop when `is_over`."""

    resources: Resources
    job_id: uuid.UUID
    parameters: Mapping[str, Any]
    result: Mapping[str, Any]
    """What earlier pieces have written into the job's result: the place to go on from."""
    until: float
    """By `time.monotonic`."""

    @property
    def is_over(self) -> bool:
        """Whether other work should have its turn now."""
        return time.monotonic() >= self.until

    def advance(self, done: int, total: int | None = None) -> None:
        """Note how far the work is and that it is alive; call it every few seconds.

        Raises CancelledError or InterruptedWorkError when the work has to stop: let them pass.
        """
        with self.resources.services.sessions.begin() as session:
            advance_job(session, self.job_id, done, total)
            job = select(Job.state, Job.cancel_requested).where(Job.id == self.job_id)
            state, cancel_requested = session.execute(job).one()
        if cancel_requested or state not in OPEN_STATES:
            raise CancelledError
        if stop_requested():
            raise InterruptedWorkError
