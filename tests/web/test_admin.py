"""The admin pages: who gets in, and what the buttons do."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from catalog.accounts import create_user, find_token, make_login_link
from catalog.queue import INDEX_PHOTOS, RUN_REINDEX
from catalog.tables import PhotoState
from tests.fakes import FakeQueue
from tests.web.conftest import PASSWORD, Shop
from web.login import Throttle
from web.security import is_local

ADMIN_PAGES = ("/admin/", "/admin/progress", "/admin/failures", "/admin/tokens/")


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found
    return found[1]


@pytest.mark.parametrize("path", ADMIN_PAGES)
def test_strangers_are_sent_to_the_login(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer.location.startswith("/login?next=")


def test_a_user_who_is_no_admin_is_refused(app: Flask, session: Session) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    create_user(session, "user@example.com", PASSWORD)
    session.commit()
    client = app.test_client()
    client.post("/login", data={"email": "user@example.com", "password": PASSWORD})
    answer = client.get("/admin/")
    assert answer.status_code == 403
    assert "Go to the catalog" in answer.text


def test_logging_in_by_password_needs_the_forms_own_token(app: Flask, session: Session) -> None:
    create_user(session, "admin@example.com", PASSWORD, is_admin=True)
    session.commit()
    client = app.test_client()
    form = {"email": "Admin@Example.com", "password": PASSWORD}
    assert client.post("/login", data=form).status_code == 400
    form["csrf_token"] = csrf_of(client.get("/login").text)
    answer = client.post("/login?next=/admin/failures", data=form)
    assert answer.location == "/admin/failures"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert client.get("/admin/").status_code == 200


def test_a_wrong_password_is_refused_and_soon_throttled(app: Flask, session: Session) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    create_user(session, "admin@example.com", PASSWORD, is_admin=True)
    session.commit()
    client = app.test_client()
    wrong = {"email": "admin@example.com", "password": "wrong"}
    assert [client.post("/login", data=wrong).status_code for _ in range(6)] == [401] * 5 + [429]
    right = {"email": "admin@example.com", "password": PASSWORD}
    assert client.post("/login", data=right).status_code == 429


def test_a_throttle_lets_go_after_its_window() -> None:
    now = [0.0]
    throttle = Throttle(limit=2, window_s=10, clock=lambda: now[0])
    throttle.fail("a")
    throttle.fail("a")
    assert throttle.blocks("a")
    assert not throttle.blocks("b")
    now[0] = 11.0
    assert not throttle.blocks("a")


def test_a_login_link_works_once_and_only_when_confirmed(app: Flask, session: Session) -> None:
    user = create_user(session, "admin@example.com", PASSWORD, is_admin=True)
    secret = make_login_link(session, user, ttl_s=60)
    session.commit()
    client = app.test_client()
    page = client.get(f"/login/link/{secret}")
    assert client.get("/admin/").status_code == 302
    form = {"csrf_token": csrf_of(page.text)}
    assert client.post(f"/login/link/{secret}", data=form).location == "/admin/"
    assert client.get("/admin/").status_code == 200
    other = app.test_client()
    form = {"csrf_token": csrf_of(other.get(f"/login/link/{secret}").text)}
    assert other.post(f"/login/link/{secret}", data=form).status_code == 410


@pytest.mark.parametrize(
    ("target", "local"),
    [
        ("/admin/", True),
        ("/items/1?garment=2", True),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("https://evil.example", False),
        ("/a\nb", False),
        ("", False),
        (None, False),
    ],
)
def test_a_redirect_stays_on_this_site(target: str | None, local: bool) -> None:
    assert is_local(target) is local


def test_the_overview_starts_and_cancels_a_reindex(
    admin: FlaskClient, shop: Shop, queue: FakeQueue
) -> None:
    shop.add_item("A1")
    page = admin.get("/admin/").text
    assert "garments_1" in page
    assert "No job yet" in page
    form = {"kind": "vectors", "switch": "manual"}
    started = admin.post("/admin/reindex", data=form, follow_redirects=True)
    assert "The re-index has started" in started.text
    (task,) = queue.named(RUN_REINDEX)
    again = admin.post("/admin/reindex", data=form, follow_redirects=True)
    assert "under way already" in again.text
    assert "from vectors" in admin.get(f"/admin/jobs/{task.args[0]}").text
    fragment = admin.get(f"/admin/jobs/{task.args[0]}?fragment=1").text
    assert "<html" not in fragment
    cancelled = admin.post(f"/admin/jobs/{task.args[0]}/cancel", follow_redirects=True)
    assert "The re-index stops at its next step" in cancelled.text


def test_buttons_that_cannot_work_now_say_why(admin: FlaskClient, shop: Shop) -> None:
    for action in ("activate", "rollback", "discard"):
        answer = admin.post(f"/admin/reindex/{action}", follow_redirects=True)
        assert "alert-warning" in answer.text, action
    unknown = admin.post("/admin/reindex", data={"kind": "magic"}, follow_redirects=True)
    assert "alert-danger" in unknown.text
    long = {"kind": "crops", "switch": "auto", "embedder": "x" * 300}
    named = admin.post("/admin/reindex", data=long, follow_redirects=True)
    assert "Embedder: Field cannot be longer than 200" in named.text


def test_a_failed_photo_can_be_retried(
    admin: FlaskClient, shop: Shop, session: Session, queue: FakeQueue
) -> None:
    item = shop.add_item("A1", state=PhotoState.FAILED)
    photo = item.photo_links[0].photo
    photo.attempts = 3
    session.commit()
    assert "its worker died 3 times" in admin.get("/admin/failures").text
    admin.post(f"/admin/failures/{photo.sha256}/retry")
    session.refresh(photo)
    assert (photo.state, photo.attempts, photo.reason) == (PhotoState.PENDING, 0, None)
    assert queue.named(INDEX_PHOTOS)[0].args == ([photo.id],)
    assert "No failures" in admin.get("/admin/failures").text


def test_a_token_is_shown_once_and_revoked(admin: FlaskClient, session: Session) -> None:
    form = {"name": "shop pages", "scopes": ["read"]}
    created = admin.post("/admin/tokens/", data=form)
    found = re.search(r"lk_[\w-]+", created.text)
    assert found
    token = find_token(session, found[0])
    assert token
    session.rollback()
    assert found[0] not in admin.get("/admin/tokens/").text
    admin.post(f"/admin/tokens/{token.id}/revoke")
    assert find_token(session, found[0]) is None
    assert admin.post("/admin/tokens/", data={"name": ""}).status_code == 422


def test_logging_out_closes_the_admin_pages(admin: FlaskClient) -> None:
    admin.post("/logout")
    assert admin.get("/admin/").status_code == 302
