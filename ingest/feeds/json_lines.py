"""JSON Lines: one JSON object a line, members by the same names as the columns of a plain CSV.

Chosen by `ingest.feeds.feed`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingest.errors import RowError
from ingest.feeds.columns import assign_columns, split_photos
from ingest.feeds.lines import encoding_error, find_undecoded, open_lines
from ingest.feeds.record import ReadOptions, Record, Records

MAX_LINE_CHARS = 2**22


def read_json_lines(path: Path, options: ReadOptions) -> Records:
    """Yield a record a line; empty lines are passed over."""
    with open_lines(path, options.encoding) as file:
        number = 0
        while line := file.readline(MAX_LINE_CHARS):
            number += 1
            if line.strip():
                yield _read_line(line, number, path, options)


def _read_line(line: str, number: int, path: Path, options: ReadOptions) -> Record | RowError:
    undecoded = find_undecoded([line])
    if undecoded is not None:
        return encoding_error(str(path), number, undecoded, options.encoding, None)
    try:
        members = json.loads(line, parse_float=str, parse_int=str, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        remedy = "Write one whole JSON object on each line"
        return RowError(str(path), number, f"is not JSON: {error}", remedy)
    if not isinstance(members, dict):
        remedy = "Write one whole JSON object on each line"
        return RowError(str(path), number, "is not a JSON object", remedy)
    return _to_record(number, members, options.columns)


def _to_record(number: int, members: Mapping[str, Any], columns: Mapping[str, str]) -> Record:
    fields: dict[str, str | list[str]] = {}
    assigned = assign_columns(members, columns)
    photos: list[str] = []
    for name, field in assigned.items():
        if field == "photos":
            photos += _photos_of(members[name])
        else:
            fields[field] = _text_of(members[name])
    if "photos" in assigned.values():
        fields["photos"] = photos
    attributes = {
        name: _attribute_of(value)
        for name, value in members.items()
        if name and name not in assigned and value not in (None, "", [], {})
    }
    return Record(number, fields, attributes)


def _photos_of(value: Any) -> list[str]:
    if isinstance(value, list):
        return [_text_of(photo) for photo in value if photo]
    return split_photos(_text_of(value))


def _attribute_of(value: Any) -> str | list[str]:
    return [_text_of(one) for one in value] if isinstance(value, list) else _text_of(value)


def _text_of(value: Any) -> str:
    """A scalar as its own text (numbers arrive as text already), anything deeper as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _refuse_constant(name: str) -> str:
    raise ValueError(f"{name} is no JSON value")
