"""Feed records checked and turned into the rows that the server takes.

`ingest.upload` consumes `read_rows`; every reader's records pass through here.
"""

import html
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from html.entities import html5
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ingest.errors import RowError
from ingest.feeds.record import LeftOut, Record, Records
from ingest.prices import parse_currency, parse_price, parse_stock

MAX_PHOTOS = 50
MAX_CHARS = {
    "sku": 200,
    "title": 1_000,
    "description": 50_000,
    "brand": 200,
    "category": 1_000,
    "url": 2_000,
}
_ESCAPED = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});")
"""How HTML writes a character. Only with its semicolon: R&D and H&M are words."""
_INVISIBLE = re.compile("[\N{SOFT HYPHEN}\N{ZERO WIDTH SPACE}]")
"""Where a browser may break a word; nobody would find it so."""
_BLANKS = re.compile(r"[ \t\r\n]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class FeedRow:
    """One item, checked. `photos` None leaves the item's photos as they are on the server."""

    path: str
    line: int | None
    sku: str
    title: str
    description: str = ""
    brand: str | None = None
    category: str | None = None
    price: Decimal | None = None
    currency: str | None = None
    stock: int | None = None
    url: str | None = None
    attributes: Mapping[str, str | list[str]] = field(default_factory=dict)
    photos: tuple[str, ...] | None = None

    def to_json(self, hashes: list[str] | None) -> dict[str, Any]:
        """The row as the API takes it; `hashes` are its photos' SHA-256, None to leave them."""
        return {
            "sku": self.sku,
            "title": self.title,
            "description": self.description,
            "brand": self.brand,
            "category": self.category,
            "price": None if self.price is None else str(self.price),
            "currency": self.currency,
            "stock": self.stock,
            "url": self.url,
            "attributes": dict(self.attributes),
            "photos": hashes,
        }


class SkuRegister:
    """Remembers on disk which skus were seen and where, so that a million fill no memory."""

    def __init__(self) -> None:
        # "" is SQLite's own temporary file: it spills from a bounded cache and is gone on close.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE seen (sku TEXT PRIMARY KEY, place) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def find_first(self, sku: str, place: str) -> str | None:
        """Where this sku was seen before; None the first time, which is remembered."""
        insert = "INSERT OR IGNORE INTO seen VALUES (?, ?)"
        if self._database.execute(insert, (sku, place)).rowcount:
            return None
        select = "SELECT place FROM seen WHERE sku = ?"
        return str(self._database.execute(select, (sku,)).fetchone()[0])

    def close(self) -> None:
        self._database.close()


def read_rows(records: Records, path: Path) -> Iterator[FeedRow | RowError | LeftOut]:
    """Check each record; a bad one comes as its RowError and the rest goes on."""
    with closing(SkuRegister()) as register:
        for record in records:
            if isinstance(record, RowError | LeftOut):
                yield record
                continue
            try:
                row = check_record(record, path)
                _check_first(row, register)
            except RowError as error:
                yield error
            else:
                yield row


def check_record(record: Record, path: Path) -> FeedRow:
    """The record as a row. Raises RowError for the first thing wrong with it."""
    return _Checker(record, path).to_row()


def _check_first(row: FeedRow, register: SkuRegister) -> None:
    place = row.path if row.line is None else f"line {row.line}"
    first = register.find_first(row.sku, place)
    if first:
        raise RowError(
            row.path,
            row.line,
            f"sku {row.sku!r} was already in {first}",
            "Give every item its own sku; the first one was taken",
            row.sku,
        )


class _Checker:
    """One record's fields, checked one after the other with the same context for errors."""

    def __init__(self, record: Record, path: Path) -> None:
        self.record = record
        self.path = record.path or str(path)
        self.line = None if record.path else record.line
        self.sku: str | None = None

    def to_row(self) -> FeedRow:
        self.sku = self._text("sku")
        if not self.sku:
            raise self._error("has no sku", "Give every item its own sku")
        price, currency = self._price()
        return FeedRow(
            path=self.path,
            line=self.line,
            sku=self.sku,
            title=self._line("title") or self.sku,
            description=self._words("description"),
            brand=self._line("brand") or None,
            category=self._line("category") or None,
            price=price,
            currency=currency,
            stock=self._stock(),
            url=self._url(),
            attributes=self._attributes(),
            photos=self._photos(),
        )

    def _error(self, reason: str, remedy: str) -> RowError:
        return RowError(self.path, self.line, reason, remedy, self.sku)

    def _text(self, name: str) -> str:
        return self._clean(name, self._given(name), MAX_CHARS.get(name, 1_000))

    def _words(self, name: str) -> str:
        """A text for people, who should not read how a shop system has escaped it for its pages."""
        text = _INVISIBLE.sub("", _ESCAPED.sub(_unescape, self._given(name)))
        return self._clean(name, text.replace("\N{NO-BREAK SPACE}", " ").strip(), MAX_CHARS[name])

    def _line(self, name: str) -> str:
        """Such a text in one line; blanks in a row count as one."""
        return _BLANKS.sub(" ", self._words(name))

    def _given(self, name: str) -> str:
        value = self.record.fields.get(name, "")
        return (value if isinstance(value, str) else " ".join(value)).strip()

    def _clean(self, name: str, text: str, max_chars: int) -> str:
        if _CONTROL.search(text):
            raise self._error(f"{name} contains control characters", "Remove them")
        if len(text) > max_chars:
            reason = f"{name} has {len(text)} characters"
            raise self._error(reason, f"Shorten it to {max_chars}")
        return text

    def _price(self) -> tuple[Decimal | None, str | None]:
        text, code = self._text("price"), self._text("currency")
        stated = parse_currency(code) if code else None
        if code and not stated:
            raise self._error(f"currency {code!r} is unknown", "Write its ISO code, such as EUR")
        if not text:
            return None, stated
        try:
            amount, named = parse_price(text)
        except ValueError as error:
            raise self._error(str(error), "Write it like 1299.00 or 1299.00 EUR") from error
        if stated and named and stated != named:
            reason = f"price {text!r} is not in the currency {stated}"
            raise self._error(reason, "Name one currency")
        return amount, stated or named

    def _stock(self) -> int | None:
        text = self._text("stock")
        try:
            return parse_stock(text) if text else None
        except ValueError as error:
            remedy = 'Write a whole number from 0, "in stock" or "out of stock"'
            raise self._error(str(error), remedy) from error

    def _url(self) -> str | None:
        text = self._text("url")
        if not text:
            return None
        try:
            parts = urlsplit(text)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.netloc:
            reason = f"url {text[:80]!r} is no web address"
            raise self._error(reason, "Write it whole: https://shop.example/item")
        return text

    def _attributes(self) -> Mapping[str, str | list[str]]:
        max_chars = MAX_CHARS["description"]
        for name, value in self.record.attributes.items():
            for text in (name, *([value] if isinstance(value, str) else value)):
                self._clean(f"column {name[:40]!r}", text, max_chars)
        return self.record.attributes

    def _photos(self) -> tuple[str, ...] | None:
        """The photos in order, each once; None when the feed has no column for them."""
        if "photos" not in self.record.fields:
            return None
        named = self.record.fields["photos"]
        photos = tuple(dict.fromkeys([named] if isinstance(named, str) else named))
        for photo in photos:
            self._clean("photos", photo, 4_000)
        if not photos:
            remedy = "Add one; leave the whole column out to keep the photos as they are"
            raise self._error("has no photo", remedy)
        if len(photos) > MAX_PHOTOS:
            raise self._error(f"has {len(photos)} photos", f"Name at most {MAX_PHOTOS}")
        return photos


def _unescape(escaped: re.Match[str]) -> str:
    """The character meant; a name that is none stays, where `html.unescape` reads its beginning."""
    if escaped[0].startswith("&#"):
        return html.unescape(escaped[0])
    return html5.get(escaped[0][1:], escaped[0])
