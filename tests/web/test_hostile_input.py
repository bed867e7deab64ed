"""Whatever is sent to whichever route, as path, query, form or body: never a 5xx of ours."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

import web
from catalog.accounts import create_token
from tests.web.conftest import Shop
from tests.web.test_access import logged_in, methods

LONG, NINES = "ab" * 5000, "9" * 5000
TEXTS = ("a\0b", LONG, NINES, "²", "NaN", "-1")
PLACES = {
    "int": ("0", "2147483648", "9223372036854775808", "9" * 400),
    "uuid": (str(uuid.UUID(int=0)), "nonsense"),
    "default": ("x", "a\0b", LONG, "%", "ﬀ", "0" * 64),
}
SOURCES = "\n".join(path.read_text() for path in Path(web.__file__).parent.rglob("*.py"))
ASKED = re.findall(r'\b(?:args|form|values)\.get(?:list)?\(\s*"(\w+)"', SOURCES)
FIELDS = re.findall(r"^    (\w+): [^=]+= |^    (\w+) = \w*Field\(", SOURCES, re.MULTILINE)
NAMES = sorted({*ASKED, *(name for pair in FIELDS for name in pair if name)})
"""Whatever a page reads by name, and the members of forms and of what the API takes."""

UNAVAILABLE = 503
"""What the fakes lack, such as a worker's answer, is no fault of the route."""


@pytest.fixture
def send(app: Flask, session: Session, shop: Shop, users: dict[str, int]) -> Any:
    """Open a path as an admin with an admin's token."""
    app.config["WTF_CSRF_ENABLED"] = False
    shop.add_item("A-1")
    token = create_token(session, "hostile", ["admin"])
    session.commit()
    headers = {"Authorization": f"Bearer {token}"}

    client = logged_in(app, users["admin"])

    def open_path(path: str, method: str, **content: Any) -> int:
        with client.open(path, method=method, headers=headers, **content) as answer:
            return answer.status_code

    return open_path


def routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith(("static", "bootstrap", "login.leave")):
            for method in methods(rule):
                yield rule, method


def fill(rule: Rule, pick: int) -> str:
    """The route's address with the hostile value number `pick` in each place."""

    def hostile(found: re.Match[str]) -> str:
        if found[1] == "any":
            return (found[2] or "").split(",")[0]
        values = PLACES.get(found[1] or "default", PLACES["default"])
        return quote(values[pick % len(values)], safe="")

    return re.sub(r"<(?:(\w+)(?:\(([^)]*)\))?:)?\w+>", hostile, rule.rule)


def is_wrong(status: int) -> bool:
    return status >= 500 and status != UNAVAILABLE


def test_no_path_makes_a_route_fail(app: Flask, send: Any) -> None:
    wrong = []
    for rule, method in routes(app):
        for pick in range(6 if rule.arguments else 1):
            status = send(fill(rule, pick), method)
            if is_wrong(status):
                wrong.append(f"{method} {rule} {pick}: {status}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("text", TEXTS)
def test_no_query_makes_a_page_fail(app: Flask, send: Any, text: str) -> None:
    query = {name: [text, text] for name in NAMES}
    wrong = []
    for rule, method in routes(app):
        if method == "GET":
            status = send(fill(rule, 0), method, query_string=query)
            if is_wrong(status):
                wrong.append(f"{rule}: {status}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("text", TEXTS)
def test_no_form_and_no_body_makes_a_route_fail(app: Flask, send: Any, text: str) -> None:
    wrong = []
    for rule, method in routes(app):
        if method == "GET":
            continue
        path = fill(rule, 0)
        for content in (
            {"data": {name: [text, text] for name in NAMES}},
            {"json": dict.fromkeys(NAMES, text)},
            {"json": [text]},
            {"data": text.encode(), "content_type": "image/jpeg"},
        ):
            status = send(path, method, **content)
            if is_wrong(status):
                wrong.append(f"{method} {rule} {sorted(content)}: {status}")
    assert not wrong, "\n".join(wrong)
