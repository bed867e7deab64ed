"""Opening feeds as text in which a wrongly encoded line spoils only itself.

Used by the readers of tables and JSON Lines.
"""

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import TextIO

from ingest.errors import FeedError, RowError

_UNDECODED = re.compile("[\udc80-\udcff]")
_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_BINARIES = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive", "Save the sheet as CSV UTF-8"),
    (b"\x1f\x8b", "compressed", "Unpack it first (gunzip)"),
    (b"\xff\xd8\xff", "a photo", "Name the folder that holds it"),
    (b"\x89PNG", "a photo", "Name the folder that holds it"),
    (b"%PDF", "a PDF", "Export the products as CSV"),
)


def open_lines(path: Path, encoding: str | None) -> TextIO:
    """Open for reading; bytes that are not `encoding` (UTF-8 by default) become surrogates.

    `find_undecoded` finds those. Raises FeedError.
    """
    refuse_binary(path, encoding)
    try:
        return path.open(encoding=encoding or "utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise FeedError(
            str(path), f"can't be opened: {error}", "Check its name and rights"
        ) from error


def refuse_binary(path: Path, encoding: str | None) -> None:
    """Raise FeedError for what is no text, or is in an encoding that its first bytes betray."""
    head = read_head(path, 8)
    for magic, what, remedy in _BINARIES:
        if head.startswith(magic):
            raise FeedError(str(path), f"is {what}, not a feed", remedy)
    for magic, name in _BOMS:
        if head.startswith(magic) and not (encoding or "").lower().startswith("utf"):
            raise FeedError(str(path), f"is {name.upper()}", f"Add --encoding {name}")


def read_head(path: Path, max_bytes: int = 2**16) -> bytes:
    """The first bytes of a file. Raises FeedError when it can't be read."""
    try:
        with path.open("rb") as file:
            return file.read(max_bytes)
    except OSError as error:
        reason = f"can't be read: {error.strerror or error}"
        raise FeedError(str(path), reason, "Check its name and rights") from error


def find_undecoded(texts: Iterable[str]) -> str | None:
    """The first text with a byte that was not in the feed's encoding."""
    return next((text for text in texts if _UNDECODED.search(text)), None)


def encoding_error(
    path: str, line: int, text: str, encoding: str | None, sku: str | None
) -> RowError:
    """The error for a line in which `text` could not be decoded."""
    byte = ord(_UNDECODED.search(text)[0]) - 0xDC00  # type: ignore[index]
    name = (encoding or "utf-8").upper()
    return RowError(
        path,
        line,
        f"byte 0x{byte:02X} is not {name}",
        "Save the feed as UTF-8, or name its encoding: --encoding cp1252",
        sku,
    )


class _TextOf(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden += tag in ("script", "style")
        self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style") and self.hidden > 0
        self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(data)


def plain_text(html: str) -> str:
    """The words of an HTML fragment, without tags, scripts and repeated spaces."""
    if "<" not in html and "&" not in html:
        return " ".join(html.split())
    parser = _TextOf()
    parser.feed(html)
    parser.close()
    return " ".join("".join(parser.parts).split())
