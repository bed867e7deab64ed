"""Each row is checked on its own: what is wrong, where, and what to do about it."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.errors import RowError
from ingest.feeds.record import FIELDS, LeftOut, Record
from ingest.rows import FeedRow, check_record, read_rows

FEED = Path("feed.csv")
PATIENT = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])


def check(**fields: Any) -> FeedRow:
    return check_record(Record(7, {"sku": "A-1", "photos": ["a.jpg"]} | fields), FEED)


def test_a_whole_row_keeps_what_the_feed_says() -> None:
    row = check(
        title=" Shirt ",
        price="19,90",
        currency="eur",
        stock="3",
        category="Men/Shirts",
        url="https://shop.example/a?b=1",
        photos=["b.jpg", "a.jpg", "b.jpg"],
    )
    assert (row.line, row.sku, row.title, row.stock) == (7, "A-1", "Shirt", 3)
    assert (str(row.price), row.currency) == ("19.90", "EUR")
    assert row.photos == ("b.jpg", "a.jpg")


def test_an_item_without_a_title_is_called_by_its_sku() -> None:
    assert check(title="  ").title == "A-1"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Mars HeatTech&trade; Pullover", "Mars HeatTech™ Pullover"),
        ("Black &amp; White", "Black & White"),
        ("Women&#39;s &#x2013; 2&nbsp;pack", "Women's – 2 pack"),
        ("H&M R&D shirt&trousers; 5 &lt 6", "H&M R&D shirt&trousers; 5 &lt 6"),
        ("&nosuch; &; Tops&regular; Men&notebooks;", "&nosuch; &; Tops&regular; Men&notebooks;"),
        ("Sweat&shy;shirt&#8203; &zwnj;x", "Sweatshirt \N{ZERO WIDTH NON-JOINER}x"),
        ("&amp;trade;", "&trade;"),
    ],
)
def test_characters_that_html_escapes_are_read(written: str, meant: str) -> None:
    row = check(title=written, brand=written, category=written, description=written)
    assert [row.title, row.brand, row.category, row.description] == [meant] * 4


def test_a_title_is_one_line_and_a_description_need_not_be() -> None:
    row = check(title="Wide\n  trousers&#10;in\N{NO-BREAK SPACE}wool", description="Wide\n\n  legs")
    assert (row.title, row.description) == ("Wide trousers in wool", "Wide\n\n  legs")


def test_escaped_characters_count_once_and_no_control_character_comes_in() -> None:
    assert check(title="&amp;" * 1_000).title == "&" * 1_000
    assert check(title="Shirt&#8;&#0;").title == "Shirt\N{REPLACEMENT CHARACTER}"


def test_a_feed_without_photo_columns_leaves_the_photos_as_they_are() -> None:
    row = check_record(Record(1, {"sku": "A-1"}), FEED)
    assert row.photos is None
    assert row.to_json(None)["photos"] is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"sku": " "}, "no sku"),
        ({"sku": "x" * 201}, "201 characters"),
        ({"price": "-1"}, "negative"),
        ({"price": "cheap"}, "not a number"),
        ({"price": "5 EUR", "currency": "USD"}, "not in the currency USD"),
        ({"currency": "euros"}, "unknown"),
        ({"stock": "-1"}, "negative"),
        ({"stock": "some"}, "whole number"),
        ({"url": "javascript:alert(1)"}, "no web address"),
        ({"url": "http://[bad"}, "no web address"),
        ({"title": "a\x00b"}, "control characters"),
        ({"title": "x" * 1001}, "1001 characters"),
        ({"photos": []}, "no photo"),
        ({"photos": [f"{number}.jpg" for number in range(51)]}, "51 photos"),
    ],
)
def test_a_bad_row_says_what_is_wrong_and_what_to_do(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(RowError, match=reason) as caught:
        check(**fields)
    assert caught.value.line == 7
    assert caught.value.path == "feed.csv"
    assert caught.value.remedy


def test_a_rejected_row_is_named_by_its_sku_wherever_it_can_be_read() -> None:
    with pytest.raises(RowError) as caught:
        check(price="-1")
    assert caught.value.sku == "A-1"


def test_the_second_of_two_equal_skus_is_rejected_and_names_the_first() -> None:
    records = [Record(line, {"sku": sku}) for line, sku in ((2, "a"), (3, "b"), (4, "a"))]
    first, second, third = read_rows(iter(records), FEED)
    assert isinstance(first, FeedRow)
    assert isinstance(second, FeedRow)
    assert isinstance(third, RowError)
    assert (third.line, third.sku) == (4, "a")
    assert "line 2" in third.reason


def test_errors_and_hidden_products_of_the_reader_pass_through() -> None:
    error, hidden = RowError("feed.csv", 2, "broken", "mend"), LeftOut(3, "b", "draft")
    assert list(read_rows(iter([error, hidden]), FEED)) == [error, hidden]


@PATIENT
@given(
    st.dictionaries(st.sampled_from(FIELDS[:-1]), st.text(max_size=40)),
    st.dictionaries(st.text(max_size=9), st.text(max_size=40), max_size=3),
)
def test_whatever_a_record_says_it_becomes_a_row_or_a_row_error(
    fields: dict[str, str], attributes: dict[str, str]
) -> None:
    (found,) = read_rows(iter([Record(1, fields, attributes)]), FEED)
    if isinstance(found, RowError):
        assert found.remedy
    else:
        assert isinstance(found, FeedRow)
        assert "\x00" not in str(found.to_json(["0" * 64]))
        assert found.sku == found.sku.strip() != ""


@pytest.mark.parametrize("count", [10_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_many_rows_fill_no_memory(count: int) -> None:
    def records() -> Iterator[Record]:
        for line in range(count):
            yield Record(line, {"sku": f"sku-{line:09}", "title": "Shirt", "price": "9.99"})

    tracemalloc.start()
    taken = sum(isinstance(row, FeedRow) for row in read_rows(records(), FEED))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken == count
    assert peak_bytes < 2**19, "a set of 10,000 skus alone would take twice that"
