"""What background checks find: index health, coverage, near-identical garments.

Part of `Client`; needs a token with the scope `admin`.
"""

from collections.abc import Iterator
from typing import Any, Unpack

from lookalike_client.admin_answers import Finding
from lookalike_client.answers import Job
from lookalike_client.options import AuditOptions, FindingFilters
from lookalike_client.reading import Reading


class Auditing(Reading):
    """Calls around audits."""

    def start_audit(self, **options: Unpack[AuditOptions]) -> Job:
        """Have a worker look through index and catalog. Raises ConflictError while one does."""
        return self.read(Job, self.call_once("POST", "/audit", json=options))

    def findings(self, kind: str, **filters: Unpack[FindingFilters]) -> Iterator[Finding]:
        """What the newest audit of "index", "coverage" or "duplicates" has found, page by page."""
        query: dict[str, Any] = {"kind": kind, **filters}
        for one in self.pages("/findings", query):
            yield self.read(Finding, one)

    def dismiss_finding(self, finding_id: int, item: int | None = None) -> int:
        """Say that a group's items, or one of them, are different; how many pairs that are."""
        answer = self.call("POST", f"/findings/{finding_id}/dismiss", json={"item": item})
        return int(answer["dismissed"])
