"""The public pages: grid, item page, search by photo, images, health and errors."""

import html
import io
import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.errors import ConfigError, IndexUnavailableError
from catalog.photos.image_store import upload_key
from catalog.queue import ANALYZE_PHOTO
from catalog.services import Services
from catalog.settings import load_settings
from catalog.tables import ItemView, PhotoState
from tests.fakes import FakeQueue
from tests.statements import counted_statements
from tests.web.conftest import Shop, draw_photo
from tests.web.test_api_read import add_search
from web.app import create_app
from web.pages.browse import PER_PAGE
from web.pages.paging import Paging

HOSTILE = "<script>alert(1)</script>"


def test_an_empty_catalog_says_how_to_fill_it(client: FlaskClient) -> None:
    page = client.get("/").text
    assert "The catalog is empty" in page
    assert "lookalike ingest" in page


def test_the_grid_shows_items_with_facets_and_narrows(client: FlaskClient, shop: Shop) -> None:
    shop.add_item("A1", ("jacket",), brand="Kontor", price=19.9, currency="EUR")
    shop.add_item("A2", ("dress",))
    shop.add_item("B1", ("dress",), catalog="other")
    page = client.get("/").text
    assert "Title of A1" in page
    assert "€19.90" in page
    assert 'loading="lazy"' in page
    assert re.search(r"<span>Dress</span>\s*<span class=.count.>2</span>", page)
    narrowed = client.get("/?category=dress&catalog=shop").text
    assert "Title of A2" in narrowed
    assert "Title of A1" not in narrowed
    assert "Title of B1" not in narrowed
    assert "Nothing matches" in client.get("/?q=unheard-of").text


def test_the_address_holds_filters_words_order_and_each_can_be_taken_back(
    client: FlaskClient, shop: Shop
) -> None:
    shop.add_item("A1", ("jacket",), brand="Kontor", price=19.9, stock=3)
    shop.add_item("A2", ("jacket",), brand="Nord", price=45, stock=0)
    shop.add_item("A3", ("dress", "shoes"), brand="Nord", price=250)

    def shown(query: str) -> list[str]:
        return re.findall(r"item-title.>Title of (\w+)", client.get(f"/?{query}").text)

    assert shown("brand=Nord") == ["A3", "A2"]
    assert shown("brand=Nord&brand=Kontor&sort=cheapest") == ["A1", "A2", "A3"]
    assert shown("sort=dearest") == ["A3", "A2", "A1"]
    assert shown("in_stock=0") == ["A2"]
    assert shown("in_stock=1") == ["A3", "A1"]
    assert shown("price_min=20&price_max=50") == ["A2"]
    assert shown("garments=2") == ["A3"]
    assert shown("colour=navy&category=jacket&category=dress") == ["A3", "A2", "A1"]
    assert shown("colour=red") == []
    page = client.get("/?brand=Nord&sort=title&category=dress").text
    assert 'href="/?category=dress&amp;sort=title"' in page  # the brand taken back
    assert 'value="title" selected' in page
    for odd in ("price_min=x", "garments=-1", "in_stock=7", "sort=worst", "price_max=1e99"):
        assert len(shown(odd)) == 3


def test_a_price_band_shows_as_many_items_as_it_promises(client: FlaskClient, shop: Shop) -> None:
    shop.add_item("A1", price=49.99)
    shop.add_item("A2", price=50)
    page = client.get("/").text
    href = re.search(r'href="(/\?price_min=20[^"]*)"', page)
    assert href
    shown = client.get(html.unescape(href[1])).text
    assert "Title of A1" in shown
    assert "Title of A2" not in shown


def test_a_filter_that_leaves_nothing_is_no_typo(client: FlaskClient, shop: Shop) -> None:
    shop.add_item("A1", title="Down Jacket", brand="Nord")
    shop.add_item("A2", title="Down Jackets", brand="Kontor")
    assert "Nothing matches" in client.get("/?q=jackets&brand=Nord").text


