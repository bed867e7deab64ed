"""Which format a feed is in, told by its content and never by its name.

Used by `ingest.feeds.feed` when the user gives no `--format`.
"""

import csv
from pathlib import Path

from ingest.errors import FeedError
from ingest.feeds.lines import read_head, refuse_binary
from ingest.feeds.tables import sniff_delimiter


def detect_format(path: Path, encoding: str | None) -> str:
    """The name of the format, a key of `ingest.feeds.feed.READERS`. Raises FeedError."""
    if path.is_dir():
        return "folder"
    if not path.exists():
        raise FeedError(str(path), "does not exist", "Name a feed file or a folder of photos")
    refuse_binary(path, encoding)
    head = read_head(path).decode(encoding or "utf-8-sig", errors="replace").lstrip()
    if not head:
        raise FeedError(str(path), "is empty", "The first line must name the columns", line=1)
    if head.startswith("["):
        remedy = "Write one object a line: jq -c '.[]' feed.json > feed.jsonl"
        raise FeedError(str(path), "is one JSON array", remedy)
    return {"<": "google-xml", "{": "jsonl"}.get(head[0]) or _detect_table(head.splitlines()[0])


def _detect_table(header: str) -> str:
    delimiter = sniff_delimiter(header)
    names = {name.strip().lower().replace("_", " ") for name in _split(header, delimiter)}
    if names & {"handle", "url handle"} and names & {
        "variant sku",
        "image src",
        "product image url",
    }:
        return "shopify"
    if "sku" in names and names & {"base image", "additional images", "attribute set code"}:
        return "magento"
    if {"id", "image link"} <= names:
        return "google-tsv"
    return "tsv" if delimiter == "\t" else "csv"


def _split(header: str, delimiter: str) -> list[str]:
    return next(csv.reader([header], delimiter=delimiter), [])
