"""What a shop's pages ask: catalogs, items, and what looks like a garment or an item.

Everything here only reads.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from catalog import browsing
from catalog.browsing import Choice
from catalog.search.looks import complete_look
from catalog.search.points import Filters
from catalog.search.similar import (
    SimilarItem,
    find_recommended,
    find_similar,
    find_similar_to_item,
)
from catalog.spelling import forgive_typos
from catalog.tables import GenerationState, Item
from web import queries
from web.api import schemas
from web.api.blueprint import blueprint, requires
from web.api.paging import link_next, make_cursor, read_cursor
from web.facets import facets_of
from web.present import garment_json, item_brief, item_json, photo_json, similar_json
from web.services import services, session


@blueprint.get("/catalogs")
@requires("read")
@blueprint.input(schemas.CatalogsQuery, location="query")
@blueprint.output(schemas.CatalogsOut)
def list_catalogs(query_data: schemas.CatalogsQuery) -> dict[str, Any]:
    """Catalogs by name with the number of their items; hand `next` back as `cursor` for more."""
    after = read_cursor(query_data.cursor, 1)[0] if query_data.cursor else ""
    rows = queries.list_catalogs(session(), after, query_data.limit)
    more = make_cursor(rows[-1][0]) if len(rows) == query_data.limit else None
    return {
        "items": [{"name": name, "items": count} for name, count in rows],
        "next": link_next(more),
    }


@blueprint.get("/catalogs/<name>/status")
@requires("read")
@blueprint.output(schemas.CatalogStatus)
def catalog_status(name: str) -> dict[str, Any]:
    """How far indexing has come, and which photos failed (the newest 100)."""
    catalog_id = queries.get_catalog_id(session(), name)
    active = [
        generation.id
        for generation in queries.list_generations(session())
        if generation.state is GenerationState.ACTIVE
    ]
    behind = queries.count_behind(session())
    return {
        "items": browsing.count_items(session(), Choice(catalog=name)),
        "photos": queries.count_photos(session(), catalog_id),
        "garments": queries.count_garments(session(), catalog_id),
        "behind": sum(behind.get(generation_id, 0) for generation_id in active),
        "failures": [
            {
                "sha256": photo.sha256,
                "reason": photo.reason,
                "skus": [link.item.sku for link in photo.links if link.item.catalog.name == name],
            }
            for photo in queries.list_failures(session(), catalog_id)
        ],
    }


@blueprint.get("/items")
@requires("read")
@blueprint.input(schemas.ItemsQuery, location="query")
@blueprint.output(schemas.ItemsPage)
def list_items(query_data: schemas.ItemsQuery) -> dict[str, Any]:
    """Items in the order they were added; hand `next` back as `cursor` for more.

    Where nothing has the words of `q` as they are written, typos are forgiven.
    """
    asked = query_data
    choice = forgive_typos(session(), choice_of(asked))
    items = browsing.list_items_after(session(), choice, asked.cursor or 0, asked.limit)
    covers = queries.covers_of(session(), [item.id for item in items])
    return {
        "items": [item_brief(item, covers.get(item.id)) for item in items],
        "next": link_next(str(items[-1].id) if len(items) == asked.limit else None),
        "total": browsing.count_items(session(), choice),
    }


@blueprint.get("/facets")
@requires("read")
@blueprint.input(schemas.FacetsQuery, location="query")
@blueprint.output(schemas.FacetsOut)
def count_facets(query_data: schemas.FacetsQuery) -> dict[str, Any]:
    """How many items each further choice would show; a kind's own choice doesn't narrow it."""
    choice = forgive_typos(session(), choice_of(query_data))
    facets = facets_of(choice)
    return {
        "total": facets.total,
        "catalogs": _counts(facets.catalogs),
        "categories": _counts(facets.categories),
        "brands": _counts(facets.brands),
        "colours": _counts(facets.colours),
        "prices": [vars(band) for band in facets.prices],
        "in_stock": facets.in_stock.get(True, 0),
        "sold_out": facets.in_stock.get(False, 0),
        "garments": [
            {"garments": number, "or_more": number == browsing.MANY_GARMENTS, "count": count}
            for number, count in facets.garments.items()
        ],
        "needs_review": facets.review,
    }


@blueprint.get("/items/<int:item_id>")
@requires("read")
@blueprint.output(schemas.ItemOut)
def get_item(item_id: int) -> dict[str, Any]:
    """One item with its photos and the garments in them."""
    return item_json(queries.get_item(session(), item_id))


@blueprint.get("/catalogs/<name>/items/<path:sku>")
@requires("read")
@blueprint.output(schemas.ItemOut)
def get_item_by_sku(name: str, sku: str) -> dict[str, Any]:
    """One item by the shop's own sku, with its photos and the garments in them."""
    return item_json(queries.get_item_by_sku(session(), name, sku))