def test_a_typo_finds_what_comes_close(client: FlaskClient, shop: Shop) -> None:
    shop.add_item("A1", title="Down Quilted Jacket")
    shop.add_item("A2", title="Ärmelloses Kleid", description="Leinen, naturfarben")
    assert "Down Quilted Jacket" in client.get("/?q=jaket").text
    close = client.get("/?q=quilted+jaket&in_stock=1").text
    assert "these come close" in close
    meant = re.search(r'Did you mean <a href="([^"]*)">quilted jacket</a>', close)
    assert meant
    assert "in_stock=1" in meant[1], "filters stay"
    assert "1 item for “quilted jacket”" in html.unescape(client.get(html.unescape(meant[1])).text)
    assert "these come close" not in client.get("/?q=jacket").text
    assert "Kleid" in client.get("/?q=ÄRMEL leinen").text
    assert "Nothing matches" in client.get("/?q=xylophon").text


def test_looks_at_an_item_are_counted_without_the_visitor(
    client: FlaskClient, shop: Shop, session: Session
) -> None:
    quiet, popular = shop.add_item("A1"), shop.add_item("A2")
    for _ in range(3):
        client.get(f"/items/{popular.id}")
    client.get(f"/items/{quiet.id}")
    counted = dict(session.execute(select(ItemView.item_id, ItemView.views)).all())
    assert counted == {popular.id: 3, quiet.id: 1}
    titles = re.findall(r"item-title.>Title of (\w+)", client.get("/?sort=viewed").text)
    assert titles == ["A2", "A1"]


def test_similar_items_are_narrowed_varied_and_steered(client: FlaskClient, shop: Shop) -> None:
    query = shop.add_item("Q", brand="Nord", price=100, stock=1)
    near = shop.add_item("near", brand="Nord", price=110, stock=0)
    other = shop.add_item("other", direction=1, brand="Kontor", price=400, stock=5)
    garment = shop.garments(query)[0].id

    def shown(more: str) -> list[str]:
        page = client.get(f"/items/{query.id}/similar/{garment}?{more}").text
        return re.findall(r"item-title.>Title of (\w+)", page)

    assert shown("") == ["near", "other"]
    assert shown("in_stock=1") == ["other"]
    assert shown("same_brand=1") == ["near"]
    assert shown("similar_price=1") == ["near"]
    assert shown("price_min=200") == ["other"]
    assert sorted(shown("variety=80")) == ["near", "other"]
    disliked = shop.garments(near)[0].id
    steered = client.get(f"/items/{query.id}?garment={garment}&dislike_now={disliked}").text
    assert f'name="dislike" value="{disliked}"' in steered
    # A score against the steered query says nothing about two garments.
    assert 'class="score"' not in steered
    assert 'class="score"' in client.get(f"/items/{query.id}").text
    assert shown(f"dislike={disliked}") == ["other"]  # what was judged is not shown again
    assert shown(f"dislike={disliked}&forget={disliked}") == ["near", "other"]
    assert shown(f"like={shop.garments(other)[0].id}") == ["near"]
    assert shown("variety=x&like=y&price_min=-3") == ["near", "other"]


def test_the_look_is_completed_with_what_lookalikes_are_worn_with(
    client: FlaskClient, shop: Shop
) -> None:
    query = shop.add_item("Q", ("jacket",))
    shop.add_item("worn", ("jacket", "shoes"))
    shop.add_item("pair", ("shoes",))
    garment = shop.garments(query)[0].id
    page = client.get(f"/items/{query.id}/look/{garment}").text
    assert "Title of pair" in page
    assert "worn in 1 of 2 photos" in page
    fragment = client.get(f"/items/{query.id}/look/{garment}?fragment=1").text
    assert "<html" not in fragment
    alone = shop.add_item("alone", ("hat",), direction=2)
    hat = shop.garments(alone)[0].id
    assert "nothing worn with" in client.get(f"/items/{alone.id}/look/{hat}").text


