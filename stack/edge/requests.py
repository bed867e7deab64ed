"""The request bodies that the Edge server understands; whatever else they hold is refused.

`operations` parses with these; the shapes are those of Qdrant 1.20's REST interface.
"""

from typing import Any, Literal, TypeVar
from uuid import UUID

import qdrant_edge
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from stack.edge.errors import RefusedError

Selector = bool | list[str]
Vector = list[float]
Model = TypeVar("Model", bound="Body")


class Body(BaseModel):
    """A JSON object without unknown fields, NaN or infinity."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class VectorParams(Body):
    size: int = Field(ge=1, le=65536)
    distance: Literal["Cosine"]


class CreateCollection(Body):
    """One shard on one machine is all that there is."""

    vectors: VectorParams
    shard_number: Literal[1] = 1
    replication_factor: Literal[1] = 1
    write_consistency_factor: Literal[1] = 1


class CreateIndex(Body):
    field_name: str
    field_schema: Literal["keyword", "integer", "float"]

    def to_edge(self) -> qdrant_edge.UpdateOperation:
        schema = getattr(qdrant_edge.PayloadSchemaType, self.field_schema.capitalize())
        return qdrant_edge.UpdateOperation.create_field_index(self.field_name, schema)


class AliasTarget(Body):
    collection_name: str
    alias_name: str


class AliasName(Body):
    alias_name: str


class AliasAction(Body):
    create_alias: AliasTarget | None = None
    delete_alias: AliasName | None = None


class ChangeAliases(Body):
    actions: list[AliasAction]


class Match(Body):
    value: StrictStr | StrictInt | None = None
    any: list[StrictStr] | list[StrictInt] | None = None

    def to_edge(self) -> Any:
        if self.any is not None:
            return qdrant_edge.MatchAny(self.any)
        if self.value is None:
            raise RefusedError(422, "Validation error: a match needs a value or any")
        return qdrant_edge.MatchValue(self.value)


class Range(Body):
    gte: float | None = None
    gt: float | None = None
    lte: float | None = None
    lt: float | None = None

    def to_edge(self) -> qdrant_edge.RangeFloat:
        return qdrant_edge.RangeFloat(gte=self.gte, gt=self.gt, lte=self.lte, lt=self.lt)


class Condition(Body):
    key: str
    match: Match | None = None
    range: Range | None = None

    def to_edge(self) -> qdrant_edge.FieldCondition:
        match = self.match.to_edge() if self.match else None
        range_ = self.range.to_edge() if self.range else None
        if (match is None) == (range_ is None):
            raise RefusedError(422, "Validation error: a condition needs a match or a range")
        return qdrant_edge.FieldCondition(key=self.key, match=match, range=range_)


class Filter(Body):
    must: list[Condition] | None = None
    must_not: list[Condition] | None = None

    def to_edge(self) -> qdrant_edge.Filter:
        return qdrant_edge.Filter(
            must=[each.to_edge() for each in self.must or ()],
            must_not=[each.to_edge() for each in self.must_not or ()],
        )


class PointStruct(Body):
    id: UUID
    vector: Vector
    payload: dict[str, Any] = Field(default_factory=dict)


class Upsert(Body):
    points: list[PointStruct]


class PointIds(Body):
    points: list[UUID]


class Retrieve(Body):
    ids: list[UUID]
    with_payload: Selector = True
    with_vector: bool = False


class Scroll(Body):
    offset: UUID | None = None
    limit: int = Field(default=10, ge=1)
    filter: Filter | None = None
    with_payload: Selector = True
    with_vector: bool = False


class Recommend(Body):
    positive: list[UUID | Vector] = Field(min_length=1)
    negative: list[UUID | Vector] = Field(default_factory=list)
    strategy: Literal["average_vector"] = "average_vector"


class Query(Body):
    nearest: Vector | None = None
    recommend: Recommend | None = None


class Acorn(Body):
    enable: bool = False


class SearchParams(Body):
    hnsw_ef: int | None = Field(default=None, ge=1)
    exact: bool = False
    acorn: Acorn | None = None

    def to_edge(self) -> qdrant_edge.SearchParams:
        acorn = qdrant_edge.AcornSearchParams(enable=self.acorn.enable) if self.acorn else None
        return qdrant_edge.SearchParams(hnsw_ef=self.hnsw_ef, exact=self.exact, acorn=acorn)


class QueryPoints(Body):
    query: Query
    filter: Filter | None = None
    params: SearchParams | None = None
    limit: int = Field(default=10, ge=1)
    with_payload: Selector = False
    with_vector: bool = False


class QueryGroups(QueryPoints):
    group_by: str
    group_size: int = Field(default=3, ge=1)


class QueryBatch(Body):
    searches: list[QueryPoints]


class Count(Body):
    filter: Filter | None = None
    exact: bool = True


class Facet(Body):
    key: str
    limit: int = Field(default=10, ge=1)
    filter: Filter | None = None
    exact: bool = False


def parse(model: type[Model], body: bytes) -> Model:
    """Read a body; raises RefusedError, which names each field that is wrong or unknown."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}"
            for each in error.errors(include_url=False, include_input=False)[:5]
        )
        raise RefusedError(422, f"Validation error in JSON body: {problems}") from error
