"""Facets of a big catalog are counted once a minute, those of others on each view."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from catalog.facets import estimate_items
from tests.statements import counted_statements
from tests.web.conftest import Shop


def _ask(client: FlaskClient) -> str:
    return client.get("/?category=jacket").text


def test_what_comes_into_a_small_catalog_is_counted_at_once(
    client: FlaskClient, shop: Shop
) -> None:
    shop.add_item("J1")
    assert "1 item" in _ask(client)
    shop.add_item("J2")
    assert "2 items" in _ask(client)


def test_a_big_catalog_is_not_counted_on_each_view(
    app: Flask, client: FlaskClient, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.facets._BIG_CATALOG", 0)
    shop.add_item("J1")
    with counted_statements(shop.services.engine) as first:
        _ask(client)
    with counted_statements(shop.services.engine) as again:
        assert "1 item" in _ask(client)
    assert len(again) < len(first)
    assert "0 items" in client.get("/?category=dress").text, "each choice is counted by itself"


def test_how_many_items_there_are_is_known_without_counting(session: Session, shop: Shop) -> None:
    for number in range(30):
        shop.add_item(f"J{number}")
    session.execute(text("ANALYZE item"))
    assert estimate_items(session) == 30
