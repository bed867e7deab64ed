"""Headers that every answer carries, and the check that a redirect stays on this site.

Registered by `web.app`; the login asks `is_local`.
"""

from urllib.parse import urlsplit

from flask import Flask, Response, abort, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class Sessions(SecureCookieSessionInterface):
    """Leaves alone what is the same for everybody: Flask-Login looks at each visitor's session,
    and an answer that varies by cookie is of no use to a shared cache."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not response.cache_control.public:
            super().save_session(app, session, response)


def register_headers(app: Flask) -> None:
    app.session_interface = Sessions()
    app.before_request(_refuse_unreadable)
    app.after_request(_add_headers)


def _refuse_unreadable() -> None:
    """No text that Postgres can hold contains a NUL, so no address has reason to."""
    if "\0" in request.path or "%00" in request.query_string.decode("latin-1"):
        abort(400, "The address contains a NUL character.")
    if request.method == "POST" and not request.path.startswith("/api/"):
        _refuse_no_form()


def _refuse_no_form() -> None:
    """Pages take forms: a form library that is handed JSON fails in ways of its own."""
    if request.is_json:
        abort(415, "This page takes a form, no JSON. Programs use the API.")
    if any("\0" in text for pair in request.form.items(multi=True) for text in pair):
        abort(400, "The form contains a NUL character.")


def _add_headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if request.path.startswith(("/admin", "/login", "/api/")):
        headers.setdefault("Cache-Control", "no-store")
    elif response.mimetype == "text/html":
        # Pages carry a form's token and who is logged in: no shared cache may keep them.
        headers.setdefault("Cache-Control", "private, no-cache")
    return response


def is_local(target: str | None) -> bool:
    """Whether `target` is a plain path on this site: "/admin", but not "//evil" or "/\\evil"."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return False
    parts = urlsplit(target)
    return not parts.scheme and not parts.netloc and not any(ord(c) < 32 for c in target)
