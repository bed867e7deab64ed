"""What every page owes its visitors: tokens in forms, headers, cookies, photos without metadata."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from catalog.accounts import create_user, make_login_link
from catalog.jobs import start_job
from catalog.photos.decode import encode_heat
from catalog.photos.image_store import photo_key, upload_key
from catalog.services import Services
from catalog.tables import Explanation, ExplanationState, Job, JobKind, JobState, User
from tests.web.conftest import PASSWORD, Shop, draw_photo, sha256_of
from tests.web.test_access import address, logged_in, methods
from tests.web.test_api_read import add_search
from tests.web.test_audit_pages import add_audit, index_result
from tests.web.test_map import make_map
from web.app import create_app


class Forms(HTMLParser):
    """Collects the forms of a page: method, and the names of what they send."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, set[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form":
            self.forms.append(((found.get("method") or "get").lower(), set()))
        elif tag in ("input", "button", "select", "textarea") and self.forms:
            self.forms[-1][1].add(found.get("name") or "")


FEW = {"items": 2, "few": 0, "none": 0, "unseen": 0}
GROUPS = {"items": 2, "groups": 0, "alike": 0, "cut_off": False}


def add_explanation(session: Session, **pair: UUID) -> UUID:
    """A pair that a worker has compared."""
    heat = encode_heat(np.eye(16), 16)
    done = Explanation(
        **pair,
        embedder="embedder-a",
        state=ExplanationState.DONE,
        descriptors={"S": 0.8, "M": 0.6, "G": 0.7},
        heat=heat,
        other_heat=heat,
    )
    session.add(done)
    session.flush()
    return done.id


@pytest.fixture
def pages(
    app: Flask, shop: Shop, session: Session, services: Services, users: dict[str, int]
) -> Iterator[tuple[str, TestResponse]]:
    """Every address of a page that can be opened, as an admin sees it, with rows to show.

    Those for shops' pages are there only where a setting names the shops: they have tests of
    their own. A route with an argument that is not among `values` fails: give it something to show.
    """
    item = shop.add_item("A1", ("jacket", "shoes"))
    other = shop.garments(shop.add_item("A2"))[0]
    upload = add_search(session, timedelta(hours=1))
    explained = add_explanation(session, garment_id=shop.garments(item)[0].id, other_id=other.id)
    found = add_explanation(session, upload_garment_id=upload.garments[0].id, other_id=other.id)
    add_audit(session, index=index_result(), coverage=FEW, duplicates=GROUPS)
    services.images.put(upload_key(upload.id), draw_photo(), "image/webp")
    job = start_job(session, JobKind.INGEST, "shop")
    session.add(Job(kind=JobKind.REINDEX, state=JobState.DONE, parameters={"kind": "vectors"}))
    secret = make_login_link(session, session.get_one(User, users["admin"]), ttl_s=60)
    session.commit()
    values = {
        "block": 0,
        "explanation_id": explained,
        "filename": "lookalike.css",
        "garment_id": shop.garments(item)[0].id,
        "item_id": item.id,
        "job_id": job.id,
        "map_id": make_map(shop).id,
        "name": "shop",
        "other_id": other.id,
        "part": "index",
        "path": "swagger-ui.css",
        "secret": secret,
        "sha256": item.photo_links[0].photo.sha256,
        "side": "query",
        "sku": "A1",
        "upload_id": upload.id,
        "variant": "thumb",
    }
    own = {
        "search.crop": {"garment_id": upload.garments[0].id},
        "search.heat": {"explanation_id": found},
        "search.why": {"garment_id": upload.garments[0].id},
    }
    rules = [
        rule
        for rule in app.url_map.iter_rules()
        if "GET" in methods(rule) and not rule.endpoint.startswith(("api.", "bootstrap.", "embed."))
    ]
    paths = [address(rule, values | own.get(rule.endpoint, {})) for rule in rules]
    return _opened(logged_in(app, users["admin"]), paths)


def _opened(client: FlaskClient, paths: list[str]) -> Iterator[tuple[str, TestResponse]]:
    for path in paths:
        with client.get(path) as answer:
            yield path, answer


def test_every_form_that_changes_something_carries_its_token(
    pages: Iterator[tuple[str, TestResponse]],
) -> None:
    forms = 0
    for path, answer in pages:
        if answer.mimetype != "text/html":
            continue
        parser = Forms()
        parser.feed(answer.text)
        for method, names in parser.forms:
            forms += method == "post"
            assert method == "get" or "csrf_token" in names, path
    assert forms >= 15


