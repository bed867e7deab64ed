"""Who may call what: every route is walked with every role, and one nobody decided on fails."""

import re
import uuid
from collections.abc import Callable, Mapping

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from catalog.accounts import create_token

EVERYBODY, ADMINS = "everybody", "admins"

PAGES = {
    "admin": ADMINS,
    "api_docs": EVERYBODY,
    "audit": ADMINS,
    "bootstrap": EVERYBODY,
    "browse": EVERYBODY,
    "embed": EVERYBODY,
    "health": EVERYBODY,
    "images": EVERYBODY,
    "login": EVERYBODY,
    "map": EVERYBODY,
    "openapi": EVERYBODY,
    "review": ADMINS,
    "search": EVERYBODY,
    "static": EVERYBODY,
    "tokens": ADMINS,
    "webhooks": ADMINS,
}
"""Blueprint -> who may see its pages and press its buttons."""

EXCEPTIONS = {"map.make": ADMINS}
"""Endpoints for which something else was decided than for the rest of their blueprint."""

API = {
    "activate_generation": "admin",
    "add_garment": "admin",
    "cancel_job": "admin",
    "compare_again": "admin",
    "correct_garment": "admin",
    "create_webhook": "admin",
    "delete_webhook": "admin",
    "dismiss_finding": "admin",
    "export_corrected": "admin",
    "forecast_of_reindex": "admin",
    "judge_photo": "admin",
    "list_deliveries": "admin",
    "list_findings": "admin",
    "list_generations": "admin",
    "list_jobs": "admin",
    "list_review": "admin",
    "list_webhooks": "admin",
    "read_comparison": "admin",
    "read_job": "admin",
    "roll_back_generation": "admin",
    "start_audit": "admin",
    "start_map": "admin",
    "start_reindex": "admin",
    "take_back_added": "admin",
    "test_webhook": "admin",
    "undo_correction": "admin",
    "finish_ingest": "ingest",
    "missing_photos": "ingest",
    "note_seen": "ingest",
    "put_items": "ingest",
    "put_photo": "ingest",
    "remove_item": "ingest",
    "start_ingest": "ingest",
    "catalog_status": "read",
    "complete_the_look": "read",
    "count_facets": "read",
    "explain_match": "read",
    "explain_match_with_upload": "read",
    "get_garment": "read",
    "get_item": "read",
    "get_item_by_sku": "read",
    "get_photo": "read",
    "list_catalogs": "read",
    "list_items": "read",
    "list_map_points": "read",
    "read_health": "read",
    "read_map": "read",
    "read_search": "read",
    "recommend": "read",
    "similar_to_garment": "read",
    "similar_to_item": "read",
    "similar_to_photo": "read",
    "similar_to_posted_photo": "read",
    "similar_to_sku": "read",
    "similar_to_upload": "read",
    "start_search": "read",
}
"""Endpoint below /api/v1 -> the scope that a token must have or imply."""

SCOPES = ("read", "ingest", "admin")
"""Each implies those before it."""

ROLES = ("nobody", "user", "admin", *(f"{scope} token" for scope in SCOPES))

Call = Callable[[Rule, str], TestResponse]


def decision(rule: Rule) -> str:
    """Who may call the route; a KeyError names one that nobody has decided on."""
    blueprint, _, name = rule.endpoint.rpartition(".")
    if blueprint == "api":
        return API[name]
    return EXCEPTIONS.get(rule.endpoint) or PAGES[blueprint or name]


def expected(rule: Rule, role: str) -> str:
    """What the route must do with a caller of that role: "let in", "refuse" or "send to login"."""
    allowed = decision(rule)
    if allowed == EVERYBODY:
        return "let in"
    if allowed == ADMINS:
        return {"admin": "let in", "user": "refuse"}.get(role, "send to login")
    scope, _, token = role.partition(" ")
    if not token:
        return "ask for a token"  # being logged in is nothing to the API
    return "let in" if SCOPES.index(scope) >= SCOPES.index(allowed) else "refuse"


def outcome(answer: TestResponse) -> str:
    if answer.status_code == 302 and answer.location.startswith("/login?"):
        return "send to login"
    return {401: "ask for a token", 403: "refuse"}.get(answer.status_code, "let in")


def address(rule: Rule, values: Mapping[str, object] | None = None) -> str:
    """The route's address with an argument of the right kind in each place."""
    kinds = {"int": "1", "uuid": str(uuid.uuid4()), "default": "x", "string": "x", "path": "x"}

    def fill(found: re.Match[str]) -> str:
        kind, options, name = found[1] or "default", found[2], found[3]
        if values is not None:
            return str(values[name])
        return options.split(",")[0] if kind == "any" else kinds[kind]

    return re.sub(r"<(?:(\w+)(?:\(([^)]*)\))?:)?(\w+)>", fill, rule.rule)


def methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def changes_something(rule: Rule) -> bool:
    return bool({"POST", "PUT", "PATCH", "DELETE"} & (rule.methods or set()))


@pytest.fixture
def call(app: Flask, session: Session, users: dict[str, int]) -> Callable[[str], Call]:
    """Make a caller of a role; each call is a fresh browser, so that none logs another out."""

    def make(role: str) -> Call:
        headers = {}
        scope, _, token = role.partition(" ")
        if token:
            headers["Authorization"] = f"Bearer {create_token(session, role, [scope])}"
            session.commit()

        def open_rule(rule: Rule, method: str) -> TestResponse:
            client = logged_in(app, users[role]) if role in users else app.test_client()
            return client.open(address(rule), method=method, headers=headers)

        return open_rule

    return make


def logged_in(app: Flask, user_id: int) -> FlaskClient:
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie.update(_user_id=str(user_id), _fresh=True)
    return client


@pytest.mark.parametrize("role", ROLES)
def test_every_route_lets_in_whom_it_should_and_nobody_else(
    app: Flask, call: Callable[[str], Call], role: str
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    calls = call(role)
    wrong = []
    for rule in app.url_map.iter_rules():
        for method in methods(rule):
            answer = calls(rule, method)
            found = outcome(answer)
            if rule.endpoint == "login.check" and answer.status_code == 401:
                found = "let in"  # it says that the password is wrong
            if found != expected(rule, role) or answer.status_code == 500:
                wrong.append(f"{method} {rule}: {answer.status_code}, not {expected(rule, role)}")
    assert not wrong


def test_every_decision_is_about_a_route_that_there_is(app: Flask) -> None:
    endpoints = [rule.endpoint for rule in app.url_map.iter_rules()]
    assert {name.removeprefix("api.") for name in endpoints if name.startswith("api.")} == set(API)
    assert {name.split(".")[0] for name in endpoints} - {"api"} == set(PAGES)


def test_whatever_a_page_changes_needs_the_forms_own_token(
    app: Flask, users: dict[str, int]
) -> None:
    changing = [
        rule
        for rule in app.url_map.iter_rules()
        if changes_something(rule) and not rule.endpoint.startswith("api.")
    ]
    assert len(changing) >= 11
    for rule in changing:
        for method in set(methods(rule)) - {"GET"}:
            answer = logged_in(app, users["admin"]).open(address(rule), method=method)
            assert answer.status_code == 400, rule
            assert "CSRF token" in answer.text, rule
