"""The ingest client and the real web app on real Postgres agree about their contract."""

import csv
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy.orm import Session

from catalog.accounts import create_token
from catalog.services import Services
from ingest.client import ApiClient
from ingest.errors import ApiError
from ingest.feeds.feed import read_feed
from ingest.feeds.record import ReadOptions
from ingest.photos import PhotoSource
from ingest.report import Report
from ingest.rows import FeedRow
from ingest.upload import UploadOptions, upload_catalog

Send = Callable[..., Report]


@pytest.fixture
def real_client(services: Services, session: Session) -> Iterator[ApiClient]:
    from web.app import create_app

    token = create_token(session, "ingest", ["ingest"])
    session.commit()
    transport = httpx.WSGITransport(create_app(services))
    client = ApiClient("http://localhost", token, transport=transport)
    yield client
    client.close()


@pytest.fixture
def send(real_client: ApiClient, make_source: Callable[..., PhotoSource], tmp_path: Path) -> Send:
    def run(*lines: str, **options: bool) -> Report:
        feed = tmp_path / "feed.csv"
        feed.write_text("\n".join(lines), encoding="utf-8")
        choice = UploadOptions("spring shop", threads=1, **options)  # type: ignore[arg-type]
        return upload_catalog(real_client, read_feed(feed, ReadOptions()), make_source(), choice)

    return run


HEADER = "sku;title;brand;category;price;stock;url;photos;colour"
SHIRT = "A/1;Hemd, weiß;Acme;Hemden;1.299,00 €;3;https://shop.example/a;a.jpg|b.jpg;weiß"
HAT = "B 2;모자;;Hats;9;in stock;;b.jpg;"


def test_a_feed_is_stored_once_however_often_it_is_sent(
    send: Send, make_photo: Callable[..., Path], real_client: ApiClient
) -> None:
    make_photo("a.jpg", 1)
    make_photo("b.jpg", 2)
    first = send(HEADER, SHIRT, HAT)
    assert first.rejects == []
    assert first.results == {"created": 2}
    assert first.photos_sent == 2
    second = send(HEADER, SHIRT, HAT)
    assert second.results == {"unchanged": 2}
    assert second.photos_sent == 0
    status = real_client.get_status("spring shop")
    assert (status.items, status.unfinished) == (2, 2)
    third = send(HEADER, SHIRT.replace("1.299,00", "999"), HAT)
    assert third.results == {"updated": 1, "unchanged": 1}


def test_bad_rows_are_rejected_and_survive_a_prune(
    send: Send, make_photo: Callable[..., Path], real_client: ApiClient
) -> None:
    make_photo("a.jpg", 1)
    path = make_photo("b.jpg", 2)
    send(HEADER, SHIRT, HAT, "C;Gone;;;1;1;;a.jpg;")
    path.write_bytes(path.read_bytes()[:-200])
    report = send(HEADER, HAT, SHIRT.replace("1.299,00", "-5"), "D;New;;;1;1;;a.jpg;", prune=True)
    assert [(error.line, error.sku) for error in report.rejects] == [(3, "A/1"), (2, "B 2")]
    assert all(error.remedy for error in report.rejects)
    assert report.results == {"created": 1}
    assert report.pruned == 1
    assert real_client.get_status("spring shop").items == 3


def test_an_item_is_deleted_by_its_sku_whatever_is_in_it(
    send: Send, make_photo: Callable[..., Path], real_client: ApiClient
) -> None:
    make_photo("a.jpg", 1)
    make_photo("b.jpg", 2)
    send(HEADER, SHIRT, HAT)
    real_client.delete_item("spring shop", "A/1")
    assert real_client.get_status("spring shop").items == 1
    with pytest.raises(ApiError) as caught:
        real_client.delete_item("spring shop", "A/1")
    assert caught.value.status == 404


def test_json_lines_are_stored_with_their_attributes(
    real_client: ApiClient, make_source: Callable[..., PhotoSource], make_photo: Callable[..., Path]
) -> None:
    feed = make_photo("a.jpg").with_name("feed.jsonl")
    item = {"sku": "A", "price": 0.1, "photos": ["a.jpg"], "sizes": ["S", "M"], "new": True}
    feed.write_text(json.dumps(item))
    rows = read_feed(feed, ReadOptions())
    report = upload_catalog(real_client, rows, make_source(), UploadOptions("json", threads=1))
    assert report.rejects == []
    assert report.results == {"created": 1}


def test_a_real_shops_catalog_is_read_from_a_magento_feed(tmp_path: Path) -> None:
    data = os.environ.get("LOOKALIKE_DATA")
    if not data:
        pytest.skip("LOOKALIKE_DATA names no folder of real photos")
    photos: dict[str, list[str]] = defaultdict(list)
    products: dict[str, dict[str, str]] = {}
    with (Path(data) / "luma" / "manifest.csv").open(encoding="utf-8", newline="") as manifest:
        for line in csv.DictReader(manifest):
            photos[line["product"]].append("/" + line["image"])
            products[line["product"]] = {
                "sku": line["product"],
                "product_type": "configurable",
                "name": line["name"],
                "price": line["price"],
                "categories": line["categories"],
                "description": line["description"],
                "additional_attributes": line["attributes"],
            }
    feed = tmp_path / "luma.csv"
    with feed.open("w", encoding="utf-8", newline="") as file:
        names = [*next(iter(products.values())), "base_image", "additional_images"]
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for sku, product in products.items():
            first, *others = photos[sku]
            images = {"base_image": first, "additional_images": ",".join(others)}
            writer.writerow(product | images)
    rows = list(read_feed(feed, ReadOptions()))
    assert all(isinstance(row, FeedRow) for row in rows)
    named = [photo for row in rows if isinstance(row, FeedRow) for photo in row.photos or ()]
    assert len(rows) == len(products)
    assert len(named) == sum(map(len, photos.values()))
