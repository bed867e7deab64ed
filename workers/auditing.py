"""Audits: looks for what is wrong with the index and the catalog, without changing anything.

Called by `workers.background`.
"""

from typing import Any

from catalog.check import check
from workers.run import Run


def audit(run: Run) -> dict[str, Any]:
    """Compare the three stores; the numbers of what differs are the job's result."""
    run.advance(0, 1)
    report = check(run.resources.services)
    run.advance(1)
    return {
        "photos": report.photos,
        "garments": report.garments,
        "behind": report.behind,
        "differences": {kind.name.lower(): len(keys) for kind, keys in report.found.items()},
    }
