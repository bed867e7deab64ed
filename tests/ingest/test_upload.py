"""The ingest against a server in memory: what is sent, what is not, and what is left behind."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import httpx
import pytest

from ingest.client import ApiClient
from ingest.errors import ApiError, ApiUnavailableError, FeedError, RowError
from ingest.feeds.feed import read_feed
from ingest.feeds.record import LeftOut, ReadOptions
from ingest.photos import PhotoSource
from ingest.report import Report
from ingest.rows import FeedRow
from ingest.upload import UploadOptions, upload_catalog
from tests.ingest.fake_server import TOKEN, FakeServer, ok, problem

MakeSource = Callable[..., PhotoSource]
MakePhoto = Callable[..., Path]


@pytest.fixture
def upload(client: ApiClient, make_source: MakeSource) -> Callable[..., Report]:
    def run(rows: Iterable[object], **options: object) -> Report:
        choice = UploadOptions(catalog="shop", **{"batch_rows": 3, "threads": 2} | options)  # type: ignore[arg-type]
        return upload_catalog(client, rows, make_source(), choice)  # type: ignore[arg-type]

    return run


def row(number: int, *photos: str, **fields: object) -> FeedRow:
    named = {"title": f"Item {number}"} | fields
    return FeedRow("feed.csv", number + 1, f"sku-{number}", photos=photos, **named)  # type: ignore[arg-type]


@pytest.fixture
def rows(make_photo: MakePhoto) -> list[FeedRow]:
    for number in range(7):
        make_photo(f"{number}.jpg", number * 9)
    return [row(number, f"{number}.jpg") for number in range(7)]


def test_a_first_ingest_creates_every_item_with_its_photos(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow]
) -> None:
    report = upload(rows)
    assert report.results == {"created": 7}
    assert report.photos_sent == len(server.photos) == 7
    assert server.jobs["job-1"]["state"] == "done"
    assert server.jobs["job-1"]["result"]["created"] == 7


def test_the_same_ingest_again_sends_no_photo_and_changes_nothing(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow]
) -> None:
    upload(rows)
    server.calls.clear()
    report = upload(rows)
    assert report.results == {"unchanged": 7}
    assert (report.photos_sent, report.bytes_sent) == (0, 0)
    assert server.calls["PUT photos"] == 0


def test_a_photo_that_two_items_share_is_sent_once(
    upload: Callable[..., Report], server: FakeServer, make_photo: MakePhoto
) -> None:
    make_photo("a.jpg", 1)
    make_photo("copy.jpg", 1)
    report = upload([row(1, "a.jpg"), row(2, "copy.jpg"), row(3, "a.jpg", "copy.jpg")])
    assert report.photos_sent == 1
    assert len(server.items["shop", "sku-3"]["photos"]) == 1


def test_new_words_change_the_item_and_leave_its_photos_alone(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow]
) -> None:
    upload(rows[:1])
    before = server.items["shop", "sku-0"]["photos"]
    report = upload([FeedRow("feed.csv", 2, "sku-0", "New words", photos=None)])
    assert report.results == {"updated": 1}
    assert server.items["shop", "sku-0"]["title"] == "New words"
    assert server.items["shop", "sku-0"]["photos"] == before


def test_an_ingest_that_was_cut_sends_only_the_rest(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow]
) -> None:
    def cut() -> Iterator[FeedRow]:
        yield from rows[:4]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload(cut())
    assert server.jobs["job-1"]["state"] == "cancelled"
    assert len(server.items) == 3
    report = upload(rows)
    assert report.results == {"created": 4, "unchanged": 3}
    assert report.photos_sent == 4


def test_a_feed_that_breaks_off_fails_the_job_and_keeps_what_was_sent(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow]
) -> None:
    def broken() -> Iterator[FeedRow]:
        yield from rows[:3]
        raise FeedError("feed.csv", "breaks off", "Export it again")

    with pytest.raises(FeedError):
        upload(broken(), prune=True)
    assert server.jobs["job-1"]["state"] == "failed"
    assert len(server.items) == 3


def test_a_bad_photo_rejects_its_row_and_the_rest_goes_on(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow], tmp_path: Path
) -> None:
    (tmp_path / "note.jpg").write_text("no photo at all")
    report = upload([rows[0], row(8, "1.jpg", "note.jpg"), row(9, "gone.jpg"), rows[2]])
    assert report.results == {"created": 2}
    assert [(error.line, error.sku) for error in report.rejects] == [(9, "sku-8"), (10, "sku-9")]
    assert "not a JPEG" in report.rejects[0].reason
    assert "is not there" in report.rejects[1].reason
    assert all(error.remedy for error in report.rejects)
    assert len(server.photos) == 2, "no photo of a rejected row is sent"


def test_a_photo_that_the_server_refuses_rejects_its_row_with_the_reason(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow], make_photo: MakePhoto
) -> None:
    bad = hashlib.sha256((make_photo("bad.jpg", 250)).read_bytes()).hexdigest()
    server.refused_photos[bad] = "truncated"
    report = upload([row(8, "bad.jpg"), rows[1]])
    assert report.results == {"created": 1}
    assert "truncated" in report.rejects[0].reason
    assert "cut off" in report.rejects[0].remedy


def test_a_row_that_the_server_rejects_is_reported_with_its_line(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow]
) -> None:
    upload(rows[:1])
    server.photos.clear()
    original = server._put_photo
    said = {"width": 1, "height": 1, "state": "pending"}
    server._put_photo = lambda sha256, data: ok(said | {"sha256": sha256})  # type: ignore[method-assign]
    report = upload(rows[:2])
    server._put_photo = original  # type: ignore[method-assign]
    assert report.rejected == 2
    assert report.rejects[0].line == 1
    assert report.rejects[0].reason == "photo_missing"


def test_pruning_deletes_what_left_the_feed_and_spares_rejected_rows(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow]
) -> None:
    upload(rows)
    server.items["other", "sku-9"] = {}
    rejected = RowError("feed.csv", 3, "price is negative", "mend it", "sku-1")
    report = upload([rows[0], rejected, row(2, "gone.jpg")], prune=True)
    assert report.pruned == 4
    assert sorted(server.items) == [
        ("other", "sku-9"),
        ("shop", "sku-0"),
        ("shop", "sku-1"),
        ("shop", "sku-2"),
    ]


def test_nothing_is_pruned_when_a_rejected_row_has_no_readable_sku(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow]
) -> None:
    upload(rows)
    report = upload([rows[0], RowError("feed.csv", 3, "is not JSON", "mend it")], prune=True)
    assert report.pruned is None
    assert "no readable sku" in (report.prune_refused or "")
    assert len(server.items) == 7


def test_an_empty_feed_never_empties_the_catalog(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow]
) -> None:
    upload(rows)
    assert upload([], prune=True).prune_refused
    assert len(server.items) == 7


def test_products_that_the_shop_hides_are_counted_and_pruned(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow]
) -> None:
    upload(rows[:2])
    report = upload([rows[0], LeftOut(3, "sku-1", "its status is draft")], prune=True)
    assert report.left_out == {"its status is draft": 1}
    assert report.pruned == 1
    assert report.rejected == 0


def test_a_dry_run_changes_nothing_and_says_what_would_be_sent(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow]
) -> None:
    upload(rows[:2])
    server.calls.clear()
    report = upload([*rows, row(9, "gone.jpg")], dry_run=True)
    assert report.results == {"valid": 7}
    assert report.rejected == 1
    assert (report.photos_named, report.photos_to_send) == (8, 5)
    assert set(server.calls) == {"POST photos"}
    assert len(server.items) == 2


def test_a_server_that_comes_back_is_waited_for(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow]
) -> None:
    server.refuse = [httpx.ConnectError("refused"), problem(503, "starting")]
    assert upload(rows).results == {"created": 7}


def test_a_server_that_stays_away_ends_the_ingest(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow]
) -> None:
    server.refuse = [problem(503, "starting") for _ in range(9)]
    with pytest.raises(ApiUnavailableError, match="503"):
        upload(rows)


def test_a_wrong_token_says_how_to_get_one(make_source: MakeSource, server: FakeServer) -> None:
    client = ApiClient("http://shop.test", "lk_wrong", transport=server.transport())
    with pytest.raises(ApiError, match="lookalike token create"):
        upload_catalog(client, [], make_source(), UploadOptions("shop"))
    client.close()


def test_a_photo_that_changes_while_it_is_sent_rejects_only_its_row(
    make_source: MakeSource, server: FakeServer, rows: list[FeedRow], tmp_path: Path
) -> None:
    def meddle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/missing"):
            (tmp_path / "0.jpg").write_bytes((tmp_path / "6.jpg").read_bytes())
        return server.handle(request)

    client = ApiClient("http://shop.test", TOKEN, transport=httpx.MockTransport(meddle))
    report = upload_catalog(client, rows[:2], make_source(), UploadOptions("shop"))
    client.close()
    assert report.results == {"created": 1}
    assert "do not match" in report.rejects[0].reason


def test_a_csv_file_goes_all_the_way(
    upload: Callable[..., Report], server: FakeServer, make_photo: MakePhoto, tmp_path: Path
) -> None:
    make_photo("shirts/a b.jpg", 3)
    feed = tmp_path / "feed.csv"
    feed.write_text('sku,title,price,photos\nA/1,"Shirt, blue",19.90 EUR,shirts/a b.jpg\n')
    report = upload(read_feed(feed, ReadOptions()))
    assert report.results == {"created": 1}
    item = server.items["shop", "A/1"]
    assert (item["title"], item["price"], item["currency"]) == ("Shirt, blue", "19.90", "EUR")


def test_the_server_is_told_which_rows_were_rejected_and_why(
    upload: Callable[..., Report], server: FakeServer, rows: list[FeedRow]
) -> None:
    bad = [RowError("feed.csv", n, "the price is negative", "mend it", f"b{n}") for n in range(60)]
    upload([*rows, *bad])
    result = server.jobs["job-1"]["result"]
    assert result["rejected"] == 60
    assert len(result["rejected_rows"]) == 50
    words = {"reason": "the price is negative", "remedy": "mend it"}
    assert result["rejected_rows"][0] == {"line": 0, "sku": "b0"} | words
