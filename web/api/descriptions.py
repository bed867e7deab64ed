"""The words of the OpenAPI document that no view can say by itself.

Used by `openapi` beside it.
"""

from typing import Any

ABOUT = """\
Garments, items and what looks like them, from and for the shop's own programs.

Send a token with every request: `Authorization: Bearer lk_...`. Errors are problems as
RFC 9457 has them. Lists come in pages: hand `next` back as `cursor`. Every answer tells in
`RateLimit-*` what this token has left. Every write takes an `Idempotency-Key`.\
"""

SUBJECTS = {
    "items": "Catalogs, items, photos and garments, and what looks like them",
    "photo search": "Similar items of a posted photo, in one call",
    "search": "Search by photo in steps: send it, see its garments, pick one",
    "why": "Why two garments match: ask until it is worked out",
    "maps": "The map of the catalog: what it shows, its points in pages, making it anew",
    "ingest": "Photos and items in, by whoever keeps the catalog",
    "review": "What people correct: the queue, garments, and corrections as training data",
    "operate": "Jobs and indexes, for operators",
    "reindex": "A new index: forecast, comparison and gate, switch, roll back",
    "audit": "What background checks find in index and catalog",
    "webhooks": "Who is told when jobs end",
    "health": "How the product does",
}

ERRORS = {
    "400": "Unreadable: no JSON, a body that is not what its hash says, a NUL character",
    "401": "No token, or one that is unknown or revoked",
    "403": "The token's scopes do not allow that",
    "404": "No such thing",
    "409": "Contradicts what is going on, or the first request with this key is not answered yet",
    "413": "The body is too large",
    "422": "A member or parameter is missing, wrong or unknown: `detail` names it",
    "429": "Too many requests: wait as long as `Retry-After` says",
    "500": "Something went wrong on our side; it has been logged",
    "503": "The database, index, image store or broker does not answer: try again later",
}

MORE_ERRORS = {
    "explain_match_with_upload": ("409",),
    "forecast_of_reindex": ("409",),
    "list_map_points": ("404", "409"),
    "read_comparison": ("404",),
    "read_map": ("404",),
}
"""What a view may answer beyond what its method and its address tell."""

PATH_PARAMETERS: dict[str, dict[str, Any]] = {
    "name": {"description": "The catalog's name", "example": "my-shop"},
    "sku": {"description": "The shop's own sku; a `/` in it may stay", "example": "A-100"},
    "sha256": {
        "description": "SHA-256 of the photo's bytes, in lower-case hexadecimal",
        "example": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    },
    "item_id": {"description": "The item's number, from `id`", "example": 17},
    "other_id": {"description": "The id of the garment that it is compared with"},
    "upload_id": {"description": "The id that the posted photo was given"},
}

_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "schema": {
        "type": "object",
        "properties": {"photo": {"type": "string", "format": "binary"}},
        "required": ["photo"],
    },
    "encoding": {"photo": {"contentType": "image/jpeg, image/png, image/webp"}},
}
_PICTURES = dict.fromkeys(("image/jpeg", "image/png", "image/webp"), _PICTURE)
_SEARCHED = {
    "required": True,
    "description": "A JPEG, PNG or WebP: as it is, or as a form's file `photo`",
    "content": {"multipart/form-data": _FORM, **_PICTURES},
}

UPLOADS: dict[str, dict[str, Any]] = {
    "put_photo": {
        "required": True,
        "description": "The bytes of a JPEG, PNG or WebP, exactly those of the hash",
        "content": {"application/octet-stream": _PICTURE, **_PICTURES},
    },
    "start_search": _SEARCHED,
    "similar_to_photo": _SEARCHED,
}
"""Bodies that are no JSON, by view."""
