"""The grid's whole state in its address: reads it, and writes the address of a neighbouring state.

Used by the catalog page and its template.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import abort, url_for
from werkzeug.datastructures import MultiDict

from catalog.browsing import Choice, Sort

_MAX_WORDS = 200
_MAX_VALUES = 50
_LISTS = {"category": "categories", "brand": "brands", "colour": "colours"}


def read_choice(args: MultiDict[str, str]) -> Choice:
    """The choice that an address names; what can't be understood counts as not said."""
    words = args.get("q", "").strip()
    if len(words) > _MAX_WORDS:
        abort(400, f"A search may have {_MAX_WORDS} characters at most.")
    return Choice(
        catalog=args.get("catalog") or None,
        words=words,
        categories=_read_list(args, "category"),
        brands=_read_list(args, "brand"),
        colours=_read_list(args, "colour"),
        price_min=read_price(args.get("price_min")),
        price_max=read_price(args.get("price_max")),
        in_stock={"1": True, "0": False}.get(args.get("in_stock", "")),
        garments=_read_count(args.get("garments")),
        review=args.get("review") == "1",
    )


def read_sort(args: MultiDict[str, str], choice: Choice) -> Sort:
    """The order asked for; otherwise the best match for words and the newest without."""
    asked = args.get("sort", "")
    if asked in set(Sort):
        return Sort(asked)
    return Sort.BEST if choice.words else Sort.NEWEST


def choice_args(choice: Choice, sort: Sort | None = None, page: int = 1) -> dict[str, Any]:
    """What the address of a state says; what is not chosen is left out."""
    default = Sort.BEST if choice.words else Sort.NEWEST
    said: dict[str, Any] = {
        "catalog": choice.catalog,
        "q": choice.words or None,
        **{name: list(getattr(choice, field)) for name, field in _LISTS.items()},
        "price_min": _plain(choice.price_min),
        "price_max": _plain(choice.price_max),
        "in_stock": None if choice.in_stock is None else int(choice.in_stock),
        "garments": choice.garments,
        "review": 1 if choice.review else None,
        "sort": sort if sort is not None and sort is not default else None,
        "page": page if page > 1 else None,
    }
    return {name: value for name, value in said.items() if value is not None and value != []}


class Links:
    """Addresses of the states around one state of the grid, for its template."""

    def __init__(self, choice: Choice, sort: Sort) -> None:
        self._choice, self._sort = choice, sort

    def page(self, number: int) -> str:
        return self._url(self._choice, page=number)

    def toggle(self, field: str, value: str) -> str:
        """With `value` of a list added, or taken out if it was there."""
        present: tuple[str, ...] = getattr(self._choice, field)
        kept = tuple(each for each in present if each != value)
        changed = kept if value in present else (*present, value)
        return self.change(**{field: changed})

    def change(self, **fields: Any) -> str:
        return self._url(replace(self._choice, **fields))

    def hidden(self, *left_out: str) -> Iterable[tuple[str, Any]]:
        """What a form has to carry so that sending it changes only the fields left out."""
        for name, value in choice_args(self._choice, self._sort).items():
            if name not in left_out:
                for each in value if isinstance(value, list) else [value]:
                    yield name, each

    def _url(self, choice: Choice, page: int = 1) -> str:
        return url_for("browse.grid", **choice_args(choice, self._sort, page))


def _read_list(args: MultiDict[str, str], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(args.getlist(name)))[:_MAX_VALUES]


def read_price(text: str | None) -> Decimal | None:
    try:
        price = Decimal(text) if text and len(text) < 20 else None
    except InvalidOperation:
        return None
    return price if price is not None and price.is_finite() and 0 <= price < 10**10 else None


def _read_count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 4 else None


def _plain(price: Decimal | None) -> str | None:
    return None if price is None else f"{price.normalize():f}"
