"""The WSGI application for gunicorn: `gunicorn web.wsgi:app`.

Loads the settings from the environment; a missing SECRET_KEY ends the process with a clear line.
"""

import sys

from flask import Flask

from catalog.errors import ConfigError
from catalog.services import make_services
from catalog.settings import load_settings
from web.app import create_app


def _make_app() -> Flask:
    try:
        return create_app(make_services(load_settings()))
    except ConfigError as error:
        sys.exit(f"lookalike web cannot start: {error}")


app = _make_app()
