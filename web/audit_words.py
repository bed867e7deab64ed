"""What the kinds of differences between the stores mean, in words for an administrator.

Used by the page of index health.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.check import Difference


@dataclass(frozen=True)
class Meaning:
    """What is wrong, what a visitor notices of it, and what a repair does."""

    title: str
    effect: str
    repair: str


MEANINGS: Mapping[str, Meaning] = {
    Difference.BYTES_MISSING.name.lower(): Meaning(
        "Photos whose file is gone",
        "Their pages show an empty place, and they can't be looked at again. "
        "Searches still find their garments.",
        "They are listed under Failures with the request to upload them again. "
        "A file that is lost can't be made anew.",
    ),
    Difference.BYTES_ORPHANED.name.lower(): Meaning(
        "Files that belong to no photo",
        "They take up room and nothing shows them.",
        "They are removed from the image store.",
    ),
    Difference.VECTOR_MISSING.name.lower(): Meaning(
        "Garments without a vector",
        "No search finds them, and nothing can be searched by them.",
        "Their photos go through the models once more.",
    ),
    Difference.ENTRY_MISSING.name.lower(): Meaning(
        "Garments that were never meant to reach the index",
        "No search finds them.",
        "They are sent to the index.",
    ),
    Difference.POINT_MISSING.name.lower(): Meaning(
        "Garments that the index has lost",
        "No search finds them, although the database says that they were sent.",
        "They are sent to the index again.",
    ),
    Difference.POINT_ORPHANED.name.lower(): Meaning(
        "Garments in the index that no longer exist",
        "They take up places among the nearest before they are sorted out.",
        "They are removed from the index.",
    ),
    Difference.POINT_OUTDATED.name.lower(): Meaning(
        "Garments of which the index knows an old state",
        "Filters by price, stock, brand or category go by what was true before.",
        "They are sent to the index again.",
    ),
}
"""By the name that a finding gives."""
