"""What a shop's pages ask: items, facets, similar items, recommendations, looks.

Part of `Client`; a token with the scope `read` is enough.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Unpack

from lookalike_client.answers import (
    Catalog,
    CatalogMap,
    CatalogStatus,
    Companions,
    Facets,
    Garment,
    Item,
    ItemBrief,
    MapPoint,
    Photo,
    Similar,
)
from lookalike_client.connection import Connection, segment
from lookalike_client.options import ItemFilters, SimilarOptions

PAGE_ITEMS = 200
PAGE_POINTS = 5000


class Reading(Connection):
    """Calls that change nothing."""

    def catalogs(self) -> list[Catalog]:
        """All catalogs with how many items they have."""
        return [self.read(Catalog, one) for one in self.pages("/catalogs")]

    def get_status(self, catalog: str) -> CatalogStatus:
        """How far a catalog is indexed. Raises NotFoundError when there is none."""
        answer = self.call("GET", f"/catalogs/{segment(catalog)}/status")
        return self.read(CatalogStatus, answer)

    def items(self, **filters: Unpack[ItemFilters]) -> Iterator[ItemBrief]:
        """All items that the filters leave, in the order they were added, page by page."""
        for one in self.pages("/items", {**filters, "limit": PAGE_ITEMS}):
            yield self.read(ItemBrief, one)

    def facets(self, **filters: Unpack[ItemFilters]) -> Facets:
        """How many items each further choice would show."""
        return self.read(Facets, self.call("GET", "/facets", params=filters))

    def get_item(self, item_id: int) -> Item:
        """One item with its photos and the garments in them. Raises NotFoundError."""
        return self.read(Item, self.call("GET", f"/items/{item_id}"))

    def get_item_by_sku(self, catalog: str, sku: str) -> Item:
        """The same by the shop's own sku."""
        return self.read(Item, self.call("GET", _item_path(catalog, sku)))

    def get_photo(self, sha256: str) -> Photo:
        """One photo by the SHA-256 of its bytes, with the garments found in it."""
        return self.read(Photo, self.call("GET", f"/photos/{segment(sha256)}"))

    def get_garment(self, garment_id: str) -> Garment:
        return self.read(Garment, self.call("GET", f"/garments/{segment(garment_id)}"))

    def similar_to_item(self, item_id: int, **options: Unpack[SimilarOptions]) -> list[Similar]:
        """Items that look like what an item sells, the most alike first."""
        return self.similar(f"/items/{item_id}/similar", options)

    def similar_to_sku(
        self, catalog: str, sku: str, /, **options: Unpack[SimilarOptions]
    ) -> list[Similar]:
        """The same by the shop's own sku. Raises NotFoundError."""
        return self.similar(f"{_item_path(catalog, sku)}/similar", options)

    def similar_to_garment(
        self, garment_id: str, **options: Unpack[SimilarOptions]
    ) -> list[Similar]:
        """Items with a garment that looks like this one."""
        return self.similar(f"/garments/{segment(garment_id)}/similar", options)

    def recommend(
        self,
        likes: Sequence[str],
        dislikes: Sequence[str] = (),
        **options: Unpack[SimilarOptions],
    ) -> list[Similar]:
        """Items like some garments and unlike others. Raises NotFoundError when none is left."""
        wanted = {name: _plain(value) for name, value in options.items()}
        body = {"likes": list(likes), "dislikes": list(dislikes)} | wanted
        answer = self.call("POST", "/recommend", json=body)
        return [self.read(Similar, one) for one in answer["items"]]

    def complete_look(
        self, garment_id: str, limit: int = 4, in_stock: bool = False
    ) -> list[Companions]:
        """What garments like this one are worn with: `limit` items of each category."""
        params = {"limit": limit, "in_stock": in_stock}
        answer = self.call("GET", f"/garments/{segment(garment_id)}/look", params=params)
        return [self.read(Companions, one) for one in answer["groups"]]

    def get_map(self) -> CatalogMap:
        """What the newest map of the catalog shows. Raises NotFoundError before the first one."""
        return self.read(CatalogMap, self.call("GET", "/map"))

    def map_points(self) -> Iterator[MapPoint]:
        """All garments of the map with their places, page by page.

        Raises ConflictError when the map is made anew meanwhile: begin again then.
        """
        for one in self.pages("/map/points", {"limit": PAGE_POINTS}):
            yield self.read(MapPoint, one)

    def similar(self, path: str, options: SimilarOptions) -> list[Similar]:
        answer = self.call("GET", path, params=options)
        return [self.read(Similar, one) for one in answer["items"]]

    def pages(self, path: str, params: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Everything in a list that comes in pages, each asked for when it is needed."""
        query = dict(params or {})
        while True:
            page = self.call("GET", path, params=query)
            yield from page["items"]
            if not page.get("next"):
                return
            query["cursor"] = page["next"]


def _item_path(catalog: str, sku: str) -> str:
    return f"/catalogs/{segment(catalog)}/items/{segment(sku)}"


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value
