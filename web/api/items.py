"""What a shop's pages ask: catalogs, items, and what looks like a garment or an item.

Everything here only reads.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from catalog.search.points import Filters
from catalog.search.similar import SimilarItem, find_similar, find_similar_to_item
from catalog.tables import GenerationState, Item
from web import queries
from web.api import schemas
from web.api.blueprint import blueprint, requires
from web.present import item_brief, item_json, similar_json
from web.queries import Choice
from web.services import services, session


@blueprint.get("/catalogs")
@requires("read")
@blueprint.output(schemas.CatalogsOut)
def list_catalogs() -> dict[str, Any]:
    """All catalogs with the number of their items."""
    rows = queries.list_catalogs(session())
    return {"items": [{"name": name, "items": count} for name, count in rows]}


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
        "items": queries.count_items(session(), Choice(catalog=name)),
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
    """Items in the order they were added; hand `next` back as `cursor` for more."""
    asked = query_data
    choice = Choice(asked.catalog, asked.category, asked.q)
    items = queries.list_items(session(), choice, asked.limit, after_id=asked.cursor or 0)
    covers = queries.covers_of(session(), [item.id for item in items])
    return {
        "items": [item_brief(item, covers.get(item.id)) for item in items],
        "next": str(items[-1].id) if len(items) == asked.limit else None,
        "total": queries.count_items(session(), choice),
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
    """The same by the shop's own sku."""
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
    """The same by the shop's own sku."""
    return _similar_to(queries.get_item_by_sku(session(), name, sku), query_data)


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
    options = asked.model_dump(exclude_defaults=True)
    return {"query": query | options, "items": similar_json(hits, covers)}


def _similar_to(item: Item, asked: schemas.SimilarQuery) -> dict[str, Any]:
    hits = find_similar_to_item(
        session(),
        services().index,
        item.id,
        filters_of(asked),
        limit=asked.limit,
        sold_only=not asked.all_roles,
    )
    return similar_page({"item": item.id}, hits, asked)
