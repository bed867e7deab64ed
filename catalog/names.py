"""The names of catalogs. Light: the ingest command and the stack use it without a database."""

from pathlib import Path

LONGEST_NAME = 100
"""In characters."""


def name_after(feed: Path) -> str:
    """The catalog that a feed fills unless it is named: the file's name, or the folder's."""
    name = feed.resolve().name if feed.is_dir() else feed.stem
    return name.strip()[:LONGEST_NAME].rstrip() or "catalog"
