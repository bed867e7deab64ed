"""The client and the OpenAPI document say the same: every call, its options and its answers."""

import inspect
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints
from urllib.parse import unquote

import httpx
import pytest
from flask import Flask

from catalog.services import Services
from lookalike_client import NO_RETRIES, Client, LookalikeClientError, admin_answers, answers
from lookalike_client.answers import Answer
from lookalike_client.options import AuditOptions, FindingFilters, ItemFilters, SimilarOptions
from web.app import create_app

METHODS = ("get", "post", "put", "delete")
MACHINERY = {"call", "call_once", "close", "pages", "read", "similar"}
"""What the calls are made of."""

SCHEMAS = {
    "Added": "AddedOut",
    "Backlog": "BacklogOut",
    "Catalog": "CatalogOut",
    "CatalogMap": "MapOut",
    "CatalogStatus": "CatalogStatus",
    "Check": "CheckOut",
    "Colour": "ColourOut",
    "Companions": "CompanionsOut",
    "Compared": "ComparedOut",
    "Comparison": "ComparisonOut",
    "Count": "CountOut",
    "Delivery": "DeliveryOut",
    "Descriptor": "DescriptorOut",
    "Facets": "FacetsOut",
    "Failure": "FailureOut",
    "Finding": "FindingOut",
    "Forecast": "ForecastOut",
    "ForecastStep": "StepOut",
    "Found": "FoundOut",
    "Garment": "GarmentOut",
    "GarmentCount": "GarmentCountOut",
    "Generation": "GenerationOut",
    "Health": "HealthOut",
    "Item": "ItemOut",
    "ItemBrief": "ItemBrief",
    "ItemResult": "RowResult",
    "Job": "JobWithLog",
    "LogLine": "LogOut",
    "MapPoint": "PointOut",
    "Neighbour": "NeighbourOut",
    "Pair": "PairOut",
    "Photo": "PhotoOut",
    "PhotoSimilar": "PhotoSimilarOut",
    "PriceBand": "PriceBandOut",
    "ReviewEntry": "EntryOut",
    "Search": "SearchOut",
    "Similar": "SimilarOut",
    "Webhook": "WebhookCreated",
    "Why": "WhyOut",
}
"""Answer of the client -> schema of the document, where they are not called the same."""


@pytest.fixture
def document(services: Services) -> dict[str, Any]:
    app: Flask = create_app(services)
    found: dict[str, Any] = app.test_client().get("/api/openapi.json").json
    return found


def calls_of_the_client() -> Iterator[Any]:
    for name, member in inspect.getmembers(Client, inspect.isfunction):
        if not name.startswith("_") and name not in MACHINERY:
            yield member


def something_for(kind: Any) -> Any:
    """A value that a parameter of this kind takes."""
    if NoneType in get_args(kind):
        kind = next(each for each in get_args(kind) if each is not NoneType)
    values: dict[Any, Any] = {str: "x", int: 1, float: 1.0, bool: True, bytes: b"photo"}
    return values.get(kind, {} if get_origin(kind) is Mapping else ["x"])


def first_request(call: Any) -> httpx.Request:
    """What the client sends when this is called."""
    seen: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(404, json={"status": 404})

    hints = get_type_hints(call)
    given = [
        something_for(hints[name])
        for name, parameter in inspect.signature(call).parameters.items()
        if name != "self" and parameter.kind is not parameter.VAR_KEYWORD
    ]
    transport = httpx.MockTransport(refuse)
    client = Client("http://shop.test", "lk", retries=NO_RETRIES, transport=transport)
    with client, suppress(LookalikeClientError):
        list(call(client, *given))  # lists that come in pages ask when they are read
    return seen[0]


def operation_of(document: dict[str, Any], request: httpx.Request) -> str:
    path = unquote(request.url.path)
    for template, operations in document["paths"].items():
        pattern = re.sub(r"{\w+}", "[^/]+", template)
        operation = operations.get(request.method.lower())
        if operation and re.fullmatch(pattern, path):
            return str(operation["operationId"])
    raise AssertionError(f"the API has no {request.method} {path}")


def test_the_client_has_every_call_of_the_api_and_no_other(document: dict[str, Any]) -> None:
    made = {operation_of(document, first_request(call)) for call in calls_of_the_client()}
    described = {
        operations[method]["operationId"]
        for operations in document["paths"].values()
        for method in METHODS
        if method in operations
    }
    assert described - made == set()


def kinds_of_answers() -> list[type[Answer]]:
    return [
        kind
        for module in (answers, admin_answers)
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, Answer) and kind.__module__ == module.__name__
    ]


def test_every_answer_has_the_members_that_the_document_gives_it(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for kind in kinds_of_answers():
        if kind is not Answer:
            described = schemas[SCHEMAS.get(kind.__name__, kind.__name__)]["properties"]
            assert set(kind.model_fields) == set(described), kind


@pytest.mark.parametrize(
    ("options", "path"),
    [
        (ItemFilters, "/api/v1/facets"),
        (SimilarOptions, "/api/v1/items/{item_id}/similar"),
        (FindingFilters, "/api/v1/findings"),
    ],
)
def test_every_option_is_one_that_the_document_names(
    document: dict[str, Any], options: Any, path: str
) -> None:
    of_pages_and_kinds = {"cursor", "kind", "limit"} - set(options.__annotations__)
    named = {
        each["name"]
        for each in document["paths"][path]["get"]["parameters"]
        if each["in"] == "query"
    }
    assert set(options.__annotations__) == named - of_pages_and_kinds


def test_an_audit_takes_what_the_document_says(document: dict[str, Any]) -> None:
    described = document["components"]["schemas"]["AuditOptions"]["properties"]
    assert set(AuditOptions.__annotations__) == set(described)
