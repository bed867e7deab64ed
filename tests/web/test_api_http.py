"""What the API says in headers: ETags, compression, other origins."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from catalog.settings import load_settings
from catalog.tables import (
    Item,
)
from tests.web.conftest import Shop, bearer


def test_what_has_not_changed_is_not_sent_again(
    client: FlaskClient, token: str, shop: Shop, session: Session
) -> None:
    item = shop.add_item("A1")
    path = f"/api/v1/items/{item.id}"
    first = client.get(path, headers=bearer(token))
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert {"Authorization", "Accept-Encoding"} <= set(first.vary)
    etag = first.headers["ETag"]
    for coding in ("identity", "gzip", "br"):
        asked = bearer(token, If_None_Match=etag, Accept_Encoding=coding)
        again = client.get(path, headers=asked)
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    session.get_one(Item, item.id).title = "Another title"
    session.commit()
    assert client.get(path, headers=bearer(token, If_None_Match=etag)).status_code == 200


def test_json_and_pages_travel_compressed_and_photos_as_they_are(
    client: FlaskClient, token: str, shop: Shop
) -> None:
    item = shop.add_item("A1", description="A long description. " * 40)
    path = f"/api/v1/items/{item.id}"
    asked = bearer(token, Accept_Encoding="gzip")
    answer = client.get(path, headers=asked)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.data) == client.get(path, headers=bearer(token)).data
    accept = {"Accept-Encoding": "gzip"}
    assert client.get("/", headers=accept).headers["Content-Encoding"] == "gzip"
    with client.get("/static/lookalike.css", headers=accept) as css:
        assert css.headers["Content-Encoding"] == "gzip"
        assert b"--accent" in gzip.decompress(css.data)
    known = accept | {"If-None-Match": css.headers["ETag"]}
    with client.get("/static/lookalike.css", headers=known) as again:
        assert again.status_code == 304
    sha256 = item.photo_links[0].photo.sha256
    photo = client.get(f"/photos/{sha256}/thumb.webp", headers=accept)
    assert "Content-Encoding" not in photo.headers


def test_scripts_of_named_sites_may_read_and_nothing_else(
    make_app: Callable[..., Flask], token: str
) -> None:
    app = make_app(cors_origins=("https://shop.example",))
    client = app.test_client()

    def ask(origin: str, method: str, path: str = "/api/v1/catalogs") -> Any:
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization",
        }
        return client.options(path, headers=headers).headers

    allowed = ask("https://shop.example", "GET")
    assert allowed["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "Access-Control-Allow-Credentials" not in allowed
    assert "POST" not in allowed["Access-Control-Allow-Methods"]
    posted = ask("https://shop.example", "POST", "/api/v1/recommend")
    assert "POST" in posted["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Origin" not in ask("https://evil.example", "GET")
    assert "Access-Control-Allow-Origin" not in ask("https://shop.example", "GET", "/admin/")
    read = client.get("/api/v1/catalogs", headers=bearer(token, Origin="https://shop.example"))
    assert "RateLimit-Remaining" in read.headers["Access-Control-Expose-Headers"]


def test_without_the_setting_no_site_may_read(client: FlaskClient, token: str) -> None:
    answer = client.get("/api/v1/catalogs", headers=bearer(token, Origin="https://shop.example"))
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_origins_are_separated_by_commas_and_are_no_addresses_of_pages() -> None:
    from catalog.errors import ConfigError

    given = {"CORS_ORIGINS": "https://a.example/, http://localhost:3000"}
    assert load_settings(given).cors_origins == ("https://a.example", "http://localhost:3000")
    for wrong in ("*", "shop.example", "https://a.example/shop"):
        with pytest.raises(ConfigError, match="CORS_ORIGINS"):
            load_settings({"CORS_ORIGINS": wrong})
