"""Magento's (Adobe Commerce's) product export: one line a product, sizes before their product.

One item for each product that shoppers see. A product's own sizes and colours ("Not Visible
Individually") give it their stock, lowest price and photos, where they stand near before it as
Magento exports them, and are no items themselves. Chosen by `ingest.feeds.feed`.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

from catalog.taxonomy import fitting_categories
from ingest.errors import FeedError, RowError
from ingest.feeds.columns import check_mapping
from ingest.feeds.lines import plain_text
from ingest.feeds.mapping import apply_mapping
from ingest.feeds.record import LeftOut, ReadOptions, Record, Records
from ingest.feeds.tables import TableRow, read_header, read_table
from ingest.prices import parse_price, parse_stock

REMEMBERED_VARIANTS = 5_000
_HIDDEN = "not visible individually"
_VARIANT_SKU = re.compile(r"(?:^|\|)\s*sku=([^,|]+)")

Cells = Mapping[str, str]


def read_magento(path: Path, options: ReadOptions) -> Records:
    """Yield a record a visible product; disabled ones and store views are left out."""
    header = read_header(path, options.encoding)
    check_mapping(str(path), header, options.columns)
    if "sku" not in header:
        raise FeedError(str(path), "has no sku column", "Export it from Magento again")
    variants: OrderedDict[str, Cells] = OrderedDict()
    broken: dict[str | None, int | None] = {}
    for row in read_table(path, options.encoding, sku_column="sku"):
        if isinstance(row, RowError):
            broken[row.sku] = row.line
            yield row
        elif hidden := _why_hidden(row.cells):
            _remember(variants, row.cells)
            yield LeftOut(row.line, row.cells["sku"].strip(), hidden)
        elif lost := _find_lost(row.cells, variants, broken):
            sku = row.cells["sku"].strip() or None
            yield RowError(str(path), row.line, lost, "Mend that line and upload again", sku)
        else:
            yield _to_item(row, variants, options, path)


def _find_lost(
    cells: Cells, variants: Mapping[str, Cells], broken: Mapping[str | None, int | None]
) -> str | None:
    """Why a product may not be sent: without a variant it would lose photos and stock.

    `broken` has the line of each row that can't be read by its sku, None if that is lost too.
    """
    for sku in _variant_skus(cells):
        if sku in broken:
            return f"its variant {sku!r} in line {broken[sku]} can't be read"
        if sku not in variants and None in broken:
            return f"its variant {sku!r} is missing; line {broken[None]} can't be read"
    return None


def _why_hidden(cells: Cells) -> str | None:
    if cells.get("store_view_code", "").strip():
        return "it repeats the product for one store view"
    if cells.get("product_online", "").strip() in ("0", "2"):
        return "it is disabled"
    if cells.get("visibility", "").strip().lower() == _HIDDEN:
        return "it is a variant of another product"
    return None


def _remember(variants: OrderedDict[str, Cells], cells: Cells) -> None:
    kept = ("price", "qty", "is_in_stock", "base_image", "additional_images")
    if cells.get("store_view_code", "").strip():
        return  # It repeats only what is worded differently, mostly without photos and stock.
    if cells.get("visibility", "").strip().lower() == _HIDDEN:
        variants[cells["sku"].strip()] = {name: cells.get(name, "").strip() for name in kept}
        if len(variants) > REMEMBERED_VARIANTS:
            variants.popitem(last=False)


def _to_item(
    row: TableRow, variants: Mapping[str, Cells], options: ReadOptions, path: Path
) -> Record | RowError:
    cells = {name: cell.strip() for name, cell in row.cells.items()}
    own = _variant_skus(cells)
    family = [variants[sku] for sku in own if sku in variants]
    try:
        amounts = {"price": _price(cells, family), "stock": _stock(cells, family)}
    except ValueError as error:
        remedy = "Mend the product in Magento and export again"
        return RowError(str(path), row.line, str(error), remedy, cells["sku"] or None)
    paths = [category for category in cells.get("categories", "").split(",") if category]
    record = Record(
        row.line,
        {
            "sku": cells["sku"],
            "title": cells.get("name", ""),
            "description": plain_text(
                cells.get("description", "") or cells.get("short_description", "")
            ),
            "brand": cells.get("manufacturer", "") or cells.get("brand", ""),
            "category": choose_category(paths),
            **amounts,
            **({"photos": _photos(cells, family)} if _has_photos(cells) else {}),
        },
        _attributes(cells, own),
    )
    return apply_mapping(record, row.cells, options.columns)


def _variant_skus(cells: Cells) -> list[str]:
    found: list[str] = _VARIANT_SKU.findall(cells.get("configurable_variations", ""))
    return [sku.strip() for sku in found]


def choose_category(paths: list[str]) -> str:
    """The path that names a garment, otherwise the deepest one; without the root category.

    Magento lists every category that a product is in, "Promotions/Sale" beside "Men/Tops".
    """
    trimmed = [path.strip().removeprefix("Default Category/") for path in paths]
    garments = [path for path in trimmed if fitting_categories(path)]
    return max(garments or trimmed, key=lambda path: path.count("/"), default="")


def _price(cells: Cells, family: list[Cells]) -> str:
    """Its own price, or the lowest of its variants': Magento leaves a configurable's empty."""
    if cells.get("price"):
        return cells["price"]
    prices = [parse_price(variant["price"])[0] for variant in family if variant["price"]]
    return str(min(prices)) if prices else ""


def _stock(cells: Cells, family: list[Cells]) -> str:
    """The sum of its variants' stock, or its own; what is sold beyond its stock counts as none."""
    if family:
        return str(sum(_count(variant) for variant in family))
    if cells.get("product_type", "simple") == "configurable":
        return cells.get("is_in_stock", "")
    return str(_count(cells)) if cells.get("qty") else cells.get("is_in_stock", "")


def _count(cells: Cells) -> int:
    quantity = cells["qty"]
    return 0 if not quantity or quantity.startswith("-") else parse_stock(quantity.split(".")[0])


def _has_photos(cells: Cells) -> bool:
    return "base_image" in cells or "additional_images" in cells


def _photos(cells: Cells, family: list[Cells]) -> list[str]:
    """Its own photos first, then each variant's; paths are relative to Magento's media folder."""
    photos: list[str] = []
    for product in (cells, *family):
        photos.append(product.get("base_image", ""))
        photos += product.get("additional_images", "").split(",")
    bare = (photo.strip().lstrip("/") for photo in photos)
    return [photo for photo in bare if photo and photo != "no_selection"]


def _attributes(cells: Cells, own: list[str]) -> dict[str, str | list[str]]:
    pairs = (pair.partition("=") for pair in cells.get("additional_attributes", "").split(","))
    attributes: dict[str, str | list[str]] = {
        name.strip(): value for name, mark, value in pairs if mark and name.strip() and value
    }
    if own:
        attributes["variant_skus"] = own
    for name in ("product_type", "url_key"):
        if cells.get(name):
            attributes[name] = cells[name]
    return attributes
