"""Prices and stock as feeds write them, read into a Decimal with its currency and a whole number.

Used by `ingest.rows` and by the shop formats that add amounts up.
"""

import re
from decimal import ROUND_HALF_UP, Decimal

MAX_PRICE = Decimal(10**10)
"""What the catalog's Numeric(12, 2) column holds is below this."""
MAX_STOCK = 2**31 - 1

_SYMBOLS = {"€": "EUR", "£": "GBP", "₩": "KRW", "₹": "INR", "zł": "PLN", "₺": "TRY", "₽": "RUB"}
_AMOUNT = re.compile(r"(?P<sign>[-−]?)\s*(?P<number>\d[\d.,'’\s]*)")
_SPACES = re.compile(r"[\s'’]")
_STOCK_WORDS = {
    "in stock": 1,
    "available": 1,
    "limited availability": 1,
    "yes": 1,
    "true": 1,
    "out of stock": 0,
    "sold out": 0,
    "preorder": 0,
    "backorder": 0,
    "discontinued": 0,
    "no": 0,
    "false": 0,
}


def parse_price(text: str) -> tuple[Decimal, str | None]:
    """Read "19.99", "19.99 EUR", "€ 1.299,00" or "1,299.00": the amount and the currency, if named.

    The last of two different separators is the decimal one; a lone dot is always decimal.
    Raises ValueError with words for the merchandiser.
    """
    found = _AMOUNT.search(text)
    if not found:
        raise ValueError(f"price {text!r} is not a number")
    around = (text[: found.start()] + " " + text[found.end() :]).strip()
    currency = parse_currency(around) if around else None
    if around and currency is None and around not in ("$", "¥"):
        raise ValueError(f"price {text!r} is not a number with a currency")
    amount = _parse_number(found["number"].strip(), text)
    if found["sign"] and amount:
        raise ValueError(f"price {text!r} is negative")
    if amount >= MAX_PRICE:
        raise ValueError(f"price {text!r} is too large")
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP), currency


def parse_currency(text: str) -> str | None:
    """An ISO 4217 code in capitals, from the code in any case or an unambiguous sign."""
    code = _SYMBOLS.get(text.lower(), text.upper())
    return code if re.fullmatch(r"[A-Z]{3}", code) else None


def parse_stock(text: str) -> int:
    """Read "12", "12.0000" or an availability word ("in stock" counts as 1).

    Raises ValueError with words for the merchandiser.
    """
    word = text.strip().lower().replace("_", " ")
    if word in _STOCK_WORDS:
        return _STOCK_WORDS[word]
    found = re.fullmatch(r"([-−]?)(\d{1,18})(?:[.,]0*)?", word)
    if not found:
        raise ValueError(f"stock {text!r} is not a whole number")
    count = int(found[2])
    if found[1] and count:
        raise ValueError(f"stock {text!r} is negative")
    if count > MAX_STOCK:
        raise ValueError(f"stock {text!r} is too large")
    return count


def _parse_number(number: str, text: str) -> Decimal:
    number = _SPACES.sub("", number)
    marks = [mark for mark in number if mark in ".,"]
    if len(set(marks)) == 2:
        return _grouped(number, grouping=marks[0], decimal=marks[-1], text=text)
    if len(marks) > 1:
        return _grouped(number, grouping=marks[0], decimal="", text=text)
    if marks == [","] and len(number.split(",")[1]) == 3:
        raise ValueError(f"price {text!r} can be read in two ways")
    return Decimal(number.replace(",", "."))


def _grouped(number: str, grouping: str, decimal: str, text: str) -> Decimal:
    whole, fraction = number.rsplit(decimal, 1) if decimal else (number, "")
    groups = whole.split(grouping)
    well_formed = 1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    if not well_formed or not all(group.isdigit() for group in groups) or grouping in fraction:
        raise ValueError(f"price {text!r} is not a number")
    return Decimal("".join(groups) + "." + (fraction or "0"))
