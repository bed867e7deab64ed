"""Google Merchant Center product data: what its attributes mean, and its tab-separated form.

https://support.google.com/merchants/answer/7052112 names the attributes. `google_xml` reads the
other form with the same `to_record`.
"""

from collections.abc import Mapping
from pathlib import Path

from ingest.errors import FeedError, RowError
from ingest.feeds.columns import check_mapping, split_photos
from ingest.feeds.lines import plain_text
from ingest.feeds.mapping import apply_mapping
from ingest.feeds.record import ReadOptions, Record, Records
from ingest.feeds.tables import read_header, read_table

KEPT = (
    "availability",
    "sale_price",
    "item_group_id",
    "gtin",
    "mpn",
    "condition",
    "gender",
    "age_group",
    "color",
    "size",
    "material",
    "pattern",
)
"""What becomes an attribute of the item; prices of shipping and the like are dropped."""


def read_google_tsv(path: Path, options: ReadOptions) -> Records:
    """Yield a record a row. Raises FeedError without the columns id and image_link."""
    header = read_header(path, options.encoding)
    check_mapping(str(path), header, options.columns)
    named = {_attribute_name(column): column for column in header if column}
    if "id" not in named and "sku" not in options.columns.values():
        remedy = "Google's product data has one; say which column it is with --map COLUMN=sku"
        raise FeedError(str(path), "has no id column", remedy)
    for row in read_table(path, options.encoding, sku_column=named.get("id")):
        if isinstance(row, RowError):
            yield row
            continue
        values = {name: [row.cells[column]] for name, column in named.items()}
        yield apply_mapping(to_record(row.line, values), row.cells, options.columns)


def to_record(line: int, values: Mapping[str, list[str]]) -> Record:
    """The record of one product, from its attributes by name, each with all its values."""

    def first(name: str) -> str:
        return next((value.strip() for value in values.get(name, []) if value.strip()), "")

    fields: dict[str, str | list[str]] = {
        "sku": first("id"),
        "title": plain_text(first("title")),
        "description": plain_text(first("description")),
        "brand": first("brand"),
        "category": _category(first("product_type"), first("google_product_category")),
        "price": first("price"),
        "stock": first("availability"),
        "url": first("link"),
    }
    if "image_link" in values or "additional_image_link" in values:
        cells = [*values.get("image_link", []), *values.get("additional_image_link", [])]
        fields["photos"] = [photo for cell in cells for photo in split_photos(cell)]
    return Record(line, fields, {name: first(name) for name in KEPT if first(name)})


def _attribute_name(column: str) -> str:
    """ "Image link", "g:image_link" and "image_link" name the same attribute."""
    return column.strip().lower().removeprefix("g:").replace(" ", "_")


def _category(product_type: str, google_category: str) -> str:
    """The shop's own words; Google's where there are none and they are more than a number."""
    return product_type or ("" if google_category.isdigit() else google_category)
