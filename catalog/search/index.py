"""The vector index: the only file that speaks to Qdrant, in the product's own words.

Called by similar, generations and sync beside it, and by the check command. Whether a Qdrant
cluster, the Edge server or qdrant-client's own memory answers makes no difference here.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
import numpy as np
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from catalog.errors import ConfigError, IndexUnavailableError, InputError, NotFoundError
from catalog.search.points import ANYTHING, Filters, Hit, ItemHit, Point, Vector
from catalog.settings import Settings

__all__ = [
    "ANYTHING",
    "Filters",
    "Hit",
    "ItemHit",
    "Point",
    "Vector",
    "VectorIndex",
    "make_index",
    "make_memory_index",
]

PAYLOAD_INDEXES: Mapping[str, models.PayloadSchemaType] = {
    "category": models.PayloadSchemaType.KEYWORD,
    "role": models.PayloadSchemaType.KEYWORD,
    "items": models.PayloadSchemaType.INTEGER,
    "catalogs": models.PayloadSchemaType.KEYWORD,
    "brands": models.PayloadSchemaType.KEYWORD,
    "prices": models.PayloadSchemaType.FLOAT,
    "in_stock": models.PayloadSchemaType.KEYWORD,
    "colours": models.PayloadSchemaType.KEYWORD,
}
"""What can be filtered, grouped and counted by. Booleans are the keywords "yes" and "no"."""

_SCROLL_PAGE = 1000
_HNSW_EF = 128


class VectorIndex:
    """Collections of garments with their vectors; `name` is a collection or an alias throughout.

    Every method raises IndexUnavailableError when the index does not answer, NotFoundError for an
    unknown collection or point, and InputError for a vector of the wrong size.
    """

    def __init__(
        self,
        client: QdrantClient,
        prefix: str = "garments",
        shards: int = 1,
        replicas: int = 1,
        write_consistency: int = 1,
    ) -> None:
        self.prefix = prefix
        """Begins the name of each collection; alone it is the alias of the active one."""
        self._client = client
        self._shards = shards
        self._replicas = replicas
        self._write_consistency = write_consistency
        self._in_memory = client.init_options.get("location") == ":memory:"

    def close(self) -> None:
        self._client.close()

    # Collections

    def create_collection(self, name: str, dimensions: int) -> None:
        """Create a collection for cosine similarity; one of the same size may be there already."""
        present = self.find_dimensions(name)
        if present is None:
            self._create(name, dimensions)
        elif present != dimensions:
            raise InputError(f"collection {name} has {present} dimensions, not {dimensions}")
        if self._in_memory:
            return  # It filters without indexes, and warns when asked for some.
        for key, schema in PAYLOAD_INDEXES.items():
            with _translated(name):
                self._client.create_payload_index(name, key, schema, wait=True)

    def _create(self, name: str, dimensions: int) -> None:
        try:
            with _translated(name):
                self._client.create_collection(
                    name,
                    vectors_config=models.VectorParams(
                        size=dimensions, distance=models.Distance.COSINE
                    ),
                    shard_number=self._shards,
                    replication_factor=self._replicas,
                    write_consistency_factor=self._write_consistency,
                )
        except InputError:
            # Somebody else may have been faster.
            if self.find_dimensions(name) != dimensions:
                raise

    def find_dimensions(self, name: str) -> int | None:
        """The size of a collection's vectors, None where there is no such collection."""
        try:
            with _translated(name):
                vectors = self._client.get_collection(name).config.params.vectors
        except NotFoundError:
            return None
        assert isinstance(vectors, models.VectorParams), f"{name} was not made by us"
        return vectors.size

    def drop_collection(self, name: str) -> None:
        """Drop a collection and its aliases; an unknown one is fine."""
        with _translated(name):
            self._client.delete_collection(name)

    def collections(self) -> list[str]:
        """The names of all collections, sorted; aliases are not among them."""
        with _translated():
            return sorted(each.name for each in self._client.get_collections().collections)

    def point_to(self, alias: str, name: str) -> None:
        """Let `alias` stand for collection `name` from now on, in one atomic step."""
        present = self.alias_target(alias)
        if present == name:
            return
        create = models.CreateAlias(collection_name=name, alias_name=alias)
        steps: list[Any] = [models.CreateAliasOperation(create_alias=create)]
        if present is not None:
            delete = models.DeleteAlias(alias_name=alias)
            steps.insert(0, models.DeleteAliasOperation(delete_alias=delete))
        with _translated(name):
            self._client.update_collection_aliases(steps)

    def alias_target(self, alias: str) -> str | None:
        """The collection that an alias stands for, None for an unknown alias."""
        with _translated():
            aliases = self._client.get_aliases().aliases
        return next((each.collection_name for each in aliases if each.alias_name == alias), None)

    # Points

    def upsert(self, name: str, points: Sequence[Point]) -> None:
        """Write points; they are durable and findable when this returns."""
        if not points:
            return
        structs = [
            models.PointStruct(
                id=str(point.id), vector=_as_list(point.vector), payload=dict(point.payload)
            )
            for point in points
        ]
        with _translated(name):
            self._client.upsert(name, structs, wait=True)

    def delete(self, name: str, ids: Sequence[UUID]) -> None:
        """Delete points; absent ones are fine."""
        if not ids:
            return
        selector = models.PointIdsList(points=[str(id_) for id_ in ids])
        with _translated(name):
            self._client.delete(name, selector, wait=True)

    def retrieve(self, name: str, ids: Sequence[UUID], vectors: bool = False) -> dict[UUID, Point]:
        """The points that are there, by id; without `vectors` their vectors are empty."""
        if not ids:
            return {}
        with _translated(name):
            records = self._client.retrieve(
                name, [str(id_) for id_ in ids], with_payload=True, with_vectors=vectors
            )
        return {UUID(str(each.id)): _as_point(each) for each in records}

    def scroll_ids(self, name: str) -> Iterator[tuple[UUID, int | None]]:
        """Each point's id with the outbox version that it was sent at."""
        offset: Any = None
        while True:
            with _translated(name):
                records, offset = self._client.scroll(
                    name, limit=_SCROLL_PAGE, offset=offset, with_payload=["v"], with_vectors=False
                )
            for record in records:
                yield UUID(str(record.id)), (record.payload or {}).get("v")
            if offset is None:
                return

    # Searching

    def query(
        self, name: str, vector: Vector, filters: Filters = ANYTHING, limit: int = 10
    ) -> list[Hit]:
        """The garments nearest to `vector`, nearest first."""
        return self._query(name, _as_list(vector), filters, limit)

    def query_many(
        self, name: str, queries: Sequence[tuple[Vector, Filters]], limit: int = 10
    ) -> list[list[Hit]]:
        """What `query` finds for each, in one request; of payloads `items` and `role` only."""
        if not queries:
            return []
        requests = [
            models.QueryRequest(
                query=_as_list(vector),
                filter=_as_filter(filters),
                params=self._search_params(filters),
                limit=limit,
                with_payload=["items", "role"],
            )
            for vector, filters in queries
        ]
        with _translated(name):
            answers = self._client.query_batch_points(name, requests)
        return [
            [Hit(UUID(str(p.id)), _as_score(p.score), p.payload or {}) for p in answer.points]
            for answer in answers
        ]

    def query_by_item(
        self, name: str, vector: Vector, filters: Filters = ANYTHING, limit: int = 10
    ) -> list[ItemHit]:
        """The items with the nearest garments: each item once, by its best garment.

        A garment whose photo two items show counts for both.
        """
        with _translated(name):
            groups = self._client.query_points_groups(
                name,
                group_by="items",
                query=_as_list(vector),
                query_filter=_as_filter(filters),
                search_params=self._search_params(filters),
                limit=limit,
                group_size=1,
                with_payload=False,
            ).groups
        return [
            ItemHit(int(group.id), UUID(str(group.hits[0].id)), _as_score(group.hits[0].score))
            for group in groups
        ]

    def recommend(
        self,
        name: str,
        positives: Sequence[UUID],
        negatives: Sequence[UUID] = (),
        filters: Filters = ANYTHING,
        limit: int = 10,
    ) -> list[Hit]:
        """The garments nearest to the middle of some and away from others, none of these."""
        recommended = models.RecommendInput(
            positive=[str(id_) for id_ in positives],
            negative=[str(id_) for id_ in negatives],
            strategy=models.RecommendStrategy.AVERAGE_VECTOR,
        )
        return self._query(name, models.RecommendQuery(recommend=recommended), filters, limit)

    def _query(self, name: str, query: Any, filters: Filters, limit: int) -> list[Hit]:
        with _translated(name):
            points = self._client.query_points(
                name,
                query=query,
                query_filter=_as_filter(filters),
                search_params=self._search_params(filters),
                limit=limit,
                with_payload=True,
            ).points
        return [
            Hit(UUID(str(each.id)), _as_score(each.score), each.payload or {}) for each in points
        ]

    def _search_params(self, filters: Filters) -> models.SearchParams | None:
        if self._in_memory:
            return None  # It compares with every vector, and warns when told how to search.
        # Without ACORN a strict filter cuts HNSW's paths and loses most of what it should find.
        acorn = None if filters == ANYTHING else models.AcornSearchParams(enable=True)
        return models.SearchParams(hnsw_ef=_HNSW_EF, acorn=acorn)

    def count(self, name: str, filters: Filters = ANYTHING) -> int:
        """How many garments there are, exactly."""
        with _translated(name):
            return self._client.count(name, count_filter=_as_filter(filters), exact=True).count

    def facet(
        self, name: str, key: str, filters: Filters = ANYTHING, limit: int = 100
    ) -> dict[str, int]:
        """How many garments have each value of a keyword payload, the most frequent first."""
        with _translated(name):
            hits = self._client.facet(
                name, key, facet_filter=_as_filter(filters), limit=limit, exact=True
            ).hits
        return {str(hit.value): hit.count for hit in hits}