def test_the_grid_pages_and_forgives_odd_page_numbers(client: FlaskClient, shop: Shop) -> None:
    for number in range(PER_PAGE + 1):
        shop.add_item(f"A{number}", ())
    assert client.get("/").text.count('class="item-card"') == PER_PAGE
    assert client.get("/?page=2").text.count('class="item-card"') == 1
    for odd in ("0", "-1", "x", "999999999999"):
        assert client.get(f"/?page={odd}").status_code == 200


def test_page_numbers_have_gaps_but_always_the_ends() -> None:
    assert Paging(10, 10, 200).around() == [1, None, 8, 9, 10, 11, 12, None, 20]
    assert Paging(1, 10, 0).around() == [1]


def test_every_garment_is_outlined_and_the_sold_one_selected(
    client: FlaskClient, shop: Shop
) -> None:
    item = shop.add_item("A1", ("jacket", "shoes"), url="https://shop.example/a1")
    shop.add_item("A2", ("jacket",))
    page = client.get(f"/items/{item.id}").text
    assert page.count("<polygon") >= 3
    assert "Similar items: jacket" in page
    assert "Title of A2" in page
    assert "worn with" in page
    assert 'href="https://shop.example/a1"' in page
    shoes = next(each for each in shop.garments(item) if each.category == "shoes")
    assert "Similar items: shoes" in client.get(f"/items/{item.id}?garment={shoes.id}").text
    fragment = client.get(f"/items/{item.id}/similar/{shoes.id}").text
    assert "Similar items: shoes" in fragment
    assert "<html" not in fragment
    assert client.get(f"/items/{item.id}/similar/{uuid.uuid4()}").status_code == 404


def test_an_item_page_works_while_the_index_is_down(
    client: FlaskClient, shop: Shop, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = shop.add_item("A1")

    def refuse(*_: object, **__: object) -> None:
        raise IndexUnavailableError("down")

    monkeypatch.setattr(services.index, "query_by_item", refuse)
    page = client.get(f"/items/{item.id}")
    assert page.status_code == 200
    assert "can&#39;t be shown" in page.text or "can't be shown" in page.text


def test_a_failed_photo_says_why_and_a_pending_one_that_it_is_coming(
    client: FlaskClient, shop: Shop
) -> None:
    failed = shop.add_item("A1", state=PhotoState.FAILED)
    pending = shop.add_item("A2", state=PhotoState.PENDING)
    assert "its worker died 3 times" in client.get(f"/items/{failed.id}").text
    assert "Being indexed" in client.get(f"/items/{pending.id}").text


def test_hostile_words_are_shown_as_words(client: FlaskClient, shop: Shop) -> None:
    item = shop.add_item(
        "A1",
        title=HOSTILE,
        brand=HOSTILE,
        description=HOSTILE,
        category=HOSTILE,
        attributes={HOSTILE: HOSTILE},
        url="javascript:alert(1)",
    )
    for path in ("/", f"/items/{item.id}", f"/?q={HOSTILE}", f"/?category={HOSTILE}"):
        page = client.get(path).text
        assert HOSTILE not in page
        assert "javascript:" not in page


def test_statements_do_not_grow_with_the_items_shown(
    client: FlaskClient, shop: Shop, services: Services
) -> None:
    item = shop.add_item("A0")
    shop.add_item("A1")

    def count(path: str) -> int:
        with counted_statements(services.engine) as statements:
            assert client.get(path).status_code == 200
        return len(statements)

    paths = ("/", f"/items/{item.id}")
    before = [count(path) for path in paths]
    for number in range(2, 10):
        shop.add_item(f"A{number}")
    assert [count(path) for path in paths] == before
    assert max(before) <= 18


def test_pages_carry_no_inline_script_or_style_and_forbid_them(
    client: FlaskClient, shop: Shop
) -> None:
    item = shop.add_item("A1")
    for path in ("/", f"/items/{item.id}", "/search/", "/login"):
        answer = client.get(path)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text), path
        assert "https://cdn" not in answer.text


