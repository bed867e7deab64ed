"""What the Edge server does for each request: JSON in, Qdrant's `result` out.

The server's routes call these with the collections, the name in the path and the body.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import qdrant_edge

from stack.edge.errors import RefusedError, unsupported, wrong_input
from stack.edge.groups import collect_groups
from stack.edge.requests import (
    ChangeAliases,
    Count,
    CreateCollection,
    CreateIndex,
    Facet,
    PointIds,
    Query,
    QueryBatch,
    QueryGroups,
    QueryPoints,
    Recommend,
    Retrieve,
    Scroll,
    SearchParams,
    Upsert,
    Vector,
    parse,
)
from stack.edge.shards import Collection, Collections

Json = Any
_COMPLETED = {"operation_id": 0, "status": "completed"}


def list_collections(collections: Collections, name: str, body: bytes) -> Json:
    return {"collections": [{"name": each} for each in collections.names()]}


def get_collection(collections: Collections, name: str, body: bytes) -> Json:
    collection = collections.get(name)
    info = collection.shard.info()
    return {
        "status": "green",
        "optimizer_status": "ok",
        "points_count": info.points_count,
        "indexed_vectors_count": info.indexed_vectors_count,
        "segments_count": info.segments_count,
        "config": _collection_config(collection),
        "payload_schema": {
            key: {"data_type": str(each.data_type).rsplit(".")[-1].lower(), "points": each.points}
            for key, each in info.payload_schema.items()
        },
    }


def _collection_config(collection: Collection) -> Json:
    return {
        "params": {
            "vectors": {"size": collection.dimensions, "distance": "Cosine"},
            "shard_number": 1,
            "replication_factor": 1,
            "write_consistency_factor": 1,
            "on_disk_payload": True,
        },
        "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000},
        "optimizer_config": {
            "deleted_threshold": 0.2,
            "vacuum_min_vector_number": 1000,
            "default_segment_number": 0,
            "flush_interval_sec": 5,
        },
    }


def create_collection(collections: Collections, name: str, body: bytes) -> Json:
    collections.create(name, parse(CreateCollection, body))
    return True


def drop_collection(collections: Collections, name: str, body: bytes) -> Json:
    return collections.drop(name)


def list_aliases(collections: Collections, name: str, body: bytes) -> Json:
    aliases = collections.aliases().items()
    return {"aliases": [{"alias_name": alias, "collection_name": to} for alias, to in aliases]}


def change_aliases(collections: Collections, name: str, body: bytes) -> Json:
    collections.change_aliases(parse(ChangeAliases, body).actions)
    return True


def create_index(collections: Collections, name: str, body: bytes) -> Json:
    request = parse(CreateIndex, body)
    collection = collections.get(name)
    if request.field_name not in collection.shard.info().payload_schema:
        _update(collection, request.to_edge())
    return _COMPLETED


def upsert_points(collections: Collections, name: str, body: bytes) -> Json:
    collection = collections.get(name)
    points = parse(Upsert, body).points
    for point in points:
        _check_size(collection, point.vector)
    edge_points = [qdrant_edge.Point(p.id, p.vector, p.payload) for p in points]
    _update(collection, qdrant_edge.UpdateOperation.upsert_points(edge_points))
    return _COMPLETED


def delete_points(collections: Collections, name: str, body: bytes) -> Json:
    ids: list[Any] = [*parse(PointIds, body).points]
    _update(collections.get(name), qdrant_edge.UpdateOperation.delete_points(ids))
    return _COMPLETED


def retrieve_points(collections: Collections, name: str, body: bytes) -> Json:
    request = parse(Retrieve, body)
    records = collections.get(name).shard.retrieve(
        list(request.ids), with_payload=request.with_payload, with_vector=request.with_vector
    )
    return [_record_json(each) for each in records]


def scroll_points(collections: Collections, name: str, body: bytes) -> Json:
    request = parse(Scroll, body)
    scroll = qdrant_edge.ScrollRequest(
        offset=request.offset,
        limit=request.limit,
        filter=request.filter.to_edge() if request.filter else None,
        with_payload=request.with_payload,
        with_vector=request.with_vector,
    )
    records, following = collections.get(name).shard.scroll(scroll)
    return {
        "points": [_record_json(each) for each in records],
        "next_page_offset": None if following is None else str(following),
    }


def count_points(collections: Collections, name: str, body: bytes) -> Json:
    request = parse(Count, body)
    filter_ = request.filter.to_edge() if request.filter else None
    counted = qdrant_edge.CountRequest(exact=request.exact, filter=filter_)
    return {"count": collections.get(name).shard.count(counted)}


def facet_points(collections: Collections, name: str, body: bytes) -> Json:
    request = parse(Facet, body)
    facet = qdrant_edge.FacetRequest(
        request.key,
        limit=request.limit,
        exact=request.exact,
        filter=request.filter.to_edge() if request.filter else None,
    )
    hits = collections.get(name).shard.facet(facet).hits
    return {"hits": [{"value": each.value, "count": each.count} for each in hits]}


def query_points(collections: Collections, name: str, body: bytes) -> Json:
    request = parse(QueryPoints, body)
    return _points_near(collections.get(name), request)


def query_batch(collections: Collections, name: str, body: bytes) -> Json:
    searches = parse(QueryBatch, body).searches
    collection = collections.get(name)
    return [_points_near(collection, search) for search in searches]


def _points_near(collection: Collection, request: QueryPoints) -> Json:
    search = _Search(collection, request)
    points = search.nearest(request.limit, request.with_payload, request.with_vector)
    return {"points": [_scored_json(each) for each in points]}


def query_groups(collections: Collections, name: str, body: bytes) -> Json:
    request = parse(QueryGroups, body)
    if request.with_payload is not False or request.with_vector:
        raise unsupported("payload or vectors in groups")
    search = _Search(collections.get(name), request)
    groups = collect_groups(
        lambda limit: search.nearest(limit, [request.group_by], False),
        request.group_by,
        request.limit,
        request.group_size,
    )
    return {
        "groups": [
            {"id": key, "hits": [{**_scored_json(hit), "payload": None} for hit in hits]}
            for key, hits in groups.items()
        ]
    }


class _Search:
    """One query, ready to be asked for any number of nearest points."""

    def __init__(self, collection: Collection, request: QueryPoints) -> None:
        self._shard = collection.shard
        vector, seen = _query_vector(collection, request.query)
        self._vector = vector
        self._params = (request.params or SearchParams()).to_edge()
        given: list[Any] = [request.filter.to_edge()] if request.filter else []
        others: list[Any] = [qdrant_edge.HasIdCondition(seen)] if seen else []
        filtered = bool(given or others)
        self._filter = qdrant_edge.Filter(must=given, must_not=others) if filtered else None

    def nearest(self, limit: int, payload: bool | list[str], vector: bool) -> list[Any]:
        query = qdrant_edge.QueryRequest(
            limit=limit,
            query=qdrant_edge.Query.Nearest(self._vector),
            filter=self._filter,
            params=self._params,
            with_payload=payload,
            with_vector=vector,
        )
        return list(self._shard.query(query))


def _query_vector(collection: Collection, query: Query) -> tuple[Vector, set[Any]]:
    """The vector to search by, and the ids that it was made of: these are no results."""
    if query.nearest is not None and query.recommend is None:
        _check_size(collection, query.nearest)
        return query.nearest, set()
    if query.recommend is None:
        raise unsupported("queries other than nearest and recommend")
    return _average_vector(collection, query.recommend)


def _average_vector(collection: Collection, recommend: Recommend) -> tuple[Vector, set[Any]]:
    # Qdrant: the mean of the positives, moved away from the mean of the negatives.
    examples = [*recommend.positive, *recommend.negative]
    ids = {each for each in examples if not isinstance(each, list)}
    stored = _stored_vectors(collection, ids)
    vectors = [each if isinstance(each, list) else stored[each] for each in examples]
    for vector in vectors:
        _check_size(collection, vector)
    split = len(recommend.positive)
    mean = np.mean(np.asarray(vectors[:split]), axis=0)
    if recommend.negative:
        mean = 2 * mean - np.mean(np.asarray(vectors[split:]), axis=0)
    averaged: Vector = mean.tolist()
    return averaged, ids


def _stored_vectors(collection: Collection, ids: Iterable[Any]) -> dict[Any, Vector]:
    wanted = list(ids)
    records = collection.shard.retrieve(wanted, with_payload=False, with_vector=True)
    stored: dict[Any, Vector] = {each.id: each.vector for each in records}  # type: ignore[misc]
    for id_ in wanted:
        if id_ not in stored:
            raise RefusedError(404, f"Not found: No point with id {id_} found")
    return stored


def _check_size(collection: Collection, vector: Vector) -> None:
    if len(vector) != collection.dimensions:
        sizes = f"expected dim: {collection.dimensions}, got {len(vector)}"
        raise wrong_input(f"Vector dimension error: {sizes}")


def _update(collection: Collection, operation: qdrant_edge.UpdateOperation) -> None:
    collection.shard.update(operation)
    collection.unflushed = True


def _record_json(record: Any) -> Json:
    return {"id": str(record.id), "payload": record.payload, "vector": record.vector}


def _scored_json(point: Any) -> Json:
    return {**_record_json(point), "version": point.version, "score": point.score}
