"""The catalog grid and the page of one item, with what looks like each of its garments.

Public: these are the pages that merchandisers look at all day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from catalog import browsing
from catalog.errors import IndexUnavailableError, NotFoundError
from catalog.search.looks import Companions, complete_look
from catalog.search.similar import SimilarItem, find_recommended, find_similar
from catalog.spelling import forgive_typos, suggest_words
from catalog.tables import Garment, Item, Role
from catalog.views import count_view
from web import queries
from web.choices import Links, read_choice, read_sort
from web.facets import facets_of
from web.pages.paging import clamp_page
from web.queries import Cover
from web.services import services, session
from web.similar_options import SimilarOptions, read_options

PER_PAGE = 48
SIMILAR_LIMIT = 12

blueprint = Blueprint("browse", __name__)


@dataclass(frozen=True)
class Similar:
    """The similar items of the selected garment, with the photo of each."""

    garment: Garment
    options: SimilarOptions
    hits: Sequence[SimilarItem] = ()
    covers: dict[UUID, Cover] | None = None
    unavailable: bool = False


@blueprint.get("/")
def grid() -> str:
    """Items as cards, narrowed by facets and words; the address holds the whole state."""
    choice = read_choice(request.args)
    sort = read_sort(request.args, choice)
    choice = forgive_typos(session(), choice)
    facets = facets_of(choice)
    paging = clamp_page(request.args.get("page"), facets.total, PER_PAGE)
    items = browsing.list_items(session(), choice, PER_PAGE, sort=sort, offset=paging.offset)
    return render_template(
        "grid.html",
        choice=choice,
        meant=suggest_words(session(), choice),
        sort=sort,
        links=Links(choice, sort),
        items=items,
        covers=queries.covers_of(session(), [item.id for item in items]),
        facets=facets,
        paging=paging,
    )


@blueprint.get("/items/<int:item_id>")
def item(item_id: int) -> str:
    """One item: its photos with every garment outlined, and what looks like the selected one."""
    found = queries.get_item(session(), item_id)
    count_view(session(), item_id)
    session().commit()
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
    selected = own_garment(found, garment_id)
    return render_template("_similar.html", item=found, similar=_find_similar(found, selected))


@blueprint.get("/items/<int:item_id>/look/<uuid:garment_id>")
def look(item_id: int, garment_id: UUID) -> str:
    """What look-alikes of one garment are worn with; a page of its own, or a part of the item's."""
    found = queries.get_item(session(), item_id)
    selected = own_garment(found, garment_id)
    in_stock = request.args.get("in_stock") == "1"
    groups: Sequence[Companions] = ()
    unavailable = False
    try:
        groups = complete_look(session(), services().index, selected.id, in_stock=in_stock)
    except (IndexUnavailableError, NotFoundError):
        unavailable = True
    ids = [hit.garment.id for group in groups for hit in group.items]
    fragment = request.args.get("fragment") == "1"
    return render_template(
        "_look.html" if fragment else "look.html",
        item=found,
        garment=selected,
        groups=groups,
        covers=queries.photos_of(session(), ids),
        unavailable=unavailable,
    )


@blueprint.get("/catalogs/<name>/items/<path:sku>")
def item_by_sku(name: str, sku: str) -> Response:
    """A stable address for a shop's own links."""
    found = queries.get_item_by_sku(session(), name, sku)
    return redirect(url_for("browse.item", item_id=found.id))


def _garments_of(item: Item) -> list[Garment]:
    """The garments in an item's photos, what it sells first."""
    garments = [garment for link in item.photo_links for garment in link.photo.garments]
    return sorted(garments, key=lambda garment: garment.role is not Role.SOLD)


def own_garment(item: Item, garment_id: UUID) -> Garment:
    """One of the garments in an item's photos; raises NotFoundError."""
    selected = next((each for each in _garments_of(item) if each.id == garment_id), None)
    if selected is None:
        raise NotFoundError("garment", garment_id)
    return selected


def _select_garment(garments: Sequence[Garment], asked: str | None) -> Garment | None:
    """The garment asked for; otherwise the first, which is the surest sold one if there is any."""
    chosen = (garment for garment in garments if str(garment.id) == asked)
    return next(chosen, garments[0] if garments else None)


def _find_similar(item: Item, garment: Garment) -> Similar:
    options = read_options(request.args)
    filters = options.filters(garment.category, item.brand, item.price, [item.id])
    limits = (filters, SIMILAR_LIMIT, not options.worn, options.variety / 100)
    index = services().index
    try:
        if options.is_steered:
            likes = [garment.id, *options.likes]
            hits = find_recommended(session(), index, likes, options.dislikes, *limits)
        else:
            hits = find_similar(session(), index, garment.id, *limits)
    except (IndexUnavailableError, NotFoundError):
        return Similar(garment, options, unavailable=True)
    covers = queries.photos_of(session(), [hit.garment.id for hit in hits])
    return Similar(garment, options, hits, covers)
