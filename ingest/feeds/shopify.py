"""Shopify's product export: several lines a product, which share its handle.

One item a product, since its sizes and colours share a page and are no alternatives to each
other: the sku is the handle, the photos are all of the product's, the stock is the sum of its
variants', the price is the lowest. Chosen by `ingest.feeds.feed`.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from pathlib import Path

from ingest.errors import FeedError, RowError
from ingest.feeds.columns import check_mapping
from ingest.feeds.lines import plain_text
from ingest.feeds.mapping import apply_mapping
from ingest.feeds.record import LeftOut, ReadOptions, Record, Records
from ingest.feeds.tables import TableRow, read_header, read_table
from ingest.prices import parse_price, parse_stock

# Both generations of the export: the older names first.
_NAMES = {
    "handle": ("Handle", "URL handle"),
    "title": ("Title",),
    "description": ("Body (HTML)", "Description"),
    "brand": ("Vendor",),
    "type": ("Type",),
    "category": ("Product Category", "Product category"),
    "tags": ("Tags",),
    "status": ("Status",),
    "published": ("Published", "Published on online store"),
    "sku": ("Variant SKU", "SKU"),
    "price": ("Variant Price", "Price"),
    "stock": ("Variant Inventory Qty", "Inventory quantity"),
    "photo": ("Image Src", "Product image URL"),
    "position": ("Image Position", "Image position"),
    "variant_photo": ("Variant Image", "Variant image URL"),
}


def read_shopify(path: Path, options: ReadOptions) -> Records:
    """Yield a record a product; drafts and unpublished products are left out."""
    header = read_header(path, options.encoding)
    check_mapping(str(path), header, options.columns)
    columns = {
        field: next((name for name in names if name in header), "")
        for field, names in _NAMES.items()
    }
    if not columns["handle"]:
        raise FeedError(str(path), "has no Handle column", "Export it from Shopify again")
    rows = read_table(path, options.encoding, sku_column=columns["handle"])
    for handle, group in groupby(rows, key=lambda row: _handle_of(row, columns["handle"])):
        lines = list(group)
        broken = [row for row in lines if isinstance(row, RowError)]
        if broken:
            yield from broken
        else:
            whole = [row for row in lines if isinstance(row, TableRow)]
            yield _to_item(handle, whole, columns, options, path)


def _handle_of(row: TableRow | RowError, column: str) -> str:
    if isinstance(row, RowError):
        return row.sku or f"broken row in line {row.line}"
    return row.cells[column].strip()


def _to_item(
    handle: str, rows: list[TableRow], columns: dict[str, str], options: ReadOptions, path: Path
) -> Record | RowError | LeftOut:
    lines = [
        {field: row.cells.get(name, "").strip() for field, name in columns.items()} for row in rows
    ]
    first, line = lines[0], rows[0].line
    if (hidden := _why_hidden(first)) and handle:
        return LeftOut(line, handle, hidden)
    try:
        amounts = {"price": _lowest_price(lines), "stock": _total_stock(lines)}
    except ValueError as error:
        remedy = "Mend the variant in Shopify and export again"
        return RowError(str(path), line, str(error), remedy, handle or None)
    record = Record(
        line,
        {
            "sku": handle,
            "title": first["title"],
            "description": plain_text(first["description"]),
            "brand": first["brand"],
            "category": first["type"] or first["category"],
            **amounts,
            **({"photos": _photos(lines)} if columns["photo"] or columns["variant_photo"] else {}),
        },
        _attributes(first, lines),
    )
    return apply_mapping(record, rows[0].cells, options.columns)


def _why_hidden(first: dict[str, str]) -> str | None:
    if first["status"].lower() in ("draft", "archived", "unlisted"):
        return f"its status is {first['status'].lower()}"
    if first["published"].lower() == "false":
        return "it is not published"
    return None


def _lowest_price(lines: Iterable[dict[str, str]]) -> str:
    prices: list[Decimal] = [parse_price(line["price"])[0] for line in lines if line["price"]]
    return str(min(prices)) if prices else ""


def _total_stock(lines: Iterable[dict[str, str]]) -> str:
    """The sum; a variant sold beyond its stock counts as none."""
    counts = [
        0 if line["stock"].startswith("-") else parse_stock(line["stock"])
        for line in lines
        if line["stock"]
    ]
    return str(sum(counts)) if counts else ""


def _photos(lines: list[dict[str, str]]) -> list[str]:
    """The product's photos by their position, then those that only a variant names."""
    shown = sorted((line for line in lines if line["photo"]), key=_position)
    photos = [line["photo"] for line in shown]
    return [*photos, *(line["variant_photo"] for line in lines if line["variant_photo"])]


def _position(line: dict[str, str]) -> int:
    return int(line["position"]) if line["position"].isdecimal() else 2**31


def _attributes(first: dict[str, str], lines: list[dict[str, str]]) -> dict[str, str | list[str]]:
    attributes: dict[str, str | list[str]] = {}
    skus = list(_unique(line["sku"] for line in lines))
    tags = list(_unique(tag.strip() for tag in first["tags"].split(",")))
    if skus:
        attributes["variant_skus"] = skus
    if tags:
        attributes["tags"] = tags
    return attributes


def _unique(texts: Iterable[str]) -> Iterator[str]:
    return iter(dict.fromkeys(text for text in texts if text))
