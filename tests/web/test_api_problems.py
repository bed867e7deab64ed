"""Whatever goes wrong below /api is an RFC 9457 problem."""

import re
import uuid

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web.conftest import bearer


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/nothing", None, 404),
        ("GET", "/api/nothing", None, 404),
        ("GET", "/api", None, 404),
        ("PATCH", "/api/v1/items", None, 405),
        ("GET", "/api/v1/garments/no-uuid", None, 404),
        ("GET", "/api/v1/items/99999999999999999999", None, 404),
        ("GET", "/api/v1/items?cursor=99999999999999999999", None, 422),
        ("GET", "/api/v1/jobs?cursor=%C3%A4", None, 422),
        ("GET", "/api/v1/jobs?cursor=W10", None, 422),
        ("GET", "/api/v1/jobs?cursor=WyJhIiwgImIiXQ", None, 422),
        ("GET", "/api/v1/catalogs?cursor=x", None, 422),
        ("POST", "/api/v1/jobs", b"{no json", 400),
        ("POST", "/api/v1/jobs", b"\xff\xfe", 400),
        ("POST", "/api/v1/jobs", b"[]", 422),
        ("POST", "/api/v1/jobs", b'{"catalog": "a\\u0000"}', 422),
        ("POST", "/api/v1/jobs", b'{"catalog": "\\ud800"}', 422),
        ("POST", "/api/v1/similar", b"no photo", 422),
        ("POST", "/api/v1/similar", b"", 400),
        ("POST", "/api/v1/similar", b"x" * (21 * 2**20), 413),
    ],
)
def test_whatever_goes_wrong_below_the_api_is_a_problem(
    client: FlaskClient, token: str, method: str, path: str, body: bytes | None, status: int
) -> None:
    answer = client.open(path, method=method, data=body, headers=bearer(token))
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= set(answer.json)
    assert answer.json["status"] == status


def test_rows_with_half_of_a_surrogate_pair_fail_alone(client: FlaskClient, token: str) -> None:
    body = rb"""{"items": [{"sku": "\ud800", "title": "a"}, {"sku": "b", "title": "\udc00"},
                {"sku": "c", "attributes": {"d": "\ud800"}}, {"sku": "good"}]}"""
    answer = client.post("/api/v1/catalogs/shop/items", data=body, headers=bearer(token))
    statuses = [row["status"] for row in answer.json["results"]]
    assert statuses == ["failed", "failed", "failed", "created"]


def test_every_route_answers_a_wrong_method_and_wrong_ids_with_problems(
    app: Flask, token: str
) -> None:
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/v1/"):
            continue
        path = re.sub(r"<(?:path:)?\w+>", "x", re.sub(r"<uuid:\w+>", str(uuid.uuid4()), rule.rule))
        path = re.sub(r"<int:\w+>", "9" * 30, path)
        for method in ("PATCH", *(rule.methods or set()) - {"HEAD", "OPTIONS"}):
            answer = client.open(path, method=method, headers=bearer(token))
            if answer.status_code >= 400:
                assert answer.content_type == "application/problem+json", (method, path)
            assert answer.status_code < 500, (method, path)
            assert (answer.status_code == 405) == (method == "PATCH"), (method, path)
