"""What brings a catalog in: photos that the server lacks, then rows, inside a job.

Part of `Client`, used by `lookalike ingest`; needs a token with the scope `ingest`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lookalike_client.answers import ItemResult, Job, PhotoStored
from lookalike_client.connection import Connection, new_key, segment

MAX_HASHES = 1_000
MAX_ITEMS = 500
MAX_SKUS = 1_000


class Ingesting(Connection):
    """Calls that change a catalog. Each may be repeated."""

    def find_missing_photos(self, hashes: Iterable[str]) -> set[str]:
        """Which of these photos, by SHA-256, the server does not have."""
        wanted = list(hashes)
        missing: set[str] = set()
        for start in range(0, len(wanted), MAX_HASHES):
            part = wanted[start : start + MAX_HASHES]
            missing.update(self.call("POST", "/photos/missing", json={"sha256": part})["missing"])
        return missing

    def put_photo(self, sha256: str, data: bytes) -> PhotoStored:
        """Send one photo. Raises InputError, whose `reason` says why, when it can't be used."""
        headers = {"Content-Type": "application/octet-stream"}
        path = f"/photos/{segment(sha256)}"
        answer = self.call("PUT", path, content=data, headers=headers)
        return self.read(PhotoStored, answer)

    def start_ingest(self, catalog: str, parameters: Mapping[str, Any] | None = None) -> Job:
        """Begin an ingest into a catalog, made when there is none yet; its id goes with rows."""
        body = {"kind": "ingest", "catalog": catalog, "parameters": dict(parameters or {})}
        # Without a key a second try would leave a second ingest running for ever.
        return self.read(Job, self.call("POST", "/jobs", json=body, headers=new_key()))

    def put_items(
        self, catalog: str, items: Sequence[Mapping[str, Any]], job: str | None = None
    ) -> list[ItemResult]:
        """Create or update at most MAX_ITEMS items; one result each, in their order."""
        path = f"/catalogs/{segment(catalog)}/items"
        answer = self.call("POST", path, json={"job": job, "items": list(items)})
        return [self.read(ItemResult, one) for one in answer["results"]]

    def mark_seen(self, catalog: str, job: str, skus: Sequence[str]) -> None:
        """Keep these skus from being pruned although their rows were not sent."""
        for start in range(0, len(skus), MAX_SKUS):
            body = {"job": job, "skus": list(skus[start : start + MAX_SKUS])}
            self.call("POST", f"/catalogs/{segment(catalog)}/seen", json=body)

    def finish_ingest(
        self,
        job: str,
        state: str = "done",
        prune: bool = False,
        result: Mapping[str, Any] | None = None,
    ) -> int:
        """End an ingest as done, failed or cancelled; how many items were pruned."""
        body = {"state": state, "prune": prune, "result": dict(result or {})}
        return int(self.call("POST", f"/jobs/{segment(job)}/finish", json=body)["pruned"])

    def delete_item(self, catalog: str, sku: str) -> None:
        """Remove an item and everything of it. Raises NotFoundError when there is none."""
        self.call("DELETE", f"/catalogs/{segment(catalog)}/items/{segment(sku)}")
