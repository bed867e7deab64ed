"""The one way into a feed of any format: choose its reader and read.

Called by the CLI; `ingest.rows` checks what comes out.
"""

import codecs
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ingest.errors import FeedError, RowError
from ingest.feeds.detect import detect_format
from ingest.feeds.folder import read_folder
from ingest.feeds.google import read_google_tsv
from ingest.feeds.google_xml import read_google_xml
from ingest.feeds.json_lines import read_json_lines
from ingest.feeds.magento import read_magento
from ingest.feeds.plain import read_plain, read_tsv
from ingest.feeds.record import LeftOut, ReadOptions, Records
from ingest.feeds.shopify import read_shopify
from ingest.rows import FeedRow, read_rows

READERS: Mapping[str, Callable[[Path, ReadOptions], Records]] = {
    "csv": read_plain,
    "tsv": read_tsv,
    "jsonl": read_json_lines,
    "google-tsv": read_google_tsv,
    "google-xml": read_google_xml,
    "shopify": read_shopify,
    "magento": read_magento,
    "folder": read_folder,
}


def read_feed(path: Path, options: ReadOptions) -> Iterator[FeedRow | RowError | LeftOut]:
    """Yield every row of the feed, checked, in its order and without holding more than a few.

    Raises FeedError when the feed as a whole can't be read.
    """
    _check_encoding(path, options.encoding)
    name = options.format or detect_format(path, options.encoding)
    if (name == "folder") != path.is_dir():
        raise FeedError(str(path), f"is not in the format {name!r}", "Leave --format out")
    try:
        yield from read_rows(READERS[name](path, options), path)
    except UnicodeError as error:
        remedy = "Save it as UTF-8, or name its encoding with --encoding"
        raise FeedError(str(path), f"can't be decoded: {error}", remedy) from error


def _check_encoding(path: Path, encoding: str | None) -> None:
    try:
        codecs.lookup(encoding or "utf-8")
    except LookupError as error:
        remedy = "Name one that Python knows, such as utf-8, cp1252 or euc_kr"
        raise FeedError(str(path), f"encoding {encoding!r} is unknown", remedy) from error


def count_rows(path: Path, options: ReadOptions) -> int:
    """How many rows `read_feed` will yield, for a progress bar; also the first look at the feed."""
    return sum(1 for _ in read_feed(path, options))
