"""Search by photo and why garments match: what a worker has to look at first.

Part of `Client`; a token with the scope `read` is enough.
"""

import time
from typing import Any, Unpack

from lookalike_client.answers import Found, PhotoSimilar, Search, Similar, Why
from lookalike_client.connection import segment
from lookalike_client.errors import SearchFailedError, UnavailableError
from lookalike_client.options import SimilarOptions
from lookalike_client.reading import Reading

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0


class Searching(Reading):
    """Calls around a photo that is in no catalog; the server keeps it for an hour at most."""

    def start_search(self, photo: bytes) -> str:
        """Send a JPEG, PNG or WebP; the id to ask with. Raises InputError for what is none."""
        files = {"photo": ("photo", photo, "application/octet-stream")}
        return str(self.call("POST", "/search", files=files)["id"])

    def get_search(self, search_id: str) -> Search:
        """How far it is. Raises NotFoundError when it has expired."""
        return self.read(Search, self.call("GET", f"/search/{segment(search_id)}"))

    def search(self, photo: bytes, wait_s: float = 60.0) -> Search:
        """Send a photo and wait for its garments.

        Raises SearchFailedError when it can't be looked at, UnavailableError after `wait_s`.
        """
        search_id = self.start_search(photo)
        deadline, pause_s = time.monotonic() + wait_s, _FIRST_PAUSE_S
        while True:
            search = self.get_search(search_id)
            if search.state == "done":
                return search
            if search.state == "failed":
                raise SearchFailedError(search.reason or "The photo could not be looked at.")
            if time.monotonic() + pause_s > deadline:
                raise UnavailableError(f"The photo was not looked at within {wait_s:.0f} s.")
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def similar_to_found(
        self, search_id: str, garment_id: str, **options: Unpack[SimilarOptions]
    ) -> list[Similar]:
        """Items that look like one garment of a photo that was searched with."""
        path = f"/search/{segment(search_id)}/garments/{segment(garment_id)}/similar"
        return self.similar(path, options)

    def similar_to_photo(self, photo: bytes, **options: Unpack[SimilarOptions]) -> list[Similar]:
        """Items that look like the largest garment of a photo; none where none was found."""
        search = self.search(photo)
        if not search.garments:
            return []
        largest = max(search.garments, key=_area)
        return self.similar_to_found(search.id, largest.id, **options)

    def post_photo(
        self, photo: bytes, wait_s: float = 5.0, **options: Unpack[SimilarOptions]
    ) -> PhotoSimilar | str:
        """All garments of a photo with similar items of each, in one call.

        When the server needs longer than `wait_s` (10 at most): the id for `similar_to_posted`.
        """
        params = {"wait_s": wait_s, **options}
        files = {"photo": ("photo", photo, "application/octet-stream")}
        return self._photo_similar(self.call("POST", "/similar", params=params, files=files))

    def similar_to_posted(
        self, search_id: str, wait_s: float = 5.0, **options: Unpack[SimilarOptions]
    ) -> PhotoSimilar | str:
        """The same for a photo that was sent before. Raises NotFoundError when it has expired."""
        params = {"wait_s": wait_s, **options}
        path = f"/similar/{segment(search_id)}"
        return self._photo_similar(self.call("GET", path, params=params))

    def explain_match(self, garment_id: str, other_id: str) -> Why:
        """Why two garments match; `pending` until a worker has worked it out: ask again then."""
        path = f"/garments/{segment(garment_id)}/why/{segment(other_id)}"
        return self.read(Why, self.call("GET", path))

    def explain_match_with_found(self, search_id: str, garment_id: str, other_id: str) -> Why:
        """The same for a garment of a photo that was searched with."""
        garment = f"/search/{segment(search_id)}/garments/{segment(garment_id)}"
        return self.read(Why, self.call("GET", f"{garment}/why/{segment(other_id)}"))

    def _photo_similar(self, answer: Any) -> PhotoSimilar | str:
        return self.read(PhotoSimilar, answer) if "state" in answer else str(answer["id"])


def _area(garment: Found) -> float:
    x0, y0, x1, y1 = garment.box
    return (x1 - x0) * (y1 - y0)
