"""Lets callers keep answers and ask whether they still hold: ETag, If-None-Match, Cache-Control.

Registered on the API's blueprint and used for its description.
"""

from flask import Response, request

_PRIVATE = "private, no-cache"


def revalidate(response: Response) -> Response:
    """Give what was read an ETag of its content, and answer 304 to who has it already.

    It is weak: the same content may travel compressed or not. The content is what counts and not
    an item's version, for its photos and garments change without the item.
    """
    if request.method not in ("GET", "HEAD") or response.status_code != 200:
        return response
    response.headers.setdefault("Cache-Control", _PRIVATE)
    response.vary.add("Authorization")
    response.add_etag(weak=True)
    response.make_conditional(request)
    return response
