"""The OpenAPI document is valid and complete, and the running app does what it says."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import schemathesis
from flask import Flask, request
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from sqlalchemy.orm import Session

from catalog.accounts import create_token
from catalog.jobs import start_job
from catalog.queue import ANALYZE_PHOTO
from catalog.services import Services
from catalog.tables import JobKind, Upload, UploadGarment, UploadState
from tests.fakes import FakeQueue
from tests.web.conftest import DIMENSIONS, Shop

METHODS = {"get", "post", "put", "patch", "delete"}
WRITES = METHODS - {"get"}
JSON = "application/json"


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    answer = app.test_client().get("/api/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, each in document["paths"].items():
        for method, operation in each.items():
            yield path, method, operation


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    validate(document)


def test_every_route_of_the_api_is_described_and_nothing_else(
    app: Flask, document: dict[str, Any]
) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in rule.methods or ()
        if method.lower() in METHODS
    }
    assert {(path, method) for path, method, _ in operations(document)} == routes


def test_every_call_says_what_it_does_needs_takes_and_answers(document: dict[str, Any]) -> None:
    subjects = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert all(subjects.values())
    names = []
    for path, method, operation in operations(document):
        place = f"{method} {path}"
        names.append(operation["operationId"])
        (scope,) = operation["security"][0]["BearerAuth"]
        assert operation["summary"], place
        assert f"scope `{scope}`" in operation["description"], place
        assert set(operation["tags"]) <= set(subjects), place
        parameters = {each["name"]: each for each in operation["parameters"]}
        for name, parameter in parameters.items():
            assert len(parameter.get("description", "")) > 5, f"{place}: {name}"
        assert set(re.findall(r"{(\w+)}", path)) <= set(parameters), place
        assert ("Idempotency-Key" in parameters) == (method in WRITES), place
        assert ("If-None-Match" in parameters) == (method == "get"), place
        assert operation.get("requestBody", {"required": True})["required"] is True, place
    assert len(names) == len(set(names))


def test_every_call_describes_its_answers_and_its_errors(document: dict[str, Any]) -> None:
    shared = document["components"]["responses"]
    for response in shared.values():
        content = response["content"]["application/problem+json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
    for path, method, operation in operations(document):
        place, responses = f"{method} {path}", operation["responses"]
        assert {"400", "401", "403", "429", "500", "503"} <= set(responses), place
        for code, response in responses.items():
            if code[0] in "45":
                assert response["$ref"].rpartition("/")[2] in shared, place
                continue
            assert "RateLimit-Remaining" in response["headers"], place
            if code not in ("204", "304"):
                assert response["content"]["application/json"]["schema"], place
        if method == "get":
            assert "ETag" in responses["200"]["headers"], place
        if "cursor" in {each["name"] for each in operation["parameters"]}:
            assert "Link" in responses["200"]["headers"], place
        if "{" in path:
            assert "404" in responses, place


def test_photos_are_bodies_of_their_own_types(document: dict[str, Any]) -> None:
    put = document["paths"]["/api/v1/photos/{sha256}"]["put"]
    assert "image/jpeg" in put["requestBody"]["content"]
    assert {"200", "201"} <= set(put["responses"])
    posted = document["paths"]["/api/v1/similar"]["post"]
    assert {"multipart/form-data", "image/webp"} <= set(posted["requestBody"]["content"])
    assert {"Location", "Retry-After"} <= set(posted["responses"]["202"]["headers"])


class SeeingQueue(FakeQueue):
    """A queue behind which photos are analysed at once: a jacket is found in each."""

    services: Services

    def enqueue(self, task_name: str, *args: Any, queue: str = "bulk") -> str:
        if task_name == ANALYZE_PHOTO:
            with self.services.sessions.begin() as session:
                upload = session.get_one(Upload, uuid.UUID(args[0]))
                upload.state, upload.garments = UploadState.DONE, [found_jacket()]
        return super().enqueue(task_name, *args, queue=queue)


@pytest.fixture
def queue() -> SeeingQueue:
    return SeeingQueue()


def found_jacket() -> UploadGarment:
    return UploadGarment(
        crop=b"crop",
        category="jacket",
        score=0.9,
        box=[0, 0, 10, 10],
        outline=[[0, 0, 10, 0, 10, 10]],
        embedder="embedder-a",
        vector=np.eye(DIMENSIONS, dtype=np.float32)[0],
    )


@pytest.fixture
def described(
    app: Flask, shop: Shop, session: Session, services: Services, queue: SeeingQueue
) -> Any:
    """The document's operations over the running app, whose catalog holds something of each."""
    queue.services = services
    shop.add_item("A-100", ("jacket", "shoes"), catalog="my-shop", brand="Nord", price=30)
    shop.add_item("A-200", catalog="my-shop")
    start_job(session, JobKind.INGEST, "my-shop")
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    done = Upload(width=6, height=8, state=UploadState.DONE, expires_at=expires_at)
    done.garments = [found_jacket()]
    session.add(done)
    token = create_token(session, "fuzzer", ["admin"])
    session.commit()
    # Every call carries the token: what happens without one is tested route by route elsewhere.
    app.before_request(lambda: request.environ.__setitem__("HTTP_AUTHORIZATION", f"Bearer {token}"))
    open_to_all = without_security(app.test_client().get("/api/openapi.json").json)
    schema = schemathesis.openapi.from_dict(open_to_all)
    schema.app = app
    return schema


def without_security(document: dict[str, Any]) -> dict[str, Any]:
    for _, _, operation in operations(document):
        del operation["security"]
    return document


def try_out(described: Any, examples: int, random: bool) -> int:
    """Call every operation with so many valid and invalid requests; returns how many there are."""
    found = [each.ok() for each in described.get_all_operations()]
    for operation in found:
        try_operation(operation, GenerationMode.POSITIVE, examples, random)
        if operation.query or any(each.media_type == JSON for each in operation.body):
            try_operation(operation, GenerationMode.NEGATIVE, examples, random)
    return len(found)


def try_operation(operation: Any, mode: GenerationMode, examples: int, random: bool) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=not random,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def call(case: Any) -> None:
        case.call_and_validate(
            headers={"Accept-Encoding": "identity"},
            # A schema can't say which bytes are a photo, or which words are a cursor.
            excluded_checks=[positive_data_acceptance],
        )

    call()


def test_the_running_app_does_what_its_document_says(described: Any) -> None:
    assert try_out(described, examples=2, random=False) >= 33


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_running_app_does_what_its_document_says_at_length(described: Any) -> None:
    assert try_out(described, examples=100, random=True) >= 33
