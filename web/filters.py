"""What templates can say beyond Jinja: prices, plain category names, polygon points.

Registered by `web.app`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from flask import Flask

from catalog.browsing import MANY_GARMENTS, Sort
from catalog.colours import PALETTE
from catalog.photos.remedies import find_remedy
from catalog.progress import progress_of
from catalog.tables import JobKind
from web.durations import format_duration, format_rate, format_time_left
from web.job_words import asked_of, result_of, unit_of
from web.present import crop_url, variant_url

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "KRW": "₩"}
_NO_CENTS = {"JPY", "KRW"}
_SORTS = (
    (Sort.BEST, "Best match"),
    (Sort.NEWEST, "Newest"),
    (Sort.CHEAPEST, "Price, low to high"),
    (Sort.DEAREST, "Price, high to low"),
    (Sort.TITLE, "Title"),
    (Sort.VIEWED, "Most viewed"),
)
_KINDS = {
    JobKind.INGEST: "Ingest",
    JobKind.REINDEX: "Re-index",
    JobKind.AUDIT: "Audit",
    JobKind.MAP: "Map",
}
_LIKENESS = (
    (0.97, "Nearly identical"),
    (0.85, "Very similar"),
    (0.7, "Similar"),
    (0.5, "Somewhat similar"),
    (-1.0, "Loosely related"),
)
"""From this cosine on; chosen by looking at neighbours of the shipped embedder."""


def register_filters(app: Flask) -> None:
    app.jinja_env.filters.update(
        price=format_price,
        points=polygon_points,
        ago=format_age,
        count=format_count,
        likeness=describe_likeness,
        band=format_band,
        kind_words=describe_kind,
        duration=format_duration,
        time_left=format_time_left,
        rate=format_rate,
        unit=unit_of,
        asked=asked_of,
        outcome=result_of,
        progress=progress_of,
        remedy=find_remedy,
    )
    app.jinja_env.globals.update(
        variant_url=variant_url,
        crop_url=crop_url,
        zip=zip,
        palette=PALETTE,
        many=MANY_GARMENTS,
        sorts=_SORTS,
    )


def format_price(price: Decimal | None, currency: str | None) -> str:
    """Such as "€19.90" or "CHF 19.90"; empty without a price."""
    if price is None:
        return ""
    code = (currency or "").upper()
    amount = f"{price:,.0f}" if code in _NO_CENTS else f"{price:,.2f}"
    return f"{_SIGNS[code]}{amount}" if code in _SIGNS else f"{code} {amount}".strip()


def polygon_points(polygon: Sequence[float]) -> str:
    """[x, y, x, y] as an SVG points attribute."""
    return " ".join(f"{x:.0f},{y:.0f}" for x, y in zip(polygon[::2], polygon[1::2], strict=False))


def format_count(number: int, singular: str, plural: str | None = None) -> str:
    """Such as "1 item" and "1,200 items"."""
    noun = singular if number == 1 else plural or f"{singular}s"
    return f"{number:,} {noun}"


def format_age(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago, in the one unit that matters."""
    if moment is None:
        return ""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    for unit, length_s in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length_s:
            return f"{format_count(int(seconds // length_s), unit)} ago"
    return "just now"


def describe_likeness(score: float) -> str:
    """A cosine similarity in plain words."""
    return next(words for least, words in _LIKENESS if score >= least or least == -1.0)


def describe_kind(kind: JobKind) -> str:
    """What a job does, in a word for a heading."""
    return _KINDS[kind]


def format_band(band: Any) -> str:
    """A range of prices: "20-50", "under 20", "from 500"; of anything with `low` and `high`."""
    low, high = (_bare(_member(band, name)) for name in ("low", "high"))
    if low is None:
        return f"under {high}"
    return f"from {low}" if high is None else f"{low}–{high}"


def _member(band: Any, name: str) -> Any:
    return band[name] if isinstance(band, dict) else getattr(band, name)


def _bare(price: Decimal | None) -> str | None:
    return None if price is None else f"{price:,f}".removesuffix(".00")
