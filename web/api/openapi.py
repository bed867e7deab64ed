"""Completes the OpenAPI document that APIFlask makes of the views: what holds for every call.

Registered by `web.app`: errors, headers, scopes, subjects, and schemas each under its own name.
"""

import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from apiflask import APIFlask
from pydantic import BaseModel
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import Rule

from web.api.descriptions import (
    ABOUT,
    ERRORS,
    MORE_ERRORS,
    PATH_PARAMETERS,
    SUBJECTS,
    UPLOADS,
)

Document = dict[str, Any]

_METHODS = ("get", "post", "put", "patch", "delete")
_PROBLEM_JSON = "application/problem+json"
_ALWAYS = ("400", "401", "403", "429", "500", "503")
_HEADERS: Document = {
    "ETag": "Changes when the content does: send it as `If-None-Match`",
    "Link": 'The next page, with `rel="next"`; absent on the last',
    "Location": "Where to ask again",
    "Retry-After": "Seconds to wait before the next try",
    "RateLimit-Limit": "How many such requests this token may send in a window",
    "RateLimit-Remaining": "How many are left",
    "RateLimit-Reset": "Seconds until the window is over",
    "Idempotency-Replayed": "`true` when this is the answer to an earlier request with the key",
    "WWW-Authenticate": "That a bearer token is needed",
}
_NUMBERS = {"Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
_RATES = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "A word of your own, new for each write: the same call with it again does "
    "nothing and gets the first answer, for 24 hours.",
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The `ETag` of an answer that you have: 304 if it still holds.",
}


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    reason: str | None = None
    """For a photo that can't be used: one word that stays the same."""
    errors: dict[str, dict[str, list[str]]] | None = None
    """All members and parameters that are wrong, by where they are."""


def register_document(app: APIFlask) -> None:
    """Have the document completed whenever it is made."""
    app.description = ABOUT
    process: Any = app.spec_processor
    process(_completer(app))


def _completer(app: APIFlask) -> Callable[[Document], Document]:
    def complete(document: Document) -> Document:
        components = document["components"]
        _name_schemas(document)
        components["schemas"] |= {"Problem": Problem.model_json_schema()}
        for unused in ("HTTPError", "ValidationError"):
            components["schemas"].pop(unused, None)
        components["headers"] = {name: _header(name) for name in _HEADERS}
        components["responses"] = {code: _problem_response(code) for code in ERRORS}
        views = dict(_views(app))
        subjects = dict(SUBJECTS)
        for path, operations in document["paths"].items():
            for method in _METHODS:
                if method in operations:
                    view = views[path, method]
                    _complete_operation(operations[method], path, method, view)
                    _put_under_subject(operations[method], view, subjects)
        document["tags"] = [{"name": name, "description": text} for name, text in subjects.items()]
        return document

    return complete


def _views(app: APIFlask) -> Iterator[tuple[tuple[str, str], Callable[..., Any]]]:
    for rule in app.url_map.iter_rules():
        for method in rule.methods or ():
            yield (_path_of(rule), method.lower()), app.view_functions[rule.endpoint]


def _path_of(rule: Rule) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)


def _complete_operation(
    operation: Document, path: str, method: str, view: Callable[..., Any]
) -> None:
    operation["operationId"] = view.__name__
    operation["summary"] = operation["summary"].rstrip(".").replace("`", "")
    (scopes,) = (next(iter(each.values())) for each in operation["security"])
    told = [operation.get("description"), f"Needs a token with the scope `{scopes[0]}`."]
    operation["description"] = "\n\n".join(filter(None, told))
    _complete_parameters(operation, method)
    if upload := UPLOADS.get(view.__name__):
        operation["requestBody"] = upload
    elif "requestBody" in operation:
        operation["requestBody"]["required"] = True
    _complete_responses(operation, path, method)


def _put_under_subject(
    operation: Document, view: Callable[..., Any], subjects: dict[str, str]
) -> None:
    """The module that holds a view is its subject; one without a description says its own."""
    module = sys.modules[view.__module__]
    name = module.__name__.rpartition(".")[2].replace("_", " ")
    subjects.setdefault(name, (module.__doc__ or name).strip().splitlines()[0].rstrip("."))
    operation["tags"] = [name]


