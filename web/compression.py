"""Compresses pages and JSON on their way out; photos are compressed already.

Registered by `web.app`. docs/decisions/compression.md says why that gives no secret away.
"""

from flask import Flask, Response
from flask_compress import Compress

_TEXT = [
    "text/html",
    "text/css",
    "text/csv",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/problem+json",
    "image/svg+xml",
]


def register_compression(app: Flask) -> None:
    app.config.update(
        COMPRESS_MIMETYPES=_TEXT,
        COMPRESS_ALGORITHM=["zstd", "br", "gzip"],
        COMPRESS_ALGORITHM_STREAMING=["zstd", "br", "gzip"],
        # What answers may be kept is decided where they are made.
        COMPRESS_EVALUATE_CONDITIONAL_REQUEST=False,
    )
    Compress(app)
    app.after_request(_prepare)


def _prepare(response: Response) -> Response:
    """A strong ETag stands for one sequence of bytes: what may be compressed can't have one."""
    etag, is_weak = response.get_etag()
    if etag and not is_weak and response.mimetype in _TEXT:
        response.set_etag(etag, weak=True)
    if response.is_streamed and hasattr(response.response, "close"):
        response.call_on_close(response.response.close)  # the compressor would forget the file
    return response
