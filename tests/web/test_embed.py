"""What shops' pages may ask: off unless a shop is named, public things only, for that shop only."""

from dataclasses import replace
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from catalog.errors import ConfigError
from catalog.services import Services
from catalog.settings import load_settings
from tests.statements import counted_statements
from tests.web.conftest import Shop
from web.app import create_app

SHOP = "https://shop.example"
SERVER = "https://looks.example"


@pytest.fixture
def embed(services: Services) -> FlaskClient:
    update = {"embed_origins": (SHOP,), "public_url": SERVER}
    settings = services.settings.model_copy(update=update)
    return create_app(replace(services, settings=settings)).test_client()


@pytest.fixture
def full(shop: Shop) -> Shop:
    shop.add_item("A/1", url=f"{SHOP}/a")
    shop.add_item(
        "B", price=Decimal("79.90"), currency="EUR", url=f"{SHOP}/b", description="secret notes"
    )
    shop.add_item("C", stock=0)
    shop.add_item("D", catalog="another")
    return shop


@pytest.mark.parametrize(
    "path", ["/embed.js", "/embed/shop/B/similar", "/embed/example", "/embed/photos/x.webp"]
)
def test_nothing_of_it_is_there_unless_a_shop_is_named(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_similar_items_show_what_the_shop_itself_shows(embed: FlaskClient, full: Shop) -> None:
    answer = embed.get("/embed/shop/A/1/similar")
    assert answer.status_code == 200
    first, second = answer.json["items"]
    assert {first["sku"], second["sku"]} == {"B", "C"}
    item = first if first["sku"] == "B" else second
    assert (item["title"], item["price"], item["currency"]) == ("Title of B", 79.9, "EUR")
    assert item["url"] == f"{SHOP}/b"
    assert set(item) == {
        *("sku", "title", "price", "currency", "url"),
        *("picture", "width", "height", "crop"),
    }
    assert "secret notes" not in answer.text


def test_an_item_without_an_address_leads_to_its_page_here(embed: FlaskClient, full: Shop) -> None:
    items = embed.get("/embed/shop/B/similar").json["items"]
    (url,) = [item["url"] for item in items if item["sku"] == "C"]
    assert url.startswith(f"{SERVER}/items/")


def test_pictures_are_whole_addresses_that_other_sites_may_show(
    embed: FlaskClient, full: Shop
) -> None:
    for item in embed.get("/embed/shop/B/similar").json["items"]:
        for name in ("picture", "crop"):
            assert item[name].startswith(SERVER)
            answer = embed.get(item[name].removeprefix(SERVER))
            assert answer.content_type == "image/webp"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
            assert "immutable" in answer.headers["Cache-Control"]


def test_the_request_can_not_choose_the_address_of_pictures(embed: FlaskClient, full: Shop) -> None:
    answer = embed.get("/embed/shop/B/similar", headers={"Host": "evil.example"})
    assert "evil.example" not in answer.text


def test_only_the_named_shops_scripts_may_read_the_answer(embed: FlaskClient, full: Shop) -> None:
    path, name = "/embed/shop/B/similar", "Access-Control-Allow-Origin"
    assert embed.get(path, headers={"Origin": SHOP}).headers[name] == SHOP
    for origin in ("https://evil.example", "http://shop.example", f"{SHOP}:8443", "null"):
        answer = embed.get(path, headers={"Origin": origin})
        assert name not in answer.headers
        assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_the_answer_is_cached_and_asked_about_cheaply(embed: FlaskClient, full: Shop) -> None:
    answer = embed.get("/embed/shop/B/similar")
    assert "public" in answer.headers["Cache-Control"]
    assert "max-age=300" in answer.headers["Cache-Control"]
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert embed.get("/embed/shop/B/similar", headers=tag).status_code == 304


def test_limit_and_stock_are_the_shops_choice(embed: FlaskClient, full: Shop) -> None:
    def skus(query: str) -> list[str]:
        return [item["sku"] for item in embed.get(f"/embed/shop/B/similar?{query}").json["items"]]

    assert len(skus("limit=1")) == 1
    assert skus("in_stock=true") == ["A/1"]


@pytest.mark.parametrize("query", ["limit=0", "limit=1000", "limit=many", "token=1"])
def test_other_options_are_refused(embed: FlaskClient, full: Shop, query: str) -> None:
    assert embed.get(f"/embed/shop/B/similar?{query}").status_code == 422


@pytest.mark.parametrize("path", ["shop/unknown", "unknown/B", "shop/D"])
def test_what_is_unknown_has_nothing_similar_and_is_no_error(
    embed: FlaskClient, full: Shop, path: str
) -> None:
    answer = embed.get(f"/embed/{path}/similar")
    assert (answer.status_code, answer.json) == (200, {"items": []})


def test_the_script_is_small_cached_and_for_every_site(embed: FlaskClient) -> None:
    answer = embed.get("/embed.js", buffered=True)
    assert len(answer.data) < 5000
    assert answer.content_type.startswith("text/javascript")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "max-age=3600" in answer.headers["Cache-Control"]
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert embed.get("/embed.js", headers=tag, buffered=True).status_code == 304


def test_the_example_shows_a_product_and_the_lines_to_copy(embed: FlaskClient, full: Shop) -> None:
    page = embed.get("/embed/example?catalog=shop&sku=A/1").text
    assert 'data-lookalike-sku="A/1"' in page
    assert f"&lt;script async src=&#34;{SERVER}/embed.js" in page.replace('="https', "=&#34;https")
    assert embed.get("/embed/example").status_code == 200
    assert embed.get("/embed/example?catalog=shop&sku=unknown").status_code == 404


def test_the_example_of_an_empty_catalog_says_what_to_do(embed: FlaskClient) -> None:
    assert "No product yet" in embed.get("/embed/example").text


def test_more_similar_items_take_no_more_statements(
    embed: FlaskClient, shop: Shop, services: Services
) -> None:
    def count(items: int) -> int:
        for number in range(items):
            shop.add_item(f"{items}-{number}")
        with counted_statements(services.engine) as statements:
            assert embed.get("/embed/shop/first/similar?limit=24").json["items"]
        return len(statements)

    shop.add_item("first")
    assert count(1) == count(12)


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ("", ()),
        ("https://Shop.example:443/, http://localhost:81", (SHOP, "http://localhost:81")),
        ("https://shop.example https://b.example", (SHOP, "https://b.example")),
    ],
)
def test_origins_are_written_as_browsers_name_them(given: str, origins: tuple[str, ...]) -> None:
    assert load_settings({"EMBED_ORIGINS": given}).embed_origins == origins


@pytest.mark.parametrize("given", ["*", "shop.example", "https://shop.example/page", "ftp://a.b"])
def test_what_is_no_origin_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="EMBED_ORIGINS"):
        load_settings({"EMBED_ORIGINS": given})
