"""What operators ask: jobs, re-index, generations, the map, webhooks, health.

Part of `Client`; but for health it needs a token with the scope `admin`.
"""

from collections.abc import Iterator, Sequence

from lookalike_client.admin_answers import Comparison, Forecast
from lookalike_client.answers import Delivery, Generation, Health, Job, Webhook
from lookalike_client.connection import segment
from lookalike_client.reading import Reading


class Operating(Reading):
    """Calls that watch and steer the server itself."""

    def jobs(self) -> Iterator[Job]:
        """All jobs, the newest first, page by page, without their logs."""
        for one in self.pages("/jobs"):
            yield self.read(Job, one)

    def get_job(self, job_id: str) -> Job:
        """One job with its log. Raises NotFoundError."""
        return self.read(Job, self.call("GET", f"/jobs/{segment(job_id)}"))

    def cancel_job(self, job_id: str) -> Job:
        """Stop a job. Raises ConflictError when it is over and has left nothing waiting."""
        return self.read(Job, self.call_once("POST", f"/jobs/{segment(job_id)}/cancel"))

    def start_reindex(
        self,
        kind: str,
        switch: str = "auto",
        segmenter: str | None = None,
        embedder: str | None = None,
        max_changed: float | None = None,
    ) -> Job:
        """Build a new index from vectors, crops or photos. Raises ConflictError while one is.

        `max_changed` is the share of changed neighbours that the gate lets pass.
        """
        checkpoints = {"segmenter": segmenter, "embedder": embedder}
        body = {"kind": kind, "switch": switch, "max_changed": max_changed} | checkpoints
        return self.read(Job, self.call_once("POST", "/reindex", json=body))

    def forecast_reindex(
        self, kind: str, segmenter: str | None = None, embedder: str | None = None
    ) -> Forecast:
        """What such a re-index would do, and how long. Raises ConflictError without an index."""
        named = {"kind": kind, "segmenter": segmenter, "embedder": embedder}
        params = {name: value for name, value in named.items() if value is not None}
        return self.read(Forecast, self.call("GET", "/reindex/forecast", params=params))

    def get_comparison(self, limit: int = 12) -> Comparison:
        """The gate of the index that is being built. Raises NotFoundError when none is."""
        answer = self.call("GET", "/reindex/comparison", params={"limit": limit})
        return self.read(Comparison, answer)

    def compare_again(self, limit: int = 12) -> Comparison:
        """Compare anew the index that waits. Raises ConflictError when none does."""
        answer = self.call("POST", "/reindex/comparison", params={"limit": limit})
        return self.read(Comparison, answer)

    def activate(self, anyway: str | None = None) -> Generation:
        """Switch to the index that waits; `anyway` says why to do so against its gate.

        Raises ConflictError while it is not complete, or the gate does not hold.
        """
        params = {"anyway": anyway} if anyway else {}
        return self.read(Generation, self.call_once("POST", "/reindex/activate", params=params))

    def roll_back(self) -> Generation:
        """Switch back to the index before. Raises ConflictError when there is none."""
        return self.read(Generation, self.call_once("POST", "/reindex/rollback"))

    def generations(self) -> list[Generation]:
        """The active index, the one being built and the retired ones that are still kept."""
        return [self.read(Generation, one) for one in self.pages("/generations")]

    def start_map(self) -> Job:
        """Have the map of the catalog made anew. Raises ConflictError while one is."""
        return self.read(Job, self.call_once("POST", "/map"))

    def webhooks(self) -> list[Webhook]:
        return [self.read(Webhook, one) for one in self.pages("/webhooks")]

    def create_webhook(
        self, url: str, events: Sequence[str] = (), description: str = ""
    ) -> Webhook:
        """Have `url` told when jobs end (all events when none is named); `secret` is shown once."""
        body = {"url": url, "events": list(events), "description": description}
        return self.read(Webhook, self.call_once("POST", "/webhooks", json=body))

    def delete_webhook(self, webhook_id: str) -> None:
        """Tell it nothing more. Raises NotFoundError."""
        self.call("DELETE", f"/webhooks/{segment(webhook_id)}")

    def test_webhook(self, webhook_id: str) -> Delivery:
        """Send it an event `webhook.test`."""
        answer = self.call_once("POST", f"/webhooks/{segment(webhook_id)}/test")
        return self.read(Delivery, answer)

    def deliveries(self, webhook_id: str) -> Iterator[Delivery]:
        """What it was told, the newest first, page by page."""
        for one in self.pages(f"/webhooks/{segment(webhook_id)}/deliveries"):
            yield self.read(Delivery, one)

    def health(self) -> Health:
        """How the server's parts, its workers and its backlog do: takes it a second."""
        return self.read(Health, self.call("GET", "/health"))
