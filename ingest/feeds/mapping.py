"""`--map` on top of the formats that know their own columns.

Used by the readers of Google, Shopify and Magento feeds.
"""

from collections.abc import Mapping
from dataclasses import replace

from ingest.feeds.columns import split_photos
from ingest.feeds.record import Record


def apply_mapping(record: Record, cells: Mapping[str, str], columns: Mapping[str, str]) -> Record:
    """The record with each mapped column's cell in place of what the format itself would say."""
    if not columns:
        return record
    fields = dict(record.fields)
    for column, field in columns.items():
        if column in cells:
            cell = cells[column]
            fields[field] = split_photos(cell) if field == "photos" else cell
    return replace(record, fields=fields)
