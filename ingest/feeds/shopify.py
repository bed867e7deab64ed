"""Shopify's product export: several lines a product, which share its handle.

One item a product, since its sizes and colours share a page and are no alternatives to each
other: the sku is the handle, the photos are all of the product's, the stock is the sum of its
variants', the price is the lowest. Chosen by `ingest.feeds.feed`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
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
        meaning: next((name for name in names if name in header), "")
        for meaning, names in _NAMES.items()
    }
    if not columns["handle"]:
        raise FeedError(str(path), "has no Handle column", "Export it from Shopify again")
    rows = read_table(path, options.encoding, sku_column=columns["handle"])
    sku_is_handle = "sku" not in options.columns.values()
    for product in _group(rows, columns["handle"], path):
        yield from product.broken
        sku = product.handle if sku_is_handle else None
        if product.rows and (product.broken or product.lacks_beginning(columns["title"])):
            yield _reject(product, sku, path)
        elif product.rows:
            yield _to_item(product.handle, product.rows, columns, options, path)


@dataclass
class _Product:
    """The lines of one handle; a broken line without a handle is of the product it stands in."""

    handle: str
    after_broken: bool
    """Whether the line before could not be read, so that it may be this product's first."""
    rows: list[TableRow] = field(default_factory=list)
    broken: list[RowError] = field(default_factory=list)

    def lacks_beginning(self, title_column: str) -> bool:
        """Whether its first line may be lost; only a product's first line has the title."""
        return self.after_broken and not self.rows[0].cells.get(title_column, "").strip()


def _group(rows: Iterable[TableRow | RowError], column: str, path: Path) -> Iterator[_Product]:
    product = _Product("", after_broken=False)
    after_broken = False
    for row in (_require_handle(row, column, path) for row in rows):
        handle = row.sku if isinstance(row, RowError) else row.cells[column].strip()
        if handle and handle != product.handle:
            yield product
            product = _Product(handle, after_broken)
        after_broken = handle is None
        if isinstance(row, RowError):
            product.broken.append(row)
        else:
            product.rows.append(row)
    yield product


def _require_handle(row: TableRow | RowError, column: str, path: Path) -> TableRow | RowError:
    if isinstance(row, RowError) or row.cells[column].strip():
        return row
    return RowError(str(path), row.line, "has no handle", "Give every line its product's handle")


def _reject(product: _Product, sku: str | None, path: Path) -> RowError:
    """Part of a product is never sent: it would take the photos of the lost lines away."""
    lines = sorted(
        [row.line for row in product.rows] + [row.line for row in product.broken if row.line]
    )
    named = ", ".join(map(str, lines))
    reason = f"a line in or before this product can't be read (its lines: {named})"
    return RowError(str(path), lines[0], reason, "Mend the broken line and upload again", sku)


def _to_item(
    handle: str, rows: list[TableRow], columns: dict[str, str], options: ReadOptions, path: Path
) -> Record | RowError | LeftOut:
    lines = [
        {meaning: row.cells.get(name, "").strip() for meaning, name in columns.items()}
        for row in rows
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
