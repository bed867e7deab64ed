"""What photo URLs held when they were last fetched, so that the next run asks only for changes.

Kept as small files in the user's cache folder by `ingest.photos`; losing them costs a download.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Validators:
    """What a server gave to ask "has it changed since?" with (RFC 9110, section 13)."""

    etag: str | None = None
    last_modified: str | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> "Validators":
        return cls(headers.get("ETag"), headers.get("Last-Modified"))

    def to_headers(self) -> dict[str, str]:
        """The headers of a conditional request."""
        named = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in named.items() if value}

    def any(self) -> bool:
        return bool(self.etag or self.last_modified)


class SeenUrls:
    """URL -> the SHA-256 of its photo and the validators; one small file each, written whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, url: str) -> tuple[str, Validators] | None:
        """What the URL held last time; None when that is unknown or the note is damaged."""
        try:
            note = json.loads(self._path(url).read_text(encoding="utf-8"))
            return str(note["sha256"]), Validators(note["etag"], note["last_modified"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remember(self, url: str, sha256: str, validators: Validators) -> None:
        """Note what the URL holds now; without validators there is nothing to ask with later."""
        if not validators.any():
            return
        path = self._path(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        note = json.dumps({"url": url, "sha256": sha256, **asdict(validators)})
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(note)
        os.replace(temporary, path)

    def _path(self, url: str) -> Path:
        name = hashlib.sha256(url.encode()).hexdigest()
        return self._folder / name[:2] / f"{name}.json"
