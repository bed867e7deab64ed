"""What a visitor asks of similar items: filters, variety, likes, reasons, kept in the address.

Used by the item page, the search by photo and their templates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from werkzeug.datastructures import MultiDict

from catalog.search.points import Filters
from web.choices import read_price

MAX_EXAMPLES = 20
_PRICE_REACH = Decimal("0.3")


@dataclass(frozen=True)
class SimilarOptions:
    """One state of the controls beside similar items."""

    any_category: bool = False
    worn: bool = False
    """Garments that are merely worn in a photo, too."""
    in_stock: bool = False
    same_brand: bool = False
    similar_price: bool = False
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    variety: int = 0
    """0 the closest, 100 the most varied."""
    why: bool = False
    """Show why each item is similar."""
    likes: tuple[UUID, ...] = ()
    dislikes: tuple[UUID, ...] = ()

    @property
    def is_steered(self) -> bool:
        return bool(self.likes or self.dislikes)

    def filters(
        self,
        category: str,
        brand: str | None = None,
        price: Decimal | None = None,
        exclude_items: Sequence[int] = (),
    ) -> Filters:
        """Filters for a garment of `category` of an item with that brand and price."""
        low, high = self.price_min, self.price_max
        if self.similar_price and price is not None:
            low, high = price * (1 - _PRICE_REACH), price * (1 + _PRICE_REACH)
        return Filters(
            category=None if self.any_category else category,
            brand=brand if self.same_brand else None,
            price_min=None if low is None else float(low),
            price_max=None if high is None else float(high),
            in_stock=self.in_stock,
            exclude_items=exclude_items,
        )


def read_options(args: MultiDict[str, str]) -> SimilarOptions:
    """The options that an address names; what can't be understood counts as not said."""
    likes, dislikes = _read_ids(args, "like"), _read_ids(args, "dislike")
    # A click on one of the two takes the other back; "forget" takes both.
    forgotten = set(_read_ids(args, "forget"))
    last = [key for key in args if key in ("like_now", "dislike_now")]
    if "like_now" in last:
        new = _read_ids(args, "like_now")
        likes, dislikes = [*likes, *new], [each for each in dislikes if each not in new]
    if "dislike_now" in last:
        new = _read_ids(args, "dislike_now")
        dislikes, likes = [*dislikes, *new], [each for each in likes if each not in new]
    return SimilarOptions(
        any_category=args.get("any") == "1",
        worn=args.get("worn") == "1",
        in_stock=args.get("in_stock") == "1",
        same_brand=args.get("same_brand") == "1",
        similar_price=args.get("similar_price") == "1",
        price_min=read_price(args.get("price_min")),
        price_max=read_price(args.get("price_max")),
        variety=_read_variety(args.get("variety")),
        why=args.get("why") == "1",
        likes=_keep(likes, forgotten),
        dislikes=_keep(dislikes, forgotten),
    )


def _keep(ids: Sequence[UUID], forgotten: set[UUID]) -> tuple[UUID, ...]:
    return tuple(each for each in dict.fromkeys(ids) if each not in forgotten)[-MAX_EXAMPLES:]


def _read_ids(args: MultiDict[str, str], name: str) -> list[UUID]:
    return [found for text in args.getlist(name) if (found := _parse(text, UUID)) is not None]


def _read_variety(text: str | None) -> int:
    number = _parse(text or "0", int) if len(text or "") < 5 else None
    return min(max(number or 0, 0), 100)


def _parse(text: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(text)
    except ValueError:
        return None