def _complete_parameters(operation: Document, method: str) -> None:
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            noun = parameter["name"].removesuffix("_id").replace("_", " ")
            default = {"description": f"The id of the {noun}"}
            parameter |= PATH_PARAMETERS.get(parameter["name"], default)
            if parameter["name"].endswith("_id") and parameter["schema"]["type"] == "string":
                parameter["schema"]["format"] = "uuid"
        else:
            parameter["schema"] = _without_null(parameter["schema"])
        if "description" in parameter["schema"]:
            parameter["description"] = parameter["schema"].pop("description")
    operation["parameters"].append(_IF_NONE_MATCH if method == "get" else _KEY)


def _without_null(schema: Document) -> Document:
    """A parameter that is absent is no null; a price is a number however it is written."""
    kinds = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    numbers = [each for each in kinds if each.get("type") == "number"]
    if not kinds:
        return schema
    rest: Document = {
        name: value for name, value in schema.items() if name not in ("anyOf", "title")
    }
    if rest.get("default", ...) is None:
        del rest["default"]
    rest.update((numbers or kinds)[0])
    return rest


def _complete_responses(operation: Document, path: str, method: str) -> None:
    responses: Document = operation["responses"]
    for code in [code for code in responses if code[0] in "45"]:
        del responses[code]
    for code, response in responses.items():
        response["headers"] = response.get("headers", {}) | _refs("headers", _RATES)
        if method != "get":
            response["headers"] |= _refs("headers", ["Idempotency-Replayed"])
        elif code == "200":
            response["headers"] |= _refs("headers", ["ETag"])
        if any(each["name"] == "cursor" for each in operation["parameters"]):
            response["headers"] |= _refs("headers", ["Link"])
    if method == "get":
        responses["304"] = {
            "description": "Still what you have",
            "headers": _refs("headers", _RATES),
        }
    for code in _error_codes(operation, path, method):
        responses[code] = {"$ref": f"#/components/responses/{code}"}


def _error_codes(operation: Document, path: str, method: str) -> list[str]:
    places = {each["in"] for each in operation["parameters"]}
    searches = path.endswith(("/similar", "/look", "{upload_id}", "/recommend"))
    codes = {*_ALWAYS, *MORE_ERRORS.get(operation["operationId"], ())}
    codes |= {"404"} if "path" in places or searches else set()
    codes |= {"409"} if method != "get" or searches else set()
    codes |= {"422"} if method != "get" or "query" in places else set()
    codes |= {"413"} if "requestBody" in operation else set()
    return sorted(codes)


def _header(name: str) -> Document:
    kind = {"type": "integer"} if name in _NUMBERS else {"type": "string"}
    return {"description": _HEADERS[name], "schema": kind}


def _problem_response(code: str) -> Document:
    example = {"type": "about:blank", "title": HTTP_STATUS_CODES[int(code)], "status": int(code)}
    content = {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "example": example | {"detail": ERRORS[code]},
    }
    names = {"401": ["WWW-Authenticate"], "429": ["Retry-After", *_RATES], "503": ["Retry-After"]}
    return {
        "description": ERRORS[code],
        "content": {_PROBLEM_JSON: content},
        "headers": _refs("headers", names.get(code, [])),
    }


def _refs(kind: str, names: Any) -> Document:
    return {name: {"$ref": f"#/components/{kind}/{name}"} for name in names}


def _name_schemas(document: Document) -> None:
    """APIFlask calls what `ItemOut` holds `ItemOut.PhotoOut`: the same under many names."""
    schemas = document["components"]["schemas"]
    for name in [name for name in schemas if "." in name]:
        schemas.setdefault(name.rpartition(".")[2], schemas[name])
        del schemas[name]
    _rename_refs(document)


def _rename_refs(part: Any) -> None:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            part["$ref"] = re.sub(r"/schemas/\w+\.(\w+)$", r"/schemas/\1", part["$ref"])
        part = list(part.values())
    if isinstance(part, list):
        for child in part:
            _rename_refs(child)
