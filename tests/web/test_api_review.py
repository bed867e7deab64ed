"""Reviewing by program: the queue in pages, corrections and their undoing, the export."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.queue import RECUT_PHOTO
from catalog.tables import Correction, PhotoState
from tests.fakes import FakeQueue
from tests.web.conftest import Api, Shop

MakeApi = Callable[[str | None], Api]


def test_the_queue_comes_in_pages(api: MakeApi, shop: Shop) -> None:
    for number in range(5):
        shop.add_item(f"item {number}", ("bag",), category="Jackets")
    shop.add_item("broken", state=PhotoState.FAILED)
    admin = api("admin")
    skus, cursor = [], None
    while True:
        after = f"&cursor={cursor}" if cursor else ""
        page = admin("GET", f"/review?limit=2{after}").json
        skus += [entry["item"]["sku"] for entry in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert skus == [*(f"item {number}" for number in range(5)), "broken"]
    assert page["counts"]["other_category"] == 5
    assert page["counts"]["failed"] == 1
    (failed,) = admin("GET", "/review?reason=failed").json["items"]
    assert failed["reasons"] == ["failed"]
    assert "worker died" in failed["photo"]["reason"]


def test_a_garment_is_corrected_and_the_correction_taken_back(
    api: MakeApi, shop: Shop, queue: FakeQueue
) -> None:
    item = shop.add_item("a", ("bag",), category="Jackets")
    garment = shop.garments(item)[0]
    admin, address = api("admin"), f"/garments/{garment.id}/correction"
    answer = admin("POST", address, json={"category": "jacket"})
    assert answer.status_code == 200, answer.text
    assert (answer.json["category"], answer.json["seen_category"]) == ("jacket", "bag")
    assert answer.json["correction"] == "category"
    answer = admin("POST", address, json={"box": [5, 5, 50, 70]})
    assert (answer.json["stale"], answer.json["box"]) == (True, [5, 5, 50, 70])
    assert len(queue.named(RECUT_PHOTO)) == 1
    assert admin("POST", address, json={"excluded": True}).json["excluded"]
    assert not admin("POST", address, json={"accepted": True}).json["excluded"]
    assert admin("GET", "/review?reason=reviewed").json["items"][0]["item"]["sku"] == "a"
    assert admin("DELETE", address).status_code == 204
    assert admin("DELETE", address).status_code == 404
    assert admin("GET", f"/garments/{garment.id}").json["category"] == "bag"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"category": "spaceship"},
        {"box": [1, 2, 3]},
        {"box": [10, 10, 11, 60]},
        {"accepted": True, "excluded": True},
        {"accepted": False},
        {"colour": "red"},
    ],
)
def test_corrections_that_say_nothing_sensible_are_refused(
    api: MakeApi, shop: Shop, session: Session, body: dict[str, object]
) -> None:
    garment = shop.garments(shop.add_item("a", ("bag",)))[0]
    answer = api("admin")("POST", f"/garments/{garment.id}/correction", json=body)
    assert answer.status_code == 422, answer.text
    assert session.scalars(select(Correction)).all() == []


def test_a_garment_is_added_to_a_photo(api: MakeApi, shop: Shop, queue: FakeQueue) -> None:
    item = shop.add_item("a", (), category="Jackets")
    photo = item.photo_links[0].photo
    admin = api("admin")
    body = {"category": "jacket", "box": [5, 5, 50, 70]}
    answer = admin("POST", f"/photos/{photo.sha256}/garments", json=body)
    assert answer.status_code == 202
    assert [task.args for task in queue.named(RECUT_PHOTO)] == [(photo.id,)]
    (entry,) = admin("GET", "/review?reason=reviewed").json["items"]
    assert entry["added"] == [answer.json]
    assert admin("DELETE", f"/corrections/{answer.json['id']}").status_code == 204
    assert admin("GET", "/review").json["counts"]["nothing_found"] == 1


def test_a_photo_is_judged_as_a_whole(api: MakeApi, shop: Shop) -> None:
    photo = shop.add_item("a", (), category="Jackets").photo_links[0].photo
    admin, address = api("admin"), f"/photos/{photo.sha256}/verdict"
    assert admin("PUT", address, json={"verdict": "ignored"}).status_code == 409
    assert admin("PUT", address, json={"verdict": "empty"}).status_code == 204
    assert admin("GET", "/review").json["counts"]["nothing_found"] == 0
    assert admin("PUT", address, json={"verdict": None}).status_code == 204
    assert admin("GET", "/review").json["counts"]["nothing_found"] == 1


def test_corrections_are_exported(api: MakeApi, shop: Shop) -> None:
    garment = shop.garments(shop.add_item("a", ("bag", "shoes")))[0]
    admin = api("admin")
    admin("POST", f"/garments/{garment.id}/correction", json={"accepted": True})
    content = admin("GET", "/corrections").json
    said = {each["correction"] for each in content["annotations"]}
    assert said == {"accepted", "unreviewed"}
    assert content["images"][0]["file_name"].endswith(".jpg")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/review"),
        ("GET", "/corrections"),
        ("POST", "/garments/00000000-0000-0000-0000-000000000001/correction"),
        ("DELETE", "/garments/00000000-0000-0000-0000-000000000001/correction"),
        ("POST", "/photos/abc/garments"),
        ("PUT", "/photos/abc/verdict"),
        ("DELETE", "/corrections/1"),
    ],
)
def test_reviewing_is_for_admins(api: MakeApi, method: str, path: str) -> None:
    assert api("ingest")(method, path, json={}).status_code == 403
    assert api(None)(method, path, json={}).status_code == 401


def test_a_cursor_that_is_none_is_refused(api: MakeApi) -> None:
    assert api("admin")("GET", "/review?cursor=zzz").status_code == 422
