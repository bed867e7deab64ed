"""A plain folder of photos: every photo is an item, its sub-folder is the category.

Chosen by `ingest.feeds.feed` when the feed is a folder.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from ingest.errors import FeedError, RowError
from ingest.feeds.record import ReadOptions, Record, Records

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
OTHER_PICTURES = frozenset({".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl"})


def read_folder(path: Path, options: ReadOptions) -> Records:
    """Yield a record a photo, in the order of their names; hidden files are passed over.

    The sku is the path inside the folder without its suffix, so it stays the same while the
    file does; the title is the file's name in words. Files that are no pictures are ignored.
    """
    if options.columns:
        raise FeedError(str(path), "is a folder, which has no columns", "Leave --map out")
    for number, file in enumerate(_walk(path), start=1):
        suffix = file.suffix.lower()
        sku = unicodedata.normalize("NFC", file.with_suffix("").as_posix())
        if suffix in OTHER_PICTURES:
            reason = f"{suffix} pictures can't be read"
            yield RowError(str(path / file), None, reason, "Convert it to JPEG, PNG or WebP", sku)
        else:
            yield _to_record(number, path, file, sku)


def _walk(root: Path) -> Iterator[Path]:
    """Every picture below `root`, relative to it; links to folders are not followed."""
    for folder, folders, files in os.walk(root, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            suffix = Path(name).suffix.lower()
            if not name.startswith(".") and suffix in PHOTO_SUFFIXES | OTHER_PICTURES:
                yield (Path(folder) / name).relative_to(root)


def _refuse(error: OSError) -> None:
    # Passed over, its photos would look as if they had been taken out of the catalog.
    reason = f"can't be opened: {error.strerror}"
    raise FeedError(str(error.filename), reason, "Allow reading the folder") from error


def _to_record(number: int, root: Path, file: Path, sku: str) -> Record:
    category = unicodedata.normalize("NFC", file.parent.as_posix())
    fields: dict[str, str | list[str]] = {
        "sku": sku,
        "title": re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFC", file.stem)).strip(),
        "photos": [str(file)],
    }
    if category != ".":
        fields["category"] = category
    return Record(number, fields, path=str(root / file))
