"""What reviewers do: the queue, corrections of garments, what was corrected as training data.

Part of `Client`; needs a token with the scope `admin`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lookalike_client.admin_answers import Added, ReviewEntry, ReviewGarment
from lookalike_client.connection import segment
from lookalike_client.reading import Reading


class Reviewing(Reading):
    """Calls that say what models have seen wrongly. Each may be repeated, but for adding."""

    def review_queue(self, reason: str | None = None) -> Iterator[ReviewEntry]:
        """Photos that a person should look at, page by page; "reviewed" lists what is done."""
        params = {"reason": reason} if reason else {}
        for one in self.pages("/review", params):
            yield self.read(ReviewEntry, one)

    def correct_garment(
        self,
        garment_id: str,
        category: str | None = None,
        box: Sequence[float] | None = None,
        excluded: bool | None = None,
    ) -> ReviewGarment:
        """Say what is wrong with a garment. After a new box it is `stale` until it is cut anew."""
        said = {"category": category, "box": list(box) if box else None, "excluded": excluded}
        return self._correct(
            garment_id, {name: what for name, what in said.items() if what is not None}
        )

    def accept_garment(self, garment_id: str) -> ReviewGarment:
        """Say that all is right with a garment."""
        return self._correct(garment_id, {"accepted": True})

    def undo_correction(self, garment_id: str) -> None:
        """Take back all that was said of a garment; one that a person added is gone then."""
        self.call("DELETE", f"/garments/{segment(garment_id)}/correction")

    def add_garment(self, sha256: str, category: str, box: Sequence[float]) -> Added:
        """Add a garment that was not found, by its box in pixels of the photo."""
        body = {"category": category, "box": list(box)}
        return self.read(
            Added, self.call_once("POST", f"/photos/{segment(sha256)}/garments", json=body)
        )

    def take_back_added(self, correction_id: int) -> None:
        """Take back a garment that was added, by the `id` of the answer."""
        self.call("DELETE", f"/corrections/{correction_id}")

    def judge_photo(self, sha256: str, verdict: str | None) -> None:
        """Take a photo out of the queue: "empty" or "ignored"; None puts it back."""
        self.call("PUT", f"/photos/{segment(sha256)}/verdict", json={"verdict": verdict})

    def export_corrections(self) -> dict[str, Any]:
        """All that was reviewed, as the content of a COCO file."""
        return dict(self.call("GET", "/corrections"))

    def _correct(self, garment_id: str, said: Mapping[str, object]) -> ReviewGarment:
        path = f"/garments/{segment(garment_id)}/correction"
        return self.read(ReviewGarment, self.call("POST", path, json=dict(said)))
