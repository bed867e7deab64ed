"""What templates can say beyond Jinja: prices, plain category names, polygon points.

Registered by `web.app`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from flask import Flask

from web.present import variant_url

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "KRW": "₩"}
_NO_CENTS = {"JPY", "KRW"}


def register_filters(app: Flask) -> None:
    app.jinja_env.filters.update(
        price=format_price, points=polygon_points, ago=format_age, count=format_count
    )
    app.jinja_env.globals.update(variant_url=variant_url, zip=zip)


def format_price(price: Decimal | None, currency: str | None) -> str:
    """Such as "€ 19.90"; empty without a price."""
    if price is None:
        return ""
    code = (currency or "").upper()
    amount = f"{price:,.0f}" if code in _NO_CENTS else f"{price:,.2f}"
    return f"{_SIGNS.get(code, code)} {amount}".strip()


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