@blueprint.get("/garments/<uuid:garment_id>/similar")
@requires("read")
@blueprint.input(schemas.SimilarQuery, location="query")
@blueprint.output(schemas.SimilarPage)
def similar_to_garment(garment_id: UUID, query_data: schemas.SimilarQuery) -> dict[str, Any]:
    """Items with a garment that looks like this one, the most alike first."""
    hits = find_similar(
        session(),
        services().index,
        garment_id,
        filters_of(query_data),
        limit=query_data.limit,
        sold_only=not query_data.all_roles,
        variety=query_data.variety,
    )
    return similar_page({"garment": str(garment_id)}, hits, query_data)


@blueprint.get("/items/<int:item_id>/similar")
@requires("read")
@blueprint.input(schemas.SimilarQuery, location="query")
@blueprint.output(schemas.SimilarPage)
def similar_to_item(item_id: int, query_data: schemas.SimilarQuery) -> dict[str, Any]:
    """Items that look like what this item sells."""
    return _similar_to(queries.get_item(session(), item_id), query_data)


@blueprint.get("/catalogs/<name>/items/<path:sku>/similar")
@requires("read")
@blueprint.input(schemas.SimilarQuery, location="query")
@blueprint.output(schemas.SimilarPage)
def similar_to_sku(name: str, sku: str, query_data: schemas.SimilarQuery) -> dict[str, Any]:
    """Items that look like what the item with this sku sells."""
    return _similar_to(queries.get_item_by_sku(session(), name, sku), query_data)


@blueprint.get("/photos/<sha256>")
@requires("read")
@blueprint.output(schemas.PhotoOut)
def get_photo(sha256: str) -> dict[str, Any]:
    """One photo by the SHA-256 of its bytes, with the garments found in it."""
    return photo_json(queries.get_photo(session(), sha256))


@blueprint.get("/garments/<uuid:garment_id>")
@requires("read")
@blueprint.output(schemas.GarmentOut)
def get_garment(garment_id: UUID) -> dict[str, Any]:
    """One garment: category, box and outline in pixels of its photo, colours, role."""
    garment = queries.get_garment(session(), garment_id)
    return garment_json(garment, garment.photo.sha256)


@blueprint.post("/recommend")
@requires("read")
@blueprint.input(schemas.RecommendIn)
@blueprint.output(schemas.SimilarPage)
def recommend(json_data: schemas.RecommendIn) -> dict[str, Any]:
    """Items like some garments and unlike others: what a visitor liked and what not."""
    asked = json_data
    hits = find_recommended(
        session(),
        services().index,
        asked.likes,
        asked.dislikes,
        filters_of(asked),
        limit=asked.limit,
        sold_only=not asked.all_roles,
        variety=asked.variety,
    )
    return similar_page({}, hits, asked)


@blueprint.get("/garments/<uuid:garment_id>/look")
@requires("read")
@blueprint.input(schemas.LookQuery, location="query")
@blueprint.output(schemas.LookOut)
def complete_the_look(garment_id: UUID, query_data: schemas.LookQuery) -> dict[str, Any]:
    """What garments like this one are worn with in the catalog's photos, by category."""
    groups = complete_look(
        session(), services().index, garment_id, query_data.limit, query_data.in_stock
    )
    covers = queries.photos_of(session(), [hit.garment.id for each in groups for hit in each.items])
    return {
        "groups": [
            {
                "category": group.category,
                "seen": group.seen,
                "of": group.of,
                "items": similar_json(group.items, covers),
            }
            for group in groups
        ]
    }


def choice_of(asked: schemas.FacetsQuery) -> Choice:
    return Choice(
        catalog=asked.catalog,
        words=asked.q or "",
        categories=(asked.category,) if asked.category else (),
        brands=(asked.brand,) if asked.brand else (),
        colours=(asked.colour,) if asked.colour else (),
        price_min=asked.price_min,
        price_max=asked.price_max,
        in_stock=asked.in_stock,
        garments=asked.garments,
        review=asked.needs_review,
    )


def filters_of(asked: schemas.SimilarQuery) -> Filters:
    return Filters(
        category=asked.category,
        catalog=asked.catalog,
        brand=asked.brand,
        price_min=asked.price_min,
        price_max=asked.price_max,
        in_stock=asked.in_stock,
        colour=asked.colour,
    )


def similar_page(
    query: dict[str, Any], hits: Sequence[SimilarItem], asked: schemas.SimilarQuery
) -> dict[str, Any]:
    """Hits with what was asked for, so that an answer explains itself."""
    covers = queries.photos_of(session(), [hit.garment.id for hit in hits])
    options = asked.model_dump(mode="json", exclude_defaults=True)
    return {"query": query | options, "items": similar_json(hits, covers)}


def _counts(facet: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"value": value, "count": count} for value, count in facet.items()]


def _similar_to(item: Item, asked: schemas.SimilarQuery) -> dict[str, Any]:
    hits = find_similar_to_item(
        session(),
        services().index,
        item.id,
        filters_of(asked),
        limit=asked.limit,
        sold_only=not asked.all_roles,
        variety=asked.variety,
    )
    return similar_page({"item": item.id}, hits, asked)
