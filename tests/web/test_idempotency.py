"""Writes that are sent again with their key, and lists that go on in pages."""

import io
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from catalog.accounts import create_token
from catalog.idempotency import forget_answers
from catalog.jobs import start_job
from catalog.tables import (
    IdempotentAnswer,
    Job,
    JobKind,
    PhotoState,
    Upload,
)
from tests.fakes import FakeQueue
from tests.web.conftest import Shop, bearer, draw_photo, sha256_of
from tests.web.test_audit_pages import add_coverage
from tests.web.test_map import make_map


def begin(client: FlaskClient, token: str, key: str, catalog: str = "shop") -> Any:
    body = {"kind": "ingest", "catalog": catalog}
    headers = bearer(token, Idempotency_Key=key)
    return client.post("/api/v1/jobs", json=body, headers=headers)


def test_a_write_that_is_sent_again_with_its_key_happens_once(
    client: FlaskClient, token: str, session: Session
) -> None:
    first = begin(client, token, '"begin-1"')
    again = begin(client, token, "begin-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.content_type == first.content_type
    assert session.scalar(select(func.count()).select_from(Job)) == 1
    assert begin(client, token, "begin-2").json["id"] != first.json["id"]


def test_the_secret_of_a_webhook_is_answered_again_but_not_kept(
    client: FlaskClient, session: Session
) -> None:
    headers = bearer(create_token(session, "admin", ["admin"]), Idempotency_Key="hook")
    session.commit()

    def create() -> Any:
        body = {"url": "https://shop.example/hook"}
        return client.post("/api/v1/webhooks", json=body, headers=headers)

    first, again = create(), create()
    assert first.json["secret"].startswith("whsec_")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json == first.json
    (kept,) = session.scalars(select(IdempotentAnswer.body))
    assert first.json["secret"].encode() not in kept
    client.delete(
        f"/api/v1/webhooks/{first.json['id']}", headers={**headers, "Idempotency-Key": "d"}
    )
    assert create().status_code == 404


LISTS = ("/api/v1/review", "/api/v1/findings?kind=coverage", "/api/v1/map/points")


def test_every_list_names_its_next_page_in_a_link(
    client: FlaskClient, session: Session, shop: Shop
) -> None:
    headers = bearer(create_token(session, "admin", ["admin"]))
    items = [shop.add_item(sku, (), state=PhotoState.FAILED) for sku in ("A", "B")]
    items += [shop.add_item(sku) for sku in ("C", "D")]
    add_coverage(session, dict.fromkeys(items, 1))
    make_map(shop)
    for path in LISTS:
        mark = "&" if "?" in path else "?"
        first = client.get(f"{path}{mark}limit=1", headers=headers)
        assert first.json["next"], path
        link = first.headers["Link"].removeprefix("<").partition(">")[0]
        second = client.get(link, headers=headers)
        assert len(second.json["items"]) == 1, path
        assert second.json["items"] != first.json["items"], path
        assert client.get(f"{path}{mark}cursor=%F0", headers=headers).status_code == 422, path


def test_the_deliveries_of_a_webhook_come_in_pages(client: FlaskClient, session: Session) -> None:
    headers = bearer(create_token(session, "admin", ["admin"]))
    session.commit()
    body = {"url": "https://shop.example/hook"}
    hook = client.post("/api/v1/webhooks", json=body, headers=headers).json["id"]
    sent = [
        client.post(f"/api/v1/webhooks/{hook}/test", headers=headers).json["id"] for _ in range(3)
    ]
    path, found = f"/api/v1/webhooks/{hook}/deliveries?limit=2", []
    while path:
        page = client.get(path, headers=headers)
        found += [one["id"] for one in page.json["items"]]
        path = page.headers.get("Link", "").removeprefix("<").partition(">")[0]
    assert found == sent[::-1]


def test_a_key_stands_for_one_request_of_one_token(
    client: FlaskClient, token: str, session: Session
) -> None:
    begin(client, token, "k")
    other = begin(client, token, "k", catalog="another shop")
    assert other.status_code == 422
    assert "another request" in other.json["detail"]
    second = create_token(session, "second", ["ingest"])
    session.commit()
    assert begin(client, second, "k").status_code == 201


def test_a_refusal_is_answered_again_but_not_a_failure_of_ours(
    client: FlaskClient, token: str, queue: FakeQueue, session: Session
) -> None:
    path = "/api/v1/catalogs/shop/items/gone"
    for replayed in (None, "true"):
        answer = client.delete(path, headers=bearer(token, Idempotency_Key="d"))
        assert answer.status_code == 404
        assert answer.headers.get("Idempotency-Replayed") == replayed
    photo = {"data": draw_photo(), "headers": bearer(token, Idempotency_Key="s")}
    queue.down = True
    assert client.post("/api/v1/search", **photo).status_code == 503
    queue.down = False
    assert client.post("/api/v1/search", **photo).status_code == 202
    assert session.scalar(select(func.count()).select_from(Upload)) == 1


def test_the_same_photo_is_the_same_request_however_the_form_is_cut(
    client: FlaskClient, token: str
) -> None:
    def search(seed: int) -> Any:
        form = {"photo": (io.BytesIO(draw_photo(seed)), "a.jpg", "image/jpeg")}
        headers = bearer(token, Idempotency_Key="photo")
        return client.post("/api/v1/search", data=form, headers=headers)

    assert search(1).json == search(1).json
    assert search(2).status_code == 422
    data = draw_photo(3)
    put = [
        client.put(
            f"/api/v1/photos/{sha256_of(data)}",
            data=data,
            headers=bearer(token, Idempotency_Key="put"),
        ).status_code
        for _ in range(2)
    ]
    assert put == [201, 201]


def test_parts_without_a_name_and_files_of_the_same_name_are_hashed_too(
    client: FlaskClient, token: str
) -> None:
    nameless = b"--x\r\nContent-Disposition: form-data\r\n\r\nhello\r\n"
    named = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nhello\r\n'
    photo = (
        b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\nno photo\r\n"
    )
    sent = nameless + named + photo + photo + b"--x--\r\n"
    headers = bearer(token, Idempotency_Key="parts", Content_Type="multipart/form-data; boundary=x")
    for _ in range(2):
        answer = client.post("/api/v1/search", data=sent, headers=headers)
        assert answer.status_code == 422, answer.text
    assert answer.headers["Idempotency-Replayed"] == "true"


def test_a_key_whose_first_request_is_under_way_has_to_wait_until_that_has_died(
    client: FlaskClient, token: str, session: Session
) -> None:
    first = begin(client, token, "k").json
    session.execute(update(IdempotentAnswer).values(status=None, body=None, headers=None))
    session.commit()
    waiting = begin(client, token, "k")
    assert (waiting.status_code, waiting.headers["Retry-After"]) == (409, "1")
    age(session, timedelta(minutes=3))
    assert begin(client, token, "k").json["id"] != first["id"]
    assert begin(client, token, "k").headers["Idempotency-Replayed"] == "true"


def test_keys_are_forgotten_after_a_day(client: FlaskClient, token: str, session: Session) -> None:
    first = begin(client, token, "k").json
    age(session, timedelta(hours=25))
    assert begin(client, token, "k").json["id"] != first["id"]
    age(session, timedelta(hours=25))
    forget_answers(session)
    assert session.scalar(select(func.count()).select_from(IdempotentAnswer)) == 0


def age(session: Session, by: timedelta) -> None:
    older = IdempotentAnswer.created_at - by
    session.execute(update(IdempotentAnswer).values(created_at=older))
    session.commit()


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "schlüssel"])
def test_a_key_that_is_no_word_is_refused(client: FlaskClient, token: str, key: str) -> None:
    assert begin(client, token, key).status_code == 400


def test_jobs_come_in_pages_that_neither_skip_nor_repeat(
    client: FlaskClient, token: str, session: Session
) -> None:
    for number in range(5):
        start_job(session, JobKind.INGEST, f"shop {number}")  # all at the same moment
    session.commit()
    seen, path = [], "/api/v1/jobs?limit=2"
    while path:
        page = client.get(path, headers=bearer(token))
        seen += [job["id"] for job in page.json["items"]]
        link = page.headers.get("Link", "")
        assert bool(link) == bool(page.json["next"])
        path = link.removeprefix("<").partition(">")[0]
    assert len(seen) == len(set(seen)) == 5
    names, path = [], "/api/v1/catalogs?limit=2"
    while path:
        page = client.get(path, headers=bearer(token))
        names += [each["name"] for each in page.json["items"]]
        path = page.headers.get("Link", "").removeprefix("<").partition(">")[0]
    assert names == [f"shop {number}" for number in range(5)]
