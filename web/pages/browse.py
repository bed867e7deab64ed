"""The catalog grid and the page of one item, with what looks like each of its garments.

Public: these are the pages that merchandisers look at all day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from catalog.errors import IndexUnavailableError, NotFoundError
from catalog.search.points import Filters
from catalog.search.similar import SimilarItem, find_similar
from catalog.tables import Garment, Item, Role
from web import queries
from web.pages.paging import clamp_page
from web.queries import Choice, Cover
from web.services import services, session

PER_PAGE = 48
SIMILAR_LIMIT = 12
_MAX_WORDS = 200

blueprint = Blueprint("browse", __name__)


@dataclass(frozen=True)
class Similar:
    """The similar items of the selected garment, with the photo of each."""

    garment: Garment
    hits: Sequence[SimilarItem]
    covers: dict[UUID, Cover]
    any_category: bool
    any_role: bool
    unavailable: bool = False


@blueprint.get("/")
def grid() -> str:
    """Items as cards, narrowed by catalog, garment category and words."""
    choice = _choice()
    total = queries.count_items(session(), choice)
    paging = clamp_page(request.args.get("page"), total, PER_PAGE)
    items = queries.list_items(session(), choice, PER_PAGE, offset=paging.offset)
    return render_template(
        "grid.html",
        choice=choice,
        items=items,
        covers=queries.covers_of(session(), [item.id for item in items]),
        catalogs=queries.list_catalogs(session()),
        categories=queries.count_categories(session(), choice),
        paging=paging,
    )


@blueprint.get("/items/<int:item_id>")
def item(item_id: int) -> str:
    """One item: its photos with every garment outlined, and what looks like the selected one."""
    found = queries.get_item(session(), item_id)
    photos = [link.photo for link in found.photo_links]
    garments = _garments_of(found)
    selected = _select_garment(garments, request.args.get("garment"))
    return render_template(
        "item.html",
        item=found,
        photos=photos,
        garments=garments,
        selected=selected,
        similar=_find_similar(found, selected) if selected else None,
    )


@blueprint.get("/items/<int:item_id>/similar/<uuid:garment_id>")
def similar_fragment(item_id: int, garment_id: UUID) -> str:
    """The similar items of one garment alone, for the item page's script."""
    found = queries.get_item(session(), item_id)
    selected = next((each for each in _garments_of(found) if each.id == garment_id), None)
    if selected is None:
        raise NotFoundError("garment", garment_id)
    return render_template("_similar.html", item=found, similar=_find_similar(found, selected))


@blueprint.get("/catalogs/<name>/items/<path:sku>")
def item_by_sku(name: str, sku: str) -> Response:
    """A stable address for a shop's own links."""
    found = queries.get_item_by_sku(session(), name, sku)
    return redirect(url_for("browse.item", item_id=found.id))


def _choice() -> Choice:
    words = request.args.get("q", "").strip()
    if len(words) > _MAX_WORDS:
        abort(400, f"A search may have {_MAX_WORDS} characters at most.")
    return Choice(request.args.get("catalog"), request.args.get("category"), words)


def _garments_of(item: Item) -> list[Garment]:
    """The garments in an item's photos, what it sells first."""
    garments = [garment for link in item.photo_links for garment in link.photo.garments]
    return sorted(garments, key=lambda garment: garment.role is not Role.SOLD)


def _select_garment(garments: Sequence[Garment], asked: str | None) -> Garment | None:
    """The garment asked for; otherwise the first, which is the surest sold one if there is any."""
    chosen = (garment for garment in garments if str(garment.id) == asked)
    return next(chosen, garments[0] if garments else None)


def _find_similar(item: Item, garment: Garment) -> Similar:
    any_category = request.args.get("any") == "1"
    any_role = request.args.get("worn") == "1"
    filters = Filters(category=None if any_category else garment.category, exclude_items=[item.id])
    try:
        hits = find_similar(
            session(),
            services().index,
            garment.id,
            filters,
            limit=SIMILAR_LIMIT,
            sold_only=not any_role,
        )
    except (IndexUnavailableError, NotFoundError):
        return Similar(garment, [], {}, any_category, any_role, unavailable=True)
    covers = queries.photos_of(session(), [hit.garment.id for hit in hits])
    return Similar(garment, hits, covers, any_category, any_role)