def make_index(settings: Settings) -> VectorIndex:
    """The index at QDRANT_URL; connects on first use."""
    key = settings.qdrant_api_key
    client = QdrantClient(
        url=settings.qdrant_url,
        api_key=key.get_secret_value() if key else None,
        timeout=max(1, round(settings.index_timeout_s)),
        check_compatibility=False,  # It would connect now.
    )
    return VectorIndex(
        client,
        settings.collection_prefix,
        settings.qdrant_shards,
        settings.qdrant_replicas,
        settings.qdrant_write_consistency,
    )


def make_memory_index() -> VectorIndex:
    """An index inside this process, for tests and benchmarks."""
    return VectorIndex(QdrantClient(":memory:"))


def _as_list(vector: Vector) -> list[float]:
    array = np.asarray(vector, dtype=np.float32)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise InputError(f"not one vector of finite numbers: shape {array.shape}")
    listed: list[float] = array.tolist()
    return listed


def _as_point(record: models.Record) -> Point:
    vector: Any = record.vector
    return Point(
        UUID(str(record.id)),
        np.asarray([] if vector is None else vector, dtype=np.float32),
        record.payload or {},
    )


def _as_score(score: float) -> float:
    # Rounding can lift the cosine of a vector with itself above one.
    return max(-1.0, min(1.0, score))


