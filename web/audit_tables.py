"""Findings of audits as CSV files, written row by row while they are read.

Used by the pages of coverage and duplicates.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from flask import url_for
from sqlalchemy.orm import Session

from catalog.audit import reports
from catalog.audit.reports import FewSort
from catalog.tables import Finding, Item

_PAGE = 500

_WORDS = ("catalog", "sku", "title", "brand", "category", "price", "currency", "stock")


def few_as_csv(
    session: Session, job_id: UUID, sort: FewSort, category: str | None
) -> Iterator[str]:
    """Items with few look-alikes."""
    yield _line([*_WORDS, "views", "look_alikes", "reason", "page"])
    cursor = None
    while page := reports.list_few(session, job_id, sort, category, cursor, _PAGE):
        for few in page:
            detail = few.finding.detail
            yield _line(
                [*_words_of(few.item), few.views, detail["found"], detail["reason"], _url(few.item)]
            )
        cursor = reports.few_cursor(page[-1], sort)


def groups_as_csv(session: Session, job_id: UUID, same_photo: bool | None) -> Iterator[str]:
    """Items with near-identical garments, a row for each; a group's rows have its number."""
    yield _line(["group", "likeness", "same_photo", *_WORDS, "page"])
    cursor = None
    while page := reports.list_groups(session, job_id, same_photo, cursor, _PAGE):
        ids = {item_id for finding in page for item_id in finding.detail["items"]}
        items = reports.load_shown_items(session, ids)
        for finding in page:
            for item in _members(finding, items):
                about = [finding.id, f"{finding.weight:.3f}", finding.detail["same_photo"]]
                yield _line([*about, *_words_of(item), _url(item)])
        cursor = reports.group_cursor(page[-1])


def _members(finding: Finding, items: dict[int, Item]) -> list[Item]:
    present = [items[item_id] for item_id in finding.detail["items"] if item_id in items]
    return present if len(present) > 1 else []


def _words_of(item: Item) -> list[Any]:
    words = [item.sku, item.title, item.brand, item.category, item.price, item.currency]
    return [item.catalog.name, *words, item.stock]


def _url(item: Item) -> str:
    return url_for("browse.item", item_id=item.id, _external=True)


def _line(values: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([_safe(value) for value in values])
    return out.getvalue()


def _safe(value: Any) -> Any:
    """A spreadsheet takes words that begin so for a formula; titles are the shop's, not ours."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