def test_variants_are_webp_cached_for_ever_and_answer_304(client: FlaskClient, shop: Shop) -> None:
    photo = shop.add_item("A1").photo_links[0].photo
    path = f"/photos/{photo.sha256}/thumb.webp"
    first = client.get(path)
    assert first.mimetype == "image/webp"
    assert "immutable" in first.headers["Cache-Control"]
    assert client.get(path).data == first.data
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    for unknown in (f"/photos/{photo.sha256}/huge.webp", "/photos/../thumb.webp"):
        assert client.get(unknown).status_code == 404
    assert client.get(f"/photos/{'0' * 64}/thumb.webp").status_code == 404


def test_a_photo_dropped_on_the_page_is_searched_with(
    app: Flask, client: FlaskClient, queue: FakeQueue
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    form = {"photo": (io.BytesIO(draw_photo()), "me.jpg")}
    answer = client.post("/search/", data=form)
    assert answer.status_code == 303
    waiting = client.get(answer.location)
    assert "Looking for garments" in waiting.text
    assert client.get(f"{answer.location}/state").json == {"state": "pending"}
    photo = client.get(f"{answer.location}/photo.webp")
    assert photo.headers["Cache-Control"].startswith("private")
    assert len(queue.named(ANALYZE_PHOTO)) == 1


def test_a_search_shows_its_garments_and_what_looks_like_them(
    client: FlaskClient, shop: Shop, session: Session, services: Services
) -> None:
    shop.add_item("A1")
    upload = add_search(session, timedelta(hours=1))
    services.images.put(upload_key(upload.id), b"webp", "image/webp")
    page = client.get(f"/search/{upload.id}").text
    assert "Similar items: jacket" in page
    assert "Title of A1" in page
    assert "<polygon" in page
    garment = upload.garments[0].id
    crop = client.get(f"/search/{upload.id}/crops/{garment}.webp")
    assert (crop.mimetype, crop.headers["Cache-Control"][:7]) == ("image/webp", "private")
    fragment = client.get(f"/search/{upload.id}/similar?garment={garment}&in_stock=1").text
    assert "<html" not in fragment
    assert "Title of A1" in fragment
    liked = shop.garments(shop.add_item("A2"))[0].id
    steered = f"/search/{upload.id}/similar?like={liked}"
    assert "Title of A1" in client.get(steered).text
    upload.garments[0].embedder = "another"
    session.commit()
    assert "has changed since" in client.get(steered).text
    upload.expires_at = datetime.now(UTC)
    session.commit()
    for path in ("", "/similar", f"/crops/{garment}.webp", "/photo.webp"):
        assert client.get(f"/search/{upload.id}{path}").status_code == 404
    assert "its photo has been deleted" in client.get(f"/search/{upload.id}").text


def test_a_file_that_is_no_photo_is_explained_on_the_form(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    answer = client.post("/search/", data={"photo": (io.BytesIO(b"text"), "a.txt")})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert client.post("/search/", data={}).status_code == 422


def test_missing_things_have_a_page_with_a_way_out(client: FlaskClient) -> None:
    for path in ("/items/1", "/nothing", f"/search/{uuid.uuid4()}"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "Go to the catalog" in answer.text


def test_an_unexpected_error_tells_the_visitor_nothing_inside(
    app: Flask, client: FlaskClient
) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("secret detail")

    answer = client.get("/broken")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "Go to the catalog" in answer.text


def test_the_process_is_healthy_and_ready_only_with_its_parts(
    client: FlaskClient, services: Services
) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    answer = client.get("/readyz")
    assert answer.json["database"] == answer.json["index"] == "ok"
    assert answer.status_code == (200 if answer.json["broker"] == "ok" else 503)


def test_the_app_refuses_to_start_without_a_secret_key(services: Services) -> None:
    class Keyless:
        settings = load_settings({})

    with pytest.raises(ConfigError, match="SECRET_KEY"):
        create_app(Keyless())  # type: ignore[arg-type]
