"""Cursors: opaque words that say where the next page of a list begins.

Used by the lists of the API.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Response, after_this_request, request, url_for

from catalog.errors import InputError


def make_cursor(*place: str) -> str:
    """A cursor for the place behind the row with these values."""
    return urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def read_cursor(cursor: str, parts: int) -> list[str]:
    """The values that a cursor was made of; raises InputError."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        place: Any = json.loads(urlsafe_b64decode(padded))
    except ValueError as error:
        raise wrong_cursor() from error
    if not isinstance(place, list) or [type(each) for each in place] != [str] * parts:
        raise wrong_cursor()
    return place


def make_moment_cursor(moment: datetime, row_id: UUID) -> str:
    """A cursor of a list whose newest rows come first."""
    return make_cursor(moment.isoformat(), str(row_id))


def read_moment_cursor(cursor: str) -> tuple[datetime, UUID]:
    """When the row that such a cursor stands for was made, and its id; raises InputError."""
    moment, row_id = read_cursor(cursor, 2)
    try:
        # In UTC, because the ends of the calendar are none in some other zones.
        return datetime.fromisoformat(moment).astimezone(UTC), UUID(row_id)
    except (ValueError, OverflowError) as error:
        raise wrong_cursor() from error


def wrong_cursor() -> InputError:
    return InputError("cursor: not one of ours; begin without a cursor.")


def link_next(cursor: str | None) -> str | None:
    """Name the next page in the answer's `Link` header, too; returns the cursor."""
    if cursor is None:
        return None
    args = {**request.args.to_dict(), **(request.view_args or {}), "cursor": cursor}
    address = url_for(str(request.endpoint), **args)

    @after_this_request
    def _add_link(response: Response) -> Response:
        response.headers["Link"] = f'<{address}>; rel="next"'
        return response

    return cursor
