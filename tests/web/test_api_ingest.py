"""The endpoints that the ingest CLI calls: photos, items, jobs, deletes."""

import io
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from catalog import operations
from catalog.photos.image_store import photo_key, variant_key
from catalog.photos.lost import BYTES_LOST
from catalog.queue import INDEX_PHOTOS
from catalog.services import Services
from catalog.tables import Item, JobState, Photo, PhotoState
from tests.fakes import FakeQueue
from tests.web.conftest import Api, draw_photo, sha256_of

ApiMaker = Callable[[str | None], Api]


@pytest.fixture
def ingest(api: ApiMaker) -> Api:
    return api("ingest")


def put_photo(ingest: Api, data: bytes) -> Any:
    return ingest("PUT", f"/photos/{sha256_of(data)}", data=data)


def put_items(ingest: Api, *rows: Any, catalog: str = "shop", job: str | None = None) -> Any:
    body = {"job": job, "items": list(rows)}
    return ingest("POST", f"/catalogs/{catalog}/items", json=body)


def start_job(ingest: Api, catalog: str = "shop") -> str:
    answer = ingest("POST", "/jobs", json={"kind": "ingest", "catalog": catalog, "parameters": {}})
    assert answer.status_code == 201
    return str(answer.json["id"])


def test_a_photo_is_missing_until_it_is_sent(ingest: Api) -> None:
    data = draw_photo()
    wanted = {"sha256": [sha256_of(data), "0" * 64]}
    assert ingest("POST", "/photos/missing", json=wanted).json == {"missing": wanted["sha256"]}
    assert put_photo(ingest, data).status_code == 201
    assert ingest("POST", "/photos/missing", json=wanted).json == {"missing": ["0" * 64]}


def test_a_photo_is_kept_byte_for_byte_and_the_second_time_changes_nothing(
    ingest: Api, services: Services, session: Session
) -> None:
    data = draw_photo()
    first, second = put_photo(ingest, data), put_photo(ingest, data)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json == second.json
    assert first.json["width"] == 60
    assert first.json["state"] == "pending"
    assert services.images.get(photo_key(sha256_of(data))) == data
    assert session.scalar(select(func.count()).select_from(Photo)) == 1


def test_a_photo_sent_again_repairs_lost_bytes(ingest: Api, services: Services) -> None:
    data = draw_photo()
    put_photo(ingest, data)
    services.images.delete(photo_key(sha256_of(data)))
    assert put_photo(ingest, data).status_code == 200
    assert services.images.get(photo_key(sha256_of(data))) == data


def test_a_photo_whose_bytes_were_lost_is_asked_for_and_indexed_again(
    ingest: Api, session: Session, queue: FakeQueue
) -> None:
    data = draw_photo()
    row = {"sku": "tee", "title": "Tee", "photos": [sha256_of(data)]}
    put_photo(ingest, data)
    put_items(ingest, row)
    session.execute(update(Photo).values(state=PhotoState.FAILED, reason=BYTES_LOST, attempts=3))
    session.commit()
    queue.sent.clear()
    asked = ingest("POST", "/photos/missing", json={"sha256": [sha256_of(data)]})
    assert asked.json == {"missing": [sha256_of(data)]}
    assert put_photo(ingest, data).json["state"] == "pending"
    answer = put_items(ingest, row)
    assert (answer.json["results"][0]["status"], answer.json["enqueued"]) == ("unchanged", 1)
    assert session.scalars(select(Photo)).one().attempts == 0


def test_a_photo_that_failed_for_another_reason_is_not_asked_for(
    ingest: Api, session: Session
) -> None:
    data = draw_photo()
    put_photo(ingest, data)
    session.execute(update(Photo).values(state=PhotoState.FAILED, reason="the models failed on it"))
    session.commit()
    asked = ingest("POST", "/photos/missing", json={"sha256": [sha256_of(data)]})
    assert asked.json == {"missing": []}
    assert put_photo(ingest, data).json["state"] == "failed"


