"""CSV and TSV in any of their dialects, read row by row into dictionaries.

The readers of shop formats build on `read_table`; `ingest.feeds.detect` asks `sniff_delimiter`.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import FeedError, RowError
from ingest.feeds.lines import encoding_error, find_undecoded, open_lines

DELIMITERS = ",;\t|"
MAX_FIELD_CHARS = 2**20


@dataclass(frozen=True)
class TableRow:
    """One row of a table: the line it begins on and its cells by column."""

    line: int
    cells: Mapping[str, str]


def sniff_delimiter(header: str) -> str:
    """The delimiter of a header line: of , ; tab | the one most often outside quotes."""
    bare = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=bare.count)


def read_header(path: Path, encoding: str | None, delimiter: str | None = None) -> list[str]:
    """The column names of a table, in order. Raises FeedError."""
    with open_lines(path, encoding) as file:
        first = _first_line(file.readline(MAX_FIELD_CHARS), path, encoding)
        return _parse_header(first, delimiter or sniff_delimiter(first), path)


def read_table(
    path: Path, encoding: str | None, delimiter: str | None = None, sku_column: str | None = None
) -> Iterator[TableRow | RowError]:
    """Yield the rows after the header; a broken row comes as its RowError.

    `sku_column` names the row in errors about its other cells. Raises FeedError when there is
    no usable header.
    """
    csv.field_size_limit(MAX_FIELD_CHARS)
    with open_lines(path, encoding) as file:
        first = _first_line(file.readline(MAX_FIELD_CHARS), path, encoding)
        delimiter = delimiter or sniff_delimiter(first)
        header = _parse_header(first, delimiter, path)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        while True:
            line = reader.line_num + 2
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield RowError(str(path), line, f"broken quotes: {error}", _QUOTES_REMEDY)
                continue
            if any(cell.strip() for cell in cells):
                yield _check_cells(cells, header, line, path, encoding, sku_column)


_QUOTES_REMEDY = 'Write a quote inside a quoted value twice ("") and close every quote'


def _check_cells(
    cells: list[str],
    header: list[str],
    line: int,
    path: Path,
    encoding: str | None,
    sku_column: str | None,
) -> TableRow | RowError:
    if len(cells) != len(header):
        return RowError(
            str(path),
            line,
            f"has {len(cells)} columns, the header has {len(header)}",
            "Fill in the missing columns, and quote values that contain the delimiter",
        )
    row = dict(zip(header, cells, strict=True))
    undecoded = find_undecoded(cells)
    if undecoded is None:
        return TableRow(line, row)
    sku = row.get(sku_column or "", "").strip()
    known = sku if sku and find_undecoded([sku]) is None else None
    return encoding_error(str(path), line, undecoded, encoding, known)


def _first_line(line: str, path: Path, encoding: str | None) -> str:
    if not line.strip():
        raise FeedError(str(path), "is empty", "The first line must name the columns", line=1)
    if find_undecoded([line]):
        error = encoding_error(str(path), 1, line, encoding, None)
        raise FeedError(str(path), error.reason, error.remedy, line=1)
    return line


def _parse_header(line: str, delimiter: str, path: Path) -> list[str]:
    try:
        names = [
            name.strip() for name in next(csv.reader([line], delimiter=delimiter, strict=True))
        ]
    except csv.Error as error:
        raise FeedError(str(path), f"broken header: {error}", _QUOTES_REMEDY, line=1) from error
    doubled = sorted({name for name in names if name and names.count(name) > 1})
    if doubled:
        reason = f"two columns are called {doubled[0]!r}"
        raise FeedError(str(path), reason, "Give every column its own name", line=1)
    return names