def _as_filter(filters: Filters) -> models.Filter | None:
    matches = {
        "category": filters.category,
        "role": filters.role,
        "catalogs": filters.catalog,
        "brands": filters.brand,
        "colours": filters.colour,
        "in_stock": "yes" if filters.in_stock else None,
    }
    must: list[Any] = [
        models.FieldCondition(key=key, match=models.MatchValue(value=value))
        for key, value in matches.items()
        if value is not None
    ]
    if filters.price_min is not None or filters.price_max is not None:
        price = models.Range(gte=filters.price_min, lte=filters.price_max)
        must.append(models.FieldCondition(key="prices", range=price))
    must_not: list[Any] = []
    if filters.exclude_items:
        excluded = models.MatchAny(any=list(filters.exclude_items))
        must_not.append(models.FieldCondition(key="items", match=excluded))
    if not must and not must_not:
        return None
    return models.Filter(must=must or None, must_not=must_not or None)


@contextmanager
def _translated(name: str | None = None) -> Iterator[None]:
    """Turn what the client raises into our errors; `name` is the collection asked for."""
    try:
        yield
    except UnexpectedResponse as error:
        raise _translate_response(error, name) from error
    except (ResponseHandlingException, ResourceExhaustedResponse, httpx.HTTPError) as error:
        cause = getattr(error, "source", error)
        raise IndexUnavailableError(f"the vector index does not answer: {cause}") from error
    except ValueError as error:  # All that qdrant-client's memory mode ever raises.
        if "not found" in str(error):
            raise NotFoundError("collection or point in the vector index", name) from error
        raise InputError(str(error)) from error


def _translate_response(error: UnexpectedResponse, name: str | None) -> Exception:
    status = error.status_code or 0
    message = error.content.decode(errors="replace")[:500]
    if status == 404:
        return NotFoundError("collection or point in the vector index", f"{name}: {message}")
    if status in (401, 403):
        return ConfigError("QDRANT_API_KEY", f"the vector index refuses it: {message}")
    if status in (408, 429) or status >= 500:
        return IndexUnavailableError(f"the vector index answers {status}: {message}")
    return InputError(f"the vector index refuses the request: {message}")
