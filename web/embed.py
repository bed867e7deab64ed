"""Similar items on the shop's own pages: the script, what it asks for, and a page that shows it.

Public, and there only where EMBED_ORIGINS names the shops. Registered by `web.app`.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import (
    Response,
    abort,
    current_app,
    jsonify,
    make_response,
    render_template,
    request,
    url_for,
)
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import exists, select

from catalog.search.points import Filters
from catalog.search.similar import SimilarItem, find_similar_to_item
from catalog.tables import Catalog, Item, ItemPhoto
from web import images, queries
from web.limits import READ, limits
from web.services import services, session

MAX_ITEMS = 24
_ANSWER_AGE_S = 300
_OTHERS_SHOWN = 6
_EXAMPLE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' {public}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

# APIFlask asks every blueprint that has something to do before a request if it describes it.
blueprint = APIBlueprint("embed", __name__, enable_openapi=False)


class Wanted(BaseModel):
    """The options of the script, as it hands them on."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=6, ge=1, le=MAX_ITEMS)
    in_stock: bool = False


@blueprint.before_request
def _refuse_unless_on() -> None:
    if not services().settings.embed_origins:
        abort(404)


@blueprint.get("/embed.js")
def script() -> Response:
    """The script that a shop's page names; browsers look for a new one after an hour."""
    return _for_other_sites(current_app.send_static_file("embed.js"))


@blueprint.get("/embed/<catalog>/<path:sku>/similar")
def similar(catalog: str, sku: str) -> Response:
    """What looks like an item, of the same catalog; only what its shop shows to everybody."""
    limits().spend(READ)
    response = jsonify(items=_public(_find_similar(catalog, sku, _read_options())))
    response.cache_control.public = True
    response.cache_control.max_age = _ANSWER_AGE_S
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/embed/photos/<sha256>.webp")
def photo(sha256: str) -> Response:
    """A thumbnail that pages of other sites may show."""
    return _for_other_sites(images.photo(sha256, "thumb"))


@blueprint.get("/embed/crops/<uuid:garment_id>.webp")
def crop(garment_id: UUID) -> Response:
    return _for_other_sites(images.crop(garment_id))


@blueprint.get("/embed/example")
def example() -> Response:
    """A shop's page with the script in it: any item by `catalog` and `sku`, else the newest."""
    catalog, sku = request.args.get("catalog"), request.args.get("sku")
    others = _newest_items(catalog)
    item = queries.get_item_by_sku(session(), catalog, sku) if catalog and sku else None
    if item is None and others:
        item = queries.get_item(session(), others[0].id)
    page = render_template(
        "embed_example.html",
        item=item,
        others=others,
        covers=queries.covers_of(session(), [other.id for other in others]),
        script_url=absolute("embed.script"),
    )
    response = make_response(page)
    response.headers["Content-Security-Policy"] = _EXAMPLE_POLICY.format(
        public=services().settings.public_url
    )
    return response


def absolute(endpoint: str, **values: Any) -> str:
    """An address for pages of other sites; by the setting, because a request can claim any host."""
    return services().settings.public_url + url_for(endpoint, **values)


def _read_options() -> Wanted:
    try:
        return Wanted.model_validate(request.args.to_dict())
    except ValidationError as error:
        first = error.errors()[0]
        abort(422, f"{first['loc'][0]}: {first['msg']}")


def _find_similar(catalog: str, sku: str, wanted: Wanted) -> list[SimilarItem]:
    """Nothing for an unknown sku: a product that is new in the shop is no error in its page."""
    item_id = session().scalar(
        select(Item.id)
        .join(Item.catalog)
        .where(Catalog.name == catalog, Item.sku == sku, Item.deleted_at.is_(None))
    )
    if item_id is None:
        return []
    filters = Filters(catalog=catalog, in_stock=wanted.in_stock)
    return find_similar_to_item(session(), services().index, item_id, filters, limit=wanted.limit)


def _public(hits: Sequence[SimilarItem]) -> list[dict[str, Any]]:
    """Title, price, address and picture of each; nothing else leaves."""
    covers = queries.photos_of(session(), [hit.garment.id for hit in hits])
    return [_public_item(hit, covers[hit.garment.id]) for hit in hits if hit.garment.id in covers]


def _public_item(hit: SimilarItem, cover: queries.Cover) -> dict[str, Any]:
    item = hit.item
    return {
        "sku": item.sku,
        "title": item.title,
        "price": float(item.price) if item.price is not None else None,
        "currency": item.currency,
        "url": item.url or absolute("browse.item", item_id=item.id),
        "picture": absolute("embed.photo", sha256=cover.sha256),
        "width": cover.width,
        "height": cover.height,
        "crop": absolute("embed.crop", garment_id=hit.garment.id, v=hit.garment.crop_version or 0),
    }


def _newest_items(catalog: str | None) -> Sequence[Item]:
    """Some items with photos, to choose from."""
    shown = exists().where(ItemPhoto.item_id == Item.id)
    query = select(Item).join(Item.catalog).where(Item.deleted_at.is_(None), shown)
    if catalog:
        query = query.where(Catalog.name == catalog)
    return session().scalars(query.order_by(Item.id.desc()).limit(_OTHERS_SHOWN)).all()


@blueprint.after_request
def _allow_origin(response: Response) -> Response:
    """Let scripts of exactly the shops' origins read the answer, an error too."""
    origin = request.headers.get("Origin")
    response.vary.add("Origin")
    if origin in services().settings.embed_origins:
        response.headers["Access-Control-Allow-Origin"] = origin
    return response


def _for_other_sites(response: Response) -> Response:
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
