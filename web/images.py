"""Photos in the sizes that pages show, crops, heat: public, cached for ever, free of metadata.

The addresses contain a hash or an id, and what is behind one never changes.
"""

import re
from uuid import UUID

from flask import Blueprint, Response, request

from catalog.errors import NotFoundError
from catalog.photos.decode import encode_variant, photo_limits
from catalog.photos.image_store import photo_key, variant_key
from web.queries import get_crop
from web.services import services, session
from web.why import get_heat

VARIANTS = {"thumb": 320, "medium": 800, "large": 1600}
"""Longest side in pixels of each variant."""

blueprint = Blueprint("images", __name__)

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "public, no-cache"


@blueprint.get("/photos/<sha256>/<variant>.webp")
def photo(sha256: str, variant: str) -> Response:
    """One variant of a photo, made on first use and kept in the image store."""
    if variant not in VARIANTS or not _SHA256.fullmatch(sha256):
        raise NotFoundError("photo", f"{sha256}/{variant}")
    etag = f"{sha256}-{variant}"
    if request.if_none_match.contains(etag):
        return _cached(Response(status=304), etag)
    return _cached(Response(_get_variant(sha256, variant), mimetype="image/webp"), etag)


@blueprint.get("/crops/<uuid:garment_id>.webp")
def crop(garment_id: UUID) -> Response:
    """The crop of one garment, as the embedder sees it; `v` tells how often it was cut anew.

    Without it a browser asks each time whether it still is the one that it has.
    """
    data, version = get_crop(session(), garment_id)
    response = _cached(Response(data, mimetype="image/webp"), f"{garment_id}-{version}")
    if request.args.get("v") != str(version):
        response.headers["Cache-Control"] = _ASK_AGAIN
    response.make_conditional(request)
    return response


@blueprint.get("/heat/<uuid:explanation_id>/<side>.webp")
def heat(explanation_id: UUID, side: str) -> Response:
    """Where one garment of a pair is like the other: grey in its crop's proportions, white most."""
    data = get_heat(session(), explanation_id, side)
    return _cached(Response(data, mimetype="image/webp"), f"{explanation_id}-{side}")


def _get_variant(sha256: str, variant: str) -> bytes:
    images = services().images
    key = variant_key(sha256, variant)
    try:
        return images.get(key)
    except NotFoundError:
        limits = photo_limits(services().settings)
        data = encode_variant(images.get(photo_key(sha256)), VARIANTS[variant], limits)
        images.put(key, data, "image/webp")
        return data


def _cached(response: Response, etag: str) -> Response:
    response.set_etag(etag)
    response.headers["Cache-Control"] = _FOR_EVER
    return response
