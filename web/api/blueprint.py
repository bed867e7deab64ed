"""The API's blueprint and its bearer tokens: which scope lets a caller do what.

The modules beside this one hang their routes here.
"""

# mypy: disable-error-code="untyped-decorator"
from collections.abc import Callable
from typing import Any, TypeVar

from apiflask import APIBlueprint, HTTPTokenAuth
from apiflask.exceptions import HTTPError
from flask import Response

from catalog.accounts import find_token
from web.problems import problem
from web.services import session

blueprint = APIBlueprint("api", __name__, url_prefix="/api/v1", tag="api")

_tokens = HTTPTokenAuth(description="A token from `lookalike token create`.")

_IMPLIED = {
    "read": ("read",),
    "ingest": ("ingest", "read"),
    "admin": ("admin", "ingest", "read"),
}

View = TypeVar("View", bound=Callable[..., Any])


def requires(scope: str) -> Callable[[View], View]:
    """Let only tokens in whose scopes include or imply `scope`."""
    return blueprint.auth_required(_tokens, roles=[scope])


@_tokens.verify_token
def _scopes_of(secret: str) -> list[str] | None:
    """The scopes a secret stands for; None (401) for an unknown or revoked one."""
    token = find_token(session(), secret) if secret else None
    if token is None:
        return None
    scopes = [implied for scope in token.scopes for implied in _IMPLIED.get(scope, ())]
    session().commit()
    return scopes


@_tokens.get_user_roles
def _roles(scopes: list[str]) -> list[str]:
    return scopes


@_tokens.error_processor
def _refuse(error: HTTPError) -> Response:
    if error.status_code == 401:
        return problem(401, "Send a valid token: `Authorization: Bearer <token>`.")
    return problem(403, "This token's scopes do not allow that.")
