"""What a caller gets when a request fails: problem+json for programs, a page elsewhere.

Registered by `web.app`. Problems follow RFC 9457.
"""

import logging
from typing import Any

from apiflask.exceptions import HTTPError
from flask import Flask, Response, jsonify, render_template, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from catalog.errors import (
    ConflictError,
    InputError,
    LookalikeError,
    NotFoundError,
    PhotoError,
    UnavailableError,
)
from web.services import session

log = logging.getLogger(__name__)

_STATUS: tuple[tuple[type[LookalikeError], int], ...] = (
    (NotFoundError, 404),
    (ConflictError, 409),
    (InputError, 422),
    (UnavailableError, 503),
)
_RETRY_AFTER_S = "5"
_FOR_PROGRAMS = ("embed.similar", "map.garment", "map.ids", "map.points", "search.state")
"""Outside of the API: what scripts of pages read."""


def problem(status: int, detail: str, **extra: Any) -> Response:
    """A problem+json answer; `extra` members stand beside the standard ones."""
    title = HTTP_STATUS_CODES.get(status, "Error")
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    response = jsonify(body | extra)
    response.status_code = status
    response.content_type = "application/problem+json"
    if status == 503:
        response.headers["Retry-After"] = _RETRY_AFTER_S
    return response


def register_error_handlers(app: Flask) -> None:
    """Answer every kind of failure in the caller's own form."""
    app.register_error_handler(HTTPError, _api_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(LookalikeError, _lookalike_error)
    app.register_error_handler(OperationalError, _database_error)
    app.register_error_handler(Exception, _unexpected_error)


def _answer(status: int, detail: str, **extra: Any) -> Response:
    if f"{request.path}/".startswith("/api/") or request.endpoint in _FOR_PROGRAMS:
        return problem(status, detail, **extra)
    page = render_template("error.html", status=status, detail=detail)
    return Response(page, status, {"Retry-After": _RETRY_AFTER_S} if status == 503 else None)


def _api_error(error: HTTPError) -> Response:
    extra = {"errors": error.detail} if error.detail else {}
    response = _answer(error.status_code, _validation_detail(error), **extra)
    response.headers.update(dict(error.headers))
    return response


def _validation_detail(error: HTTPError) -> str:
    """The first field error in words, so that a log line alone tells what to mend."""
    places = error.detail.values() if isinstance(error.detail, dict) else ()
    for fields in places:
        for field, messages in fields.items():
            return f"{field}: {messages[0]}"
    return str(error.message)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    response = _answer(status, _describe(error, status))
    for name, value in error.get_headers():
        if name.lower() in ("location", "allow", "retry-after"):
            response.headers[name] = value
    return response


def _describe(error: HTTPException, status: int) -> str:
    if error.description == BadRequest.description:
        return "The request can't be read. If its body is JSON, something in it is not well-formed."
    return error.description or HTTP_STATUS_CODES.get(status, "Error")


def _lookalike_error(error: LookalikeError) -> Response:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    if status >= 500:
        log.warning("%s: %s", type(error).__name__, error)
    extra = {"reason": error.reason} if isinstance(error, PhotoError) else {}
    return _answer(status, str(error), **extra)


def _database_error(error: OperationalError) -> Response:
    log.error("the database does not answer: %s", error)
    return _answer(503, "The database does not answer at the moment. Please try again.")


def _unexpected_error(error: Exception) -> Response:
    log.exception("unexpected error in %s %s", request.method, request.path)
    session().rollback()
    return _answer(500, "Something went wrong on our side. It has been logged.")
