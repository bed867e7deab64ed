"""Numbered pages of a list.

Used by the catalog grid.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Paging:
    """Page `page` (from 1) of `total` things, `per_page` at a time."""

    page: int
    per_page: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.per_page))

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.per_page

    @property
    def first_shown(self) -> int:
        return min(self.offset + 1, self.total)

    @property
    def last_shown(self) -> int:
        return min(self.offset + self.per_page, self.total)

    def around(self, reach: int = 2) -> list[int | None]:
        """Page numbers to link: the ends and those near this one; None stands for a gap."""
        near = range(self.page - reach, self.page + reach + 1)
        shown = sorted({1, self.pages} | {page for page in near if 1 <= page <= self.pages})
        numbers: list[int | None] = []
        for page in shown:
            if numbers and page - (numbers[-1] or 0) > 1:
                numbers.append(None)
            numbers.append(page)
        return numbers


def clamp_page(text: str | None, total: int, per_page: int) -> Paging:
    """The page a visitor asked for, or the nearest that exists."""
    asked = int(text) if text and text.isdecimal() and len(text) < 9 else 1
    last = Paging(1, per_page, total).pages
    return Paging(min(max(asked, 1), last), per_page, total)
