"""Google Merchant Center product data as XML: RSS 2.0 or Atom, with attributes in `g:`.

Chosen by `ingest.feeds.feed`; parsed event by event, so no tree ever grows.
"""

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from ingest.errors import FeedError, RowError
from ingest.feeds.google import to_record
from ingest.feeds.mapping import apply_mapping
from ingest.feeds.record import ReadOptions, Record, Records

CHUNK_BYTES = 2**16
MAX_PRODUCT_CHARS = 2**20


def read_google_xml(path: Path, options: ReadOptions) -> Records:
    """Yield a record a product; where the XML breaks off, a RowError says so and ends the feed.

    Raises FeedError when there is no product in it at all, or when it declares entities.
    """
    products = _Products()
    parser = DefusedXMLParser(target=products, encoding=options.encoding)
    products.position = lambda: int(parser.parser.CurrentLineNumber)
    count = 0
    try:
        for _ in _feed(parser, path):
            while products.done:
                count += 1
                yield _to_record(products.done.popleft(), options)
    except DefusedXmlException as error:
        reason = "declares entities, which are refused"
        raise FeedError(str(path), reason, "Export it without a DOCTYPE") from error
    except (ParseError, ValueError, LookupError) as error:
        for product in products.done:
            yield _to_record(product, options)
        yield _broken(path, error)
        return
    if not count:
        remedy = "Google's product data has <item> or <entry> elements"
        raise FeedError(str(path), "has no products", remedy)


def _feed(parser: Any, path: Path) -> Iterator[None]:
    """Give the parser one chunk after the other; pause after each."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            parser.feed(chunk)
            yield
    parser.close()
    yield


class _Products:
    """Collects the direct children of each <item> or <entry> as the parser meets them."""

    def __init__(self) -> None:
        self.done: deque[tuple[int, dict[str, list[str]]]] = deque()
        self.position: Callable[[], int] = lambda: 0
        self._values: dict[str, list[str]] | None = None
        self._line = 0
        self._depth = 0
        self._text: list[str] = []
        self._size = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._values is None:
            if _local(tag) in ("item", "entry"):
                self._values, self._line = {}, self.position()
                self._depth = self._size = 0
            return
        self._depth += 1
        if self._depth == 1:
            self._text = [attributes.get("href", "")] if _local(tag) == "link" else []

    def data(self, text: str) -> None:
        if self._values is not None and self._depth == 1:
            self._size += len(text)
            if self._size > MAX_PRODUCT_CHARS:
                raise ValueError(f"the product in line {self._line} is longer than a megabyte")
            self._text.append(text)

    def end(self, tag: str) -> None:
        if self._values is None:
            return
        if self._depth == 1:
            self._values.setdefault(_local(tag), []).append("".join(self._text).strip())
        if self._depth == 0:
            self.done.append((self._line, self._values))
            self._values = None
        self._depth -= 1

    def close(self) -> None:
        """The parser calls this at the end of the file."""


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]


def _to_record(product: tuple[int, dict[str, list[str]]], options: ReadOptions) -> Record:
    line, values = product
    cells = {name: ",".join(texts) for name, texts in values.items()}
    return apply_mapping(to_record(line, values), cells, options.columns)


def _broken(path: Path, error: Exception) -> RowError:
    line = error.position[0] if isinstance(error, ParseError) else None
    reason = f"the XML breaks here: {error}"
    return RowError(str(path), line, reason, "Export the feed again; the rest of it was not read")
