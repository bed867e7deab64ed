"""Lets scripts of other sites read the API with a token, where the settings name those sites.

Registered by `web.app`. Without `CORS_ORIGINS` nothing is allowed; cookies never are.
"""

from flask import Flask
from flask_cors import CORS

from catalog.settings import Settings

_EXPOSED = [
    "ETag",
    "Link",
    "Location",
    "Retry-After",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Idempotency-Replayed",
]
_ASKED = ["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match"]
_READS_BY_POST = r"/api/v1/(recommend|search|similar)$"
_MAX_AGE_S = 600


def register_origins(app: Flask, settings: Settings) -> None:
    if not settings.cors_origins:
        return
    CORS(
        app,
        resources={
            _READS_BY_POST: {"methods": ["GET", "HEAD", "POST"]},
            r"/api/v1/.*": {"methods": ["GET", "HEAD"]},
        },
        origins=list(settings.cors_origins),
        allow_headers=_ASKED,
        expose_headers=_EXPOSED,
        supports_credentials=False,
        max_age=_MAX_AGE_S,
        vary_header=True,
    )
