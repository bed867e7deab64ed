"""The photos that rows name: found in the feed's folder or fetched, checked lightly and hashed.

Used by `ingest.upload`, from several threads at once. The server decodes them; here only their
size and first bytes are looked at, so that what is plainly no photo is never sent.
"""

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from ingest.downloads import Downloader
from ingest.errors import PhotoSourceError
from ingest.seen_urls import SeenUrls

MAX_PHOTO_BYTES = 20 * 2**20
_REMEDY_FORMAT = "Convert it to JPEG, PNG or WebP"


@dataclass(frozen=True)
class LocatedPhoto:
    """A photo by its hash, and how to get its bytes when the server lacks them."""

    reference: str
    sha256: str
    read: Callable[[], bytes]
    """Raises PhotoSourceError."""


class PhotoSource:
    """Finds photos below `root`, which is a folder or a URL that paths are relative to.

    Downloads wait in the folder `spool` until `forget_downloads`.
    """

    def __init__(
        self,
        root: Path | str,
        downloader: Downloader,
        seen: SeenUrls,
        spool: Path,
        max_bytes: int = MAX_PHOTO_BYTES,
    ) -> None:
        self._root = root
        self._downloader = downloader
        self._seen = seen
        self._spool = spool
        self._max_bytes = max_bytes

    def locate(self, reference: str) -> LocatedPhoto:
        """Find, fetch if it is a URL, check and hash one photo. Raises PhotoSourceError."""
        url = self._url_of(reference)
        if url:
            return self._locate_url(reference, url)
        data = self._read_file(reference)
        return LocatedPhoto(reference, _hash(data), lambda: self._read_file(reference))

    def forget_downloads(self) -> None:
        """Remove the downloads whose batch is done."""
        for file in self._spool.iterdir():
            file.unlink(missing_ok=True)

    def _url_of(self, reference: str) -> str | None:
        """The URL that a reference means; None for a path. Raises PhotoSourceError."""
        scheme = urlsplit(reference).scheme if "://" in reference else ""
        if scheme in ("http", "https"):
            return reference
        if scheme:
            message = f"{reference} is neither http nor https"
            raise PhotoSourceError("not_a_url", reference, message, "Use https or a path")
        return None if isinstance(self._root, Path) else urljoin(self._root, reference)

    def _locate_url(self, reference: str, url: str) -> LocatedPhoto:
        known = self._seen.find(url)
        download = self._downloader.download(url, known[1] if known else None)
        if download.data is None and known:
            # Unchanged: most likely the server has it, so its bytes are only fetched if not.
            return LocatedPhoto(reference, known[0], lambda: self._download_again(url, known[0]))
        data = download.data or b""
        check_photo(data, reference, self._max_bytes)
        sha256 = _hash(data)
        path = self._spool / sha256
        path.write_bytes(data)
        self._seen.remember(url, sha256, download.validators)
        return LocatedPhoto(reference, sha256, path.read_bytes)

    def _download_again(self, url: str, sha256: str) -> bytes:
        data = self._downloader.download(url).data or b""
        if _hash(data) != sha256:
            message = f"{url} gave other bytes than a moment ago"
            raise PhotoSourceError("changed", url, message, "Run the same command again")
        return data

    def _read_file(self, reference: str) -> bytes:
        assert isinstance(self._root, Path)
        path = resolve_inside(self._root, reference)
        data = _read_regular_file(path, reference, self._max_bytes)
        check_photo(data, reference, self._max_bytes)
        return data


def resolve_inside(root: Path, reference: str) -> Path:
    """The real path of a file below `root`, links followed.

    Raises PhotoSourceError when it leaves the folder, by `..`, an absolute path or a link.
    """
    real_root = root.resolve()
    try:
        real = (real_root / reference.replace("\\", "/")).resolve()
    except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, links in a circle
        message, remedy = f"{reference!r} is no usable path", "Check its name"
        raise PhotoSourceError("not_found", reference, message, remedy) from error
    if not real.is_relative_to(real_root):
        message = f"{reference} leaves the feed's folder"
        remedy = "Put the photo below the folder, or name another with --photo-root"
        raise PhotoSourceError("outside_folder", reference, message, remedy)
    return real


def check_photo(data: bytes, reference: str, max_bytes: int = MAX_PHOTO_BYTES) -> None:
    """Raise PhotoSourceError for what is too large or does not begin like a JPEG, PNG or WebP."""
    if len(data) > max_bytes:
        message = f"{reference} is larger than {max_bytes / 2**20:.0f} MiB"
        raise PhotoSourceError("too_many_bytes", reference, message, "Use a smaller photo")
    if not data:
        raise PhotoSourceError("not_a_photo", reference, f"{reference} is empty", "Export it again")
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    if not webp and not data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        message = f"{reference} is not a JPEG, PNG or WebP"
        raise PhotoSourceError("unsupported_format", reference, message, _REMEDY_FORMAT)


def _read_regular_file(path: Path, reference: str, max_bytes: int) -> bytes:
    """Read at most one byte more than allowed; a link put there meanwhile is not followed."""
    try:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise IsADirectoryError("is not a file")
            return file.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        missing = isinstance(error, FileNotFoundError)
        why = "is not there" if missing else f"can't be read: {cause}"
        remedy = "Check its name, or say where photos are with --photo-root"
        message = f"{reference} {why}"
        raise PhotoSourceError("not_found", reference, message, remedy) from error


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
