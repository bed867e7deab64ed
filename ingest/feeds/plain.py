"""Plain CSV and TSV: one row an item, columns by their common names or by `--map`.

Chosen by `ingest.feeds.feed`.
"""

from collections.abc import Mapping
from pathlib import Path

from ingest.errors import RowError
from ingest.feeds.columns import assign_columns, check_mapping, require_sku, split_photos
from ingest.feeds.record import ReadOptions, Record, Records
from ingest.feeds.tables import read_header, read_table


def read_plain(path: Path, options: ReadOptions, delimiter: str | None = None) -> Records:
    """Yield a record a row. Raises FeedError when no column says the sku."""
    header = read_header(path, options.encoding, delimiter)
    check_mapping(str(path), header, options.columns)
    assigned = assign_columns(header, options.columns)
    require_sku(str(path), header, assigned.values())
    sku_column = next(column for column, field in assigned.items() if field == "sku")
    for row in read_table(path, options.encoding, delimiter, sku_column):
        yield row if isinstance(row, RowError) else _to_record(row.line, row.cells, assigned)


def read_tsv(path: Path, options: ReadOptions) -> Records:
    """Yield a record a row of a tab-separated table."""
    return read_plain(path, options, delimiter="\t")


def _to_record(line: int, cells: Mapping[str, str], assigned: Mapping[str, str]) -> Record:
    fields: dict[str, str | list[str]] = {}
    photos: list[str] = []
    for column, field in assigned.items():
        if field == "photos":
            photos += split_photos(cells[column])
        else:
            fields[field] = cells[column]
    if "photos" in assigned.values():
        fields["photos"] = photos
    attributes = {
        column: cell for column, cell in cells.items() if column and column not in assigned and cell
    }
    return Record(line, fields, attributes)
