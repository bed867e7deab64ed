"""The API's blueprint and its bearer tokens: which scope lets a caller do what, and how often.

The modules beside this one hang their routes here.
"""

# mypy: disable-error-code="untyped-decorator"
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from apiflask import APIBlueprint, HTTPTokenAuth
from apiflask.exceptions import HTTPError
from flask import Response, g, request

from catalog.accounts import find_token
from web.api.conditional import revalidate
from web.api.once import SecretAgain, answer_once
from web.limits import READ, WRITE, limits
from web.problems import problem
from web.services import session

blueprint = APIBlueprint("api", __name__, url_prefix="/api/v1")
blueprint.after_request(revalidate)

_tokens = HTTPTokenAuth(description="A token from `lookalike token create`.")

_IMPLIED = {
    "read": ("read",),
    "ingest": ("ingest", "read"),
    "admin": ("admin", "ingest", "read"),
}

View = TypeVar("View", bound=Callable[..., Any])


def requires(
    scope: str, limit: str | None = None, secret_again: SecretAgain | None = None
) -> Callable[[View], View]:
    """Let only tokens in whose scopes include or imply `scope`, as often as `limit` allows.

    Without a `limit`, reads count as reads and all else as writes. A write that carries an
    idempotency key is answered once.
    """

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            limits().spend(limit or _limit_of(scope))
            return answer_once(lambda: view(*args, **kwargs), secret_again)

        return cast(View, blueprint.auth_required(_tokens, roles=[scope])(guarded))

    return guard


@_tokens.verify_token
def _scopes_of(secret: str) -> list[str] | None:
    """The scopes a secret stands for; None (401) for an unknown or revoked one."""
    token = find_token(session(), secret) if secret else None
    if token is None:
        return None
    g.token_id = token.id
    scopes = [implied for scope in token.scopes for implied in _IMPLIED.get(scope, ())]
    session().commit()
    return scopes


def answer_of(schema: str, description: str, *headers: str) -> Any:
    """How the OpenAPI document tells of an answer beside the usual one; names its headers."""
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    return {
        "description": description,
        "content": {"application/json": content},
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
    }


def _limit_of(scope: str) -> str:
    return READ if scope == "read" or request.method in ("GET", "HEAD") else WRITE


@_tokens.get_user_roles
def _roles(scopes: list[str]) -> list[str]:
    return scopes


@_tokens.error_processor
def _refuse(error: HTTPError) -> Response:
    if error.status_code == 401:
        return problem(401, "Send a valid token: `Authorization: Bearer <token>`.")
    return problem(403, "This token's scopes do not allow that.")
