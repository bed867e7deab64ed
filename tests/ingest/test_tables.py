"""Plain CSV, TSV and JSON Lines: dialects, columns, encodings, and what breaks in them."""

import contextlib
import csv
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.errors import FeedError, RowError
from ingest.feeds.columns import split_photos
from ingest.feeds.detect import detect_format
from ingest.feeds.feed import count_rows, read_feed
from ingest.feeds.record import ReadOptions
from ingest.rows import FeedRow

PATIENT = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])


def read(path: Path, **options: object) -> list[FeedRow | RowError]:
    return list(read_feed(path, ReadOptions(**options)))  # type: ignore[arg-type]


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def rows_of(found: list[FeedRow | RowError]) -> list[FeedRow]:
    errors = [one for one in found if isinstance(one, RowError)]
    assert not errors, errors
    return [one for one in found if isinstance(one, FeedRow)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_usual_delimiter_is_understood(tmp_path: Path, delimiter: str) -> None:
    lines = [["sku", "title", "price", "photo"], ["A", '"Shirt, red; long"', "9.90", "a.jpg"]]
    feed = write(tmp_path / "feed.txt", "\r\n".join(delimiter.join(line) for line in lines))
    (row,) = rows_of(read(feed))
    assert (row.sku, row.title, str(row.price)) == ("A", "Shirt, red; long", "9.90")
    assert row.photos == ("a.jpg",)


def test_columns_are_known_by_their_common_names(tmp_path: Path) -> None:
    header = "Article Number,Product Name,Vendor,Type,Qty,Link,Image URL,Image 2,Colour"
    feed = write(
        tmp_path / "feed.csv", f"{header}\n1,Shirt,Acme,Shirts,4,https://a.b/c,a.jpg,b.jpg,red\n"
    )
    (row,) = rows_of(read(feed))
    assert (row.sku, row.title, row.brand, row.category) == ("1", "Shirt", "Acme", "Shirts")
    assert (row.stock, row.url, row.photos) == (4, "https://a.b/c", ("a.jpg", "b.jpg"))
    assert row.attributes == {"Colour": "red"}


def test_map_names_the_column_of_a_field_and_wins(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed.csv", "sku,code,title=de\nold,new,Hemd\n")
    (row,) = rows_of(read(feed, columns={"code": "sku", "title=de": "title"}))
    assert (row.sku, row.title) == ("new", "Hemd")
    assert row.attributes == {"sku": "old"}


def test_mapping_a_column_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed.csv", "sku,title\n1,a\n")
    with pytest.raises(FeedError, match=r"'code'.*sku, title"):
        read(feed, columns={"code": "sku"})


def test_a_table_without_a_sku_column_says_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="--map COLUMN=sku"):
        read(write(tmp_path / "feed.csv", "number,title\n1,a\n"))


def test_a_byte_order_mark_and_umlauts_are_no_problem(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed.csv", "\ufeffsku;title\n1;Ärmel 한국\n")
    assert rows_of(read(feed))[0].title == "Ärmel 한국"


def test_a_wrong_encoding_spoils_only_its_lines_and_names_the_remedy(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed.csv", "sku,title\n1,Hemd\n2,Ärmel\n3,Hose\n", "cp1252")
    first, second, third = read(feed)
    assert isinstance(first, FeedRow)
    assert isinstance(third, FeedRow)
    assert isinstance(second, RowError)
    assert (second.line, second.sku) == (3, "2")
    assert "0xC4 is not UTF-8" in second.reason
    assert "--encoding cp1252" in second.remedy
    assert rows_of(read(feed, encoding="cp1252"))[1].title == "Ärmel"


def test_a_wrongly_encoded_header_stops_the_feed(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed.csv", "sku,größe\n1,M\n", "cp1252")
    with pytest.raises(FeedError, match="--encoding"):
        read(feed)


def test_a_utf_16_sheet_names_its_encoding(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed.txt", "sku\ttitle\n1\tHemd\n", "utf-16")
    with pytest.raises(FeedError, match="--encoding utf-16"):
        read(feed)
    assert rows_of(read(feed, encoding="utf-16"))[0].title == "Hemd"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04rest", "Excel"),
        (b"\xff\xd8\xff\xe0", "a photo"),
        (b"\x1f\x8b\x08", "Unpack"),
        (b"", "is empty"),
        (b'[{"sku": 1}]', "jq"),
    ],
)
def test_what_is_no_feed_says_what_it_is(tmp_path: Path, content: bytes, what: str) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_bytes(content)
    with pytest.raises(FeedError, match=what):
        read(feed)


def test_an_unknown_encoding_or_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed.csv", "sku\n1\n")
    with pytest.raises(FeedError, match="klingon"):
        read(feed, encoding="klingon")
    with pytest.raises(FeedError, match="does not exist"):
        read(tmp_path / "gone.csv")


def test_a_row_with_missing_columns_is_rejected_and_the_rest_goes_on(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed.csv", "sku,title,price\n1,a,2\n2,b\n\n3,c,4\n5,d,6,7\n")
    found = read(feed)
    assert [type(one) for one in found] == [FeedRow, RowError, FeedRow, RowError]
    assert [one.line for one in found] == [2, 3, 5, 6]
    assert "has 2 columns, the header has 3" in found[1].reason  # type: ignore[union-attr]


def test_broken_quotes_are_rejected_where_they_begin(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed.csv", 'sku,description\n1,"two\nlines"\n2,"a"b\n3,c\n4,"open\n')
    found = read(feed)
    assert [(type(one), one.line) for one in found] == [
        (FeedRow, 2),
        (RowError, 4),
        (FeedRow, 5),
        (RowError, 6),
    ]
    assert found[0].description == "two\nlines"  # type: ignore[union-attr]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="two columns are called 'title'"):
        read(write(tmp_path / "feed.csv", "sku,title,title\n1,a,b\n"))


def test_json_lines_take_numbers_lists_and_nested_values(tmp_path: Path) -> None:
    members = {
        "sku": 17,
        "title": "Hemd",
        "price": 19.9,
        "stock": 3,
        "photos": ["a.jpg", "https://a.b/c,d.jpg"],
        "colours": ["red", "blue"],
        "organic": True,
        "care": {"wash": 30},
        "nothing": None,
    }
    feed = write(tmp_path / "feed.jsonl", json.dumps(members) + "\n\n")
    (row,) = rows_of(read(feed))
    assert (row.sku, str(row.price), row.stock) == ("17", "19.90", 3)
    assert row.photos == ("a.jpg", "https://a.b/c,d.jpg")
    assert row.attributes == {
        "colours": ["red", "blue"],
        "organic": "yes",
        "care": '{"wash": "30"}',
    }


def test_large_numbers_in_json_keep_every_digit(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed.jsonl", '{"sku": 12345678901234567890123, "price": 0.1}')
    (row,) = rows_of(read(feed))
    assert (row.sku, str(row.price)) == ("12345678901234567890123", "0.10")


@pytest.mark.parametrize("line", ["{", "[1]", '"text"', '{"sku": NaN}', '{"sku": "\\ud800"}', "{}"])
def test_a_broken_json_line_is_rejected_and_the_rest_goes_on(tmp_path: Path, line: str) -> None:
    feed = write(tmp_path / "feed.jsonl", f'{{"sku": 1}}\n{line}\n{{"sku": 2}}\n')
    found = read(feed)
    assert [type(one) for one in found] == [FeedRow, RowError, FeedRow]
    assert found[1].line == 2


def test_json_lines_without_photos_leave_the_photos_alone(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed.jsonl", '{"sku": 1}\n{"sku": 2, "photos": []}\n')
    first, second = read(feed)
    assert isinstance(first, FeedRow)
    assert first.photos is None
    assert isinstance(second, RowError)


@pytest.mark.parametrize(
    ("cell", "photos"),
    [
        ("a.jpg|b.jpg", ["a.jpg", "b.jpg"]),
        ("a.jpg, b.PNG;c.webp", ["a.jpg", "b.PNG", "c.webp"]),
        ("https://a.b/w_3,h_2/c,https://a.b/d", ["https://a.b/w_3,h_2/c", "https://a.b/d"]),
        ("red, long.jpg", ["red, long.jpg"]),
        ("a.jpg\nb.jpg\r\n", ["a.jpg", "b.jpg"]),
        (" ", []),
    ],
)
def test_one_cell_may_name_several_photos(cell: str, photos: list[str]) -> None:
    assert split_photos(cell) == photos


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("sku,title\n", "csv"),
        ("sku\ttitle\n", "tsv"),
        ('\ufeff {"sku": 1}\n', "jsonl"),
        ("id\ttitle\timage link\tprice\n", "google-tsv"),
        ('<?xml version="1.0"?><rss/>', "google-xml"),
        ("Handle,Title,Variant SKU,Image Src\n", "shopify"),
        ("Title,URL handle,SKU,Product image URL\n", "shopify"),
        ("sku,store_view_code,attribute_set_code,product_type,base_image\n", "magento"),
    ],
)
def test_the_format_is_told_by_the_content(tmp_path: Path, content: str, name: str) -> None:
    assert detect_format(write(tmp_path / "export.dat", content), None) == name
    assert detect_format(tmp_path, None) == "folder"


@PATIENT
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1),
            st.text(
                st.characters(
                    codec="utf-8",
                    exclude_categories=["C", "Z"],
                    include_characters=" ",
                    exclude_characters="&",
                ),
                max_size=30,
            ),
        ),
        max_size=8,
        unique_by=lambda pair: pair[0],
    ),
    st.sampled_from(",;\t|"),
)
def test_what_a_csv_writer_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]], delimiter: str
) -> None:
    feed = tmp_path_factory.mktemp("csv") / "feed.csv"
    with feed.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([("sku", "title"), *pairs])
    rows = rows_of(read(feed))
    assert [(row.sku, row.title) for row in rows] == [
        (sku, re.sub(" +", " ", title).strip() or sku) for sku, title in pairs
    ]


@PATIENT
@given(st.binary(max_size=300))
def test_any_bytes_end_in_rows_or_in_clear_errors(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    feed = tmp_path_factory.mktemp("any") / "feed"
    feed.write_bytes(b"sku,title\n" + content)
    found = read(feed)
    assert all(one.remedy for one in found if isinstance(one, RowError))
    feed.write_bytes(content)
    with contextlib.suppress(FeedError):
        count_rows(feed, ReadOptions())