def test_a_cancelled_ingest_is_over_and_takes_no_more_rows(
    ingest: Api, session: Session, services: Services
) -> None:
    job = start_job(ingest)
    cancelled = operations.cancel_job(session, services.index, uuid.UUID(job))
    assert cancelled.state is JobState.CANCELLED
    answer = put_items(ingest, {"sku": "tee", "title": "Tee"}, job=job)
    assert answer.status_code == 409
    assert "start it again" in answer.json["detail"]
    assert session.scalar(select(func.count()).select_from(Item)) == 0


def test_a_photo_under_the_wrong_hash_is_refused(ingest: Api, session: Session) -> None:
    answer = ingest("PUT", f"/photos/{'0' * 64}", data=draw_photo())
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert session.scalar(select(func.count()).select_from(Photo)) == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"<html>no photo</html>", "not_a_photo"), (draw_photo()[:-400], "truncated")],
)
def test_a_photo_that_cannot_be_decoded_says_why(ingest: Api, data: bytes, reason: str) -> None:
    answer = put_photo(ingest, data)
    assert answer.status_code == 422
    assert answer.json["reason"] == reason
    assert answer.json["detail"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(
    ingest: Api, services: Services
) -> None:
    class Unreadable(io.RawIOBase):
        def readinto(self, buffer: Any) -> int:
            raise AssertionError("the body was read")

    announced = {"CONTENT_LENGTH": str(services.settings.max_photo_bytes + 1)}
    environ = announced | {"wsgi.input": Unreadable()}
    answer = ingest("PUT", f"/photos/{'0' * 64}", environ_overrides=environ)
    assert answer.status_code == 413
    assert answer.content_type == "application/problem+json"


def test_items_are_created_then_their_photos_are_enqueued(
    ingest: Api, queue: FakeQueue, session: Session
) -> None:
    data = draw_photo()
    put_photo(ingest, data)
    row = {"sku": "A1", "title": "Blue jacket", "price": "19.90", "photos": [sha256_of(data)]}
    answer = put_items(ingest, row)
    assert answer.json["results"] == [
        {"sku": "A1", "status": "created", "reason": None, "remedy": None}
    ]
    assert answer.json["enqueued"] == 1
    photo_id = session.scalars(select(Photo.id)).one()
    assert [task.args for task in queue.named(INDEX_PHOTOS)] == [([photo_id],)]


def test_the_same_rows_again_change_and_enqueue_nothing(ingest: Api, queue: FakeQueue) -> None:
    data = draw_photo()
    put_photo(ingest, data)
    row = {"sku": "A1", "title": "Blue jacket", "photos": [sha256_of(data)]}
    put_items(ingest, row)
    answer = put_items(ingest, row)
    assert answer.json["results"][0]["status"] == "unchanged"
    assert answer.json["enqueued"] == 0
    assert len(queue.sent) == 1


def test_items_are_stored_while_the_broker_is_down(
    ingest: Api, queue: FakeQueue, session: Session
) -> None:
    data = draw_photo()
    put_photo(ingest, data)
    queue.down = True
    answer = put_items(ingest, {"sku": "A1", "title": "Jacket", "photos": [sha256_of(data)]})
    assert answer.status_code == 200
    assert answer.json["enqueued"] == 0
    assert session.scalars(select(Photo.state)).one() is PhotoState.PENDING


def test_a_bad_row_fails_alone_with_a_reason_and_a_remedy(ingest: Api, session: Session) -> None:
    answer = put_items(
        ingest,
        {"sku": "good", "title": "Jacket"},
        {"sku": "bad", "title": "Jacket", "price": -1},
        {"title": "no sku"},
        "no row at all",
        {"sku": "nul", "title": "a\0b"},
        {"sku": "no photo", "title": "Jacket", "photos": ["0" * 64]},
    )
    assert answer.status_code == 200
    statuses = [result["status"] for result in answer.json["results"]]
    assert statuses == ["created"] + ["failed"] * 5
    assert all(row["reason"] and row["remedy"] for row in answer.json["results"][1:])
    assert answer.json["results"][-1]["reason"].startswith("photo_missing")
    assert session.scalars(select(Item.sku)).all() == ["good"]


def test_a_job_counts_rows_and_a_prune_deletes_what_it_did_not_name(
    ingest: Api, api: ApiMaker
) -> None:
    put_items(ingest, *({"sku": sku, "title": sku} for sku in ("keep", "refused", "gone")))
    job = start_job(ingest)
    put_items(ingest, {"sku": "keep", "title": "keep"}, job=job)
    seen = ingest("POST", "/catalogs/shop/seen", json={"job": job, "skus": ["refused"]})
    assert seen.json == {"seen": 1}
    body = {"state": "done", "prune": True, "result": {"failed": 1}}
    assert ingest("POST", f"/jobs/{job}/finish", json=body).json == {"pruned": 1}
    assert ingest("POST", f"/jobs/{job}/finish", json=body).json == {"pruned": 1}
    finished = api("admin")("GET", f"/jobs/{job}").json
    assert finished["state"] == "done"
    assert finished["catalog"] == "shop"
    assert finished["done"] == 1
    assert finished["result"] == {"failed": 1, "pruned": 1}
    skus = {item["sku"] for item in ingest("GET", "/items?catalog=shop").json["items"]}
    assert skus == {"keep", "refused"}


def test_an_ingest_that_was_cut_off_must_not_prune(ingest: Api) -> None:
    job = start_job(ingest)
    answer = ingest("POST", f"/jobs/{job}/finish", json={"state": "failed", "prune": True})
    assert answer.status_code == 422


def test_a_deleted_item_leaves_no_bytes_behind(
    ingest: Api, services: Services, session: Session
) -> None:
    data = draw_photo()
    sha256 = sha256_of(data)
    put_photo(ingest, data)
    put_items(ingest, {"sku": "a/b//c", "title": "Jacket", "photos": [sha256]})
    assert ingest.client.get(f"/photos/{sha256}/thumb.webp").status_code == 200
    assert ingest("DELETE", "/catalogs/shop/items/a%2Fb%2F%2Fc").status_code == 204
    assert session.scalar(select(func.count()).select_from(Photo)) == 0
    assert not services.images.exists(photo_key(sha256))
    assert not services.images.exists(variant_key(sha256, "thumb"))
    assert ingest.client.get(f"/photos/{sha256}/thumb.webp").status_code == 404
    assert ingest("DELETE", "/catalogs/shop/items/a%2Fb%2F%2Fc").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/photos/missing", {"sha256": ["nonsense"]}),
        ("POST", "/photos/missing", {}),
        ("POST", "/jobs", {"kind": "reindex", "catalog": "shop"}),
        ("POST", "/jobs", {"catalog": ""}),
        ("POST", "/catalogs/shop/items", {"items": [{}] * 501}),
        ("POST", "/catalogs/shop/items", {"items": {}, "surprise": 1}),
        ("POST", "/catalogs/shop/seen", {"job": "x", "skus": []}),
        ("POST", f"/jobs/{uuid.UUID(int=7)}/finish", {"state": "running"}),
    ],
)
def test_a_body_of_the_wrong_shape_is_a_problem_that_names_the_field(
    ingest: Api, method: str, path: str, body: Any
) -> None:
    answer = ingest(method, path, json=body)
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert ":" in answer.json["detail"]


def test_a_body_that_is_not_json_is_a_bad_request(ingest: Api) -> None:
    answer = ingest("POST", "/photos/missing", data=b"{not json")
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"


def test_unknown_jobs_and_catalogs_are_not_found(ingest: Api) -> None:
    job = str(uuid.uuid4())
    assert ingest("POST", f"/jobs/{job}/finish", json={}).status_code == 404
    assert put_items(ingest, {"sku": "a", "title": "a"}, job=job).status_code == 404
    assert ingest("GET", "/catalogs/nowhere/status").status_code == 404
