"""The catalog that a feed fills unless it is named."""

from pathlib import Path

import pytest

from catalog.names import LONGEST_NAME, name_after


@pytest.mark.parametrize(
    ("feed", "name"),
    [
        ("summer.csv", "summer"),
        (" summer .csv", "summer"),
        ("a" * (LONGEST_NAME - 1) + " b.csv", "a" * (LONGEST_NAME - 1)),
        (" .csv", "catalog"),
    ],
)
def test_a_feed_fills_the_catalog_of_its_name(feed: str, name: str) -> None:
    assert name_after(Path(feed)) == name
