"""Writes that carry an `Idempotency-Key`: the same call again gets the first answer again.

Called by `requires` around every view. A photo's body is hashed where it lies, never copied.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from flask import Response, abort, current_app, g, request

from catalog import idempotency
from catalog.idempotency import KeyInUseError
from catalog.tables import IdempotentAnswer
from web.problems import problem
from web.services import session

_HEADER = "Idempotency-Key"
_LONGEST_KEY = 255
_SAFE = ("GET", "HEAD", "OPTIONS")
_KEPT_HEADERS = ("Content-Type", "Location", "Retry-After", "Link")
_RETRY_AFTER_S = "1"
_CHUNK_BYTES = 2**16


SecretAgain = Callable[[dict[str, Any]], str]
"""Makes the `secret` of a kept answer anew from the rest of it."""


def answer_once(view: Callable[[], Any], secret_again: SecretAgain | None = None) -> Any:
    """What the view answers, or what it answered when this call was made first.

    An answer with a secret is kept without it, so `secret_again` has to know it anew.
    """
    key = _read_key()
    if key is None or request.method in _SAFE:
        return view()
    call = f"{request.method} {request.path}"
    try:
        answer_id, kept = idempotency.claim_key(
            session(), g.token_id, key, call, _hash_request(call)
        )
    except KeyInUseError as error:
        refusal = problem(409, str(error))
        refusal.headers["Retry-After"] = _RETRY_AFTER_S
        return refusal
    if kept:
        return _replay(kept, secret_again)
    return _keep(answer_id, _answer(view), has_secret=secret_again is not None)


def _read_key() -> str | None:
    """The key, which the draft wants in quotes; many clients send it without."""
    key = request.headers.get(_HEADER)
    if key is None:
        return None
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not 0 < len(key) <= _LONGEST_KEY or not all("!" <= letter <= "~" for letter in key):
        abort(400, f"{_HEADER}: send 1 to {_LONGEST_KEY} ASCII characters without spaces.")
    return key


def _hash_request(call: str) -> str:
    digest = hashlib.sha256(call.encode() + b"?" + request.query_string + b"\n")
    if request.mimetype != "multipart/form-data":
        digest.update(request.get_data())  # kept by the request, which hands it to the view
        return digest.hexdigest()
    # By repr, because a part may come without a name, and two files can't be compared.
    for part in sorted(map(repr, request.form.items(multi=True))):
        digest.update(part.encode())
    for name, file in sorted(request.files.items(multi=True), key=lambda part: repr(part[0])):
        digest.update(repr((name, file.mimetype)).encode())
        while chunk := file.stream.read(_CHUNK_BYTES):
            digest.update(chunk)
        file.stream.seek(0)
    return digest.hexdigest()


def _answer(view: Callable[[], Any]) -> Response:
    """The view's answer, a refusal too; the session is clean afterwards."""
    try:
        answer = view()
    except Exception as error:  # the edge of the request: what it means is decided in one place
        session().rollback()
        answer = current_app.handle_user_exception(error)
    response = current_app.make_response(answer)
    session().rollback()
    return response


def _keep(answer_id: int, response: Response, has_secret: bool) -> Response:
    if response.status_code >= 500:
        idempotency.release_key(session(), answer_id)
        return response
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    status, body = response.status_code, response.get_data()
    if has_secret and status < 400:
        body = json.dumps(json.loads(body) | {"secret": None}).encode()
    idempotency.keep_answer(session(), answer_id, status, headers, body)
    return response


def _replay(kept: IdempotentAnswer, secret_again: SecretAgain | None) -> Response:
    body = kept.body or b""
    if secret_again and (kept.status or 500) < 400:
        members = json.loads(body)
        body = json.dumps(members | {"secret": secret_again(members)}).encode()
    response = Response(body, kept.status, kept.headers)
    response.headers["Idempotency-Replayed"] = "true"
    return response