def test_every_answer_forbids_inline_script_frames_and_guessing(
    pages: Iterator[tuple[str, TestResponse]],
) -> None:
    for path, answer in pages:
        assert answer.status_code in (200, 302, 503), path
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, path
        assert "script-src 'self'" in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert "*" not in policy, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        if answer.mimetype == "text/html":
            inline = r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:"
            assert not re.search(inline, answer.text), path
            assert not re.search(r"(src|srcset)=.(https?:)?//", answer.text), path


def test_no_shared_cache_may_keep_a_page_or_what_only_some_may_see(
    pages: Iterator[tuple[str, TestResponse]],
) -> None:
    for path, answer in pages:
        if "public" in answer.headers.get("Cache-Control", ""):
            assert "Cookie" not in answer.headers.get("Vary", ""), path
            assert "Set-Cookie" not in answer.headers, path
        own = path.startswith(("/admin", "/login")) or path.endswith("photo.webp")
        if own or answer.mimetype == "text/html":
            cached = answer.headers.get("Cache-Control", "")
            assert "no-store" in cached or "private" in cached, path


@pytest.mark.parametrize(
    ("settings", "secure"),
    [
        ({}, False),
        ({"secure_cookies": True}, True),
        ({"public_url": "https://look.shop.example"}, True),
    ],
)
def test_the_session_cookie_is_for_this_site_alone_and_behind_tls_for_tls_alone(
    services: Services, session: Session, settings: dict[str, Any], secure: bool
) -> None:
    create_user(session, "me@example.com", PASSWORD)
    session.commit()
    given = services.settings.model_copy(update=settings)
    app = create_app(replace(services, settings=given))
    app.config["WTF_CSRF_ENABLED"] = False
    form = {"email": "me@example.com", "password": PASSWORD}
    answer = app.test_client().post("/login", data=form, base_url="https://shop.example")
    cookie = answer.headers["Set-Cookie"]
    assert "; HttpOnly" in cookie
    assert "; SameSite=Lax" in cookie
    assert ("; Secure" in cookie) is secure


def test_guesses_are_limited_for_an_address_and_for_an_email(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Wrong, without the third of a second that it takes to know.
    monkeypatch.setattr("web.pages.login.check_password", lambda *_: None)
    app.config["WTF_CSRF_ENABLED"] = False

    def guess(email: str, address: str) -> int:
        form = {"email": email, "password": "wrong"}
        environ = {"REMOTE_ADDR": address}
        return app.test_client().post("/login", data=form, environ_base=environ).status_code

    assert [guess("admin@example.com", f"10.0.0.{n}") for n in range(6)] == [401] * 5 + [429]
    assert [guess(f"{n}@example.com", "10.0.1.1") for n in range(6)] == [401] * 5 + [429]
    assert guess("another@example.com", "10.0.1.2") == 401


def geotagged_photo() -> bytes:
    """A photo that says where it was taken, in every way that a JPEG can."""
    image = Image.open(io.BytesIO(draw_photo()))
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 15.0), 3: "E", 4: (11.0, 34.0, 31.0)})
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, comment=b"secret place", xmp=b"<x>secret place</x>")
    return out.getvalue()


def test_nothing_that_is_served_says_where_a_photo_was_taken(
    app: Flask, client: FlaskClient, services: Services
) -> None:
    data = geotagged_photo()
    assert data.count(b"secret place") >= 2
    sha256 = sha256_of(data)
    services.images.put(photo_key(sha256), data, "image/jpeg")
    app.config["WTF_CSRF_ENABLED"] = False
    sent = client.post("/search/", data={"photo": (io.BytesIO(data), "me.jpg")})
    paths = [f"/photos/{sha256}/{variant}.webp" for variant in ("thumb", "medium", "large")]
    for path in (*paths, f"{sent.location}/photo.webp"):
        served = client.get(path)
        image = Image.open(io.BytesIO(served.data))
        assert image.format == "WEBP", path
        assert not image.getexif(), path
        assert b"secret place" not in served.data, path
        assert not {"exif", "xmp", "comment", "icc_profile"} & image.info.keys(), path


def test_a_photo_of_too_many_pixels_or_bytes_is_explained(
    app: Flask, client: FlaskClient, services: Services
) -> None:
    out = io.BytesIO()
    Image.new("1", (9000, 9000)).save(out, "PNG")
    app.config["WTF_CSRF_ENABLED"] = False
    bomb = client.post("/search/", data={"photo": (io.BytesIO(out.getvalue()), "bomb.png")})
    assert bomb.status_code == 422
    assert "40,000,000" in bomb.text
    heavy = bytes(services.settings.max_photo_bytes + 2**17)
    answer = client.post("/search/", data=heavy, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 413
    assert "That file is too large" in answer.text
