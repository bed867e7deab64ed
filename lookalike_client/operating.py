"""What operators ask: jobs, re-index, generations, webhooks, health.

Part of `Client`; but for health it needs a token with the scope `admin`.
"""

from collections.abc import Iterator, Sequence

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
    ) -> Job:
        """Build a new index from vectors, crops or photos. Raises ConflictError while one is."""
        body = {"kind": kind, "switch": switch, "segmenter": segmenter, "embedder": embedder}
        return self.read(Job, self.call_once("POST", "/reindex", json=body))

    def activate(self) -> Generation:
        """Switch to the index that waits. Raises ConflictError while it is not complete."""
        return self.read(Generation, self.call_once("POST", "/reindex/activate"))

    def roll_back(self) -> Generation:
        """Switch back to the index before. Raises ConflictError when there is none."""
        return self.read(Generation, self.call_once("POST", "/reindex/rollback"))

    def generations(self) -> list[Generation]:
        """The active index, the one being built and the retired ones that are still kept."""
        return [self.read(Generation, one) for one in self.pages("/generations")]

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

    def deliveries(self, webhook_id: str) -> list[Delivery]:
        """What it was told lately, the newest first."""
        path = f"/webhooks/{segment(webhook_id)}/deliveries"
        return [self.read(Delivery, one) for one in self.pages(path)]

    def health(self) -> Health:
        """Whether the server's parts answer; raises UnavailableError when it does not itself."""
        parts = dict(self.get_parts())
        return Health(ready=parts.pop("status", "") == "ok", parts=parts)
