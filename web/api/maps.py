"""The map of the catalog: what it shows, its points in pages, and making it anew."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import url_for
from pydantic import Field

from catalog import maps
from catalog.errors import ConflictError, InputError
from catalog.tables import CatalogMap
from web.api import schemas
from web.api.blueprint import blueprint, requires
from web.api.paging import link_next
from web.present import job_json
from web.services import services, session

_MOST_POINTS = 5000
_NO_CURSOR = "cursor: hand back `next` of the page before as it is"


class CategoryCount(schemas.Out):
    name: str
    garments: int


class MapOut(schemas.Out):
    id: int
    index: str
    created_at: datetime
    garments: int
    categories: list[CategoryCount]
    older_index: bool
    out_of_date: bool
    points_url: str


class PointsQuery(schemas.In):
    limit: int = Field(default=1000, ge=1, le=_MOST_POINTS)
    """How many at most."""
    cursor: schemas.Cursor | None = None
    """`next` of the page before."""


class PointOut(schemas.Out):
    garment: UUID
    x: float
    y: float
    category: str


class PointsPage(schemas.Out):
    items: list[PointOut]
    next: str | None


@blueprint.get("/map")
@requires("read")
@blueprint.output(MapOut)
def read_map() -> dict[str, Any]:
    """What the newest map shows; 404 before the first one."""
    made = maps.get_map(session())
    age = maps.age_of(session(), made)
    counts = zip(made.categories, made.counts, strict=True)
    return {
        "id": made.id,
        "index": made.generation.collection,
        "created_at": made.created_at,
        "garments": made.count,
        "categories": [{"name": name, "garments": count} for name, count in counts],
        "older_index": age.older_index,
        "out_of_date": age.is_out_of_date,
        "points_url": url_for("map.points", map_id=made.id),
    }


@blueprint.get("/map/points")
@requires("read")
@blueprint.input(PointsQuery, location="query")
@blueprint.output(PointsPage)
def list_map_points(query_data: PointsQuery) -> dict[str, Any]:
    """The garments of the map and their places in [0, 1]; hand `next` back as `cursor` for more.

    409 when the map has been made anew between two pages.
    """
    made = maps.get_map(session())
    start = _start_of(query_data.cursor, made)
    found = maps.list_points(session(), made, start, query_data.limit)
    end = start + len(found)
    return {
        "items": [
            {"garment": one.garment_id, "x": one.x, "y": one.y, "category": one.category}
            for one in found
        ],
        "next": link_next(f"{made.id}-{end}" if end < made.count else None),
    }


@blueprint.post("/map")
@requires("admin")
@blueprint.output(schemas.JobOut, status_code=202)
def start_map() -> dict[str, Any]:
    """Make the map anew in the background; 409 while one is made, or with nothing to show."""
    return job_json(maps.start_map(session(), services().queue), {})


def _start_of(cursor: str | None, made: CatalogMap) -> int:
    if cursor is None:
        return 0
    map_id, _, start = cursor.partition("-")
    if not (_is_number(map_id) and _is_number(start)):
        raise InputError(_NO_CURSOR)
    if int(map_id) != made.id:
        raise ConflictError("The map has been made anew meanwhile: begin with its first page.")
    if int(start) > made.count:
        raise InputError(_NO_CURSOR)
    return int(start)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20
