"""Builds the web application: pages, admin, JSON API and images on one set of services.

Called by `web.wsgi` with real services and by the tests with theirs.
"""

from datetime import timedelta
from typing import Any

from apiflask import APIFlask
from flask import Flask
from flask_bootstrap import Bootstrap5
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from catalog.errors import ConfigError
from catalog.services import Services
from catalog.settings import Settings
from web import (
    api,
    compression,
    cors,
    embed,
    facets,
    filters,
    health,
    images,
    limits,
    pages,
    problems,
    security,
)
from web.api.openapi import register_document
from web.docs_page import register_docs_page
from web.login import register_login
from web.services import close_session

_FORM_OVERHEAD_BYTES = 2**16
_STATIC_MAX_AGE_S = 3600


def create_app(services: Services) -> Flask:
    """The application; raises ConfigError when there is no key to sign sessions with."""
    app = APIFlask(
        "web",
        title="Lookalike",
        version="1",
        spec_path="/api/openapi.json",
        docs_path=None,
        json_errors=False,
    )
    app.config.update(_flask_config(services.settings))
    app.url_map.merge_slashes = False  # a sku may contain "//"
    app.extensions["lookalike"] = services
    _trust_proxies(app, services.settings.trusted_proxies)
    app.teardown_appcontext(close_session)

    Bootstrap5(app)
    csrf = CSRFProtect(app)
    problems.register_error_handlers(app)
    compression.register_compression(app)
    security.register_headers(app)
    limits.register_limits(app, services.settings)
    cors.register_origins(app, services.settings)
    register_login(app)
    filters.register_filters(app)
    facets.register_facets(app)

    csrf.exempt(api.blueprint)
    app.register_blueprint(api.blueprint)
    register_document(app)
    register_docs_page(app)
    for part in (*pages.BLUEPRINTS, images.blueprint, embed.blueprint, health.blueprint):
        app.register_blueprint(part)
    return app


def _trust_proxies(app: Flask, proxies: int) -> None:
    """Take an address from what so many proxies say; nobody is believed without the setting."""
    if proxies:
        handle: Any = app
        handle.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=0, x_host=0)


def _flask_config(settings: Settings) -> dict[str, object]:
    key = settings.secret_key.get_secret_value()
    if not key:
        raise ConfigError(
            "SECRET_KEY",
            "is not set. It signs sessions and forms: give 32 random bytes, "
            "for example from `openssl rand -hex 32`, the same for every web process",
        )
    return {
        "SECRET_KEY": key,
        "MAX_CONTENT_LENGTH": settings.max_photo_bytes + _FORM_OVERHEAD_BYTES,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.secure_cookies or _is_behind_tls(settings),
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=12),
        "SEND_FILE_MAX_AGE_DEFAULT": _STATIC_MAX_AGE_S,
        "WTF_CSRF_TIME_LIMIT": None,
        "BOOTSTRAP_SERVE_LOCAL": True,
        "SPEC_FORMAT": "json",
        "AUTO_SERVERS": False,
    }


def _is_behind_tls(settings: Settings) -> bool:
    return settings.public_url.startswith("https://")
