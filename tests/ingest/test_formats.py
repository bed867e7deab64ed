"""Shop formats: Google Merchant Center, Shopify, Magento, and a plain folder of photos."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from ingest.errors import FeedError, RowError
from ingest.feeds.feed import read_feed
from ingest.feeds.magento import choose_category
from ingest.feeds.record import LeftOut, ReadOptions
from ingest.rows import FeedRow

RSS = """<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel>
<title>A shop</title><link>https://shop.example</link>
<item>
  <g:id>A-1</g:id><title><![CDATA[Shirt & tie]]></title>
  <g:description>&lt;p&gt;Soft &lt;b&gt;cotton&lt;/b&gt;&lt;/p&gt;</g:description>
  <link>https://shop.example/a</link>
  <g:image_link>https://cdn.example/a,1.jpg</g:image_link>
  <g:additional_image_link>https://cdn.example/b.jpg</g:additional_image_link>
  <g:additional_image_link>https://cdn.example/c.jpg</g:additional_image_link>
  <g:price>19.99 EUR</g:price><g:availability>in_stock</g:availability>
  <g:product_type>Men &gt; Shirts</g:product_type>
  <g:google_product_category>212</g:google_product_category>
  <g:brand>Acme</g:brand><g:color>blue</g:color>
  <g:shipping><g:price>4.95 EUR</g:price></g:shipping>
</item>
<item><g:id>A-2</g:id><g:price>-1 EUR</g:price><g:image_link>x.jpg</g:image_link></item>
"""
RSS_END = "</channel></rss>"


def read(path: Path, **options: object) -> list[FeedRow | RowError | LeftOut]:
    return list(read_feed(path, ReadOptions(**options)))  # type: ignore[arg-type]


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def rows_of(found: Iterable[object]) -> list[FeedRow]:
    errors = [one for one in found if isinstance(one, RowError)]
    assert not errors, errors
    return [one for one in found if isinstance(one, FeedRow)]


def test_google_xml_is_read_with_all_its_photos(tmp_path: Path) -> None:
    shirt, negative = read(write(tmp_path / "feed.xml", RSS + RSS_END))
    assert isinstance(shirt, FeedRow)
    assert (shirt.sku, shirt.title, shirt.description) == ("A-1", "Shirt & tie", "Soft cotton")
    assert (str(shirt.price), shirt.currency, shirt.stock) == ("19.99", "EUR", 1)
    assert (shirt.category, shirt.brand) == ("Men > Shirts", "Acme")
    assert shirt.photos == tuple(f"https://cdn.example/{name}.jpg" for name in ("a,1", "b", "c"))
    assert shirt.attributes == {"availability": "in_stock", "color": "blue"}
    assert shirt.line == 4
    assert isinstance(negative, RowError)
    assert (negative.line, negative.sku) == (17, "A-2")


def test_google_atom_is_read_too(tmp_path: Path) -> None:
    feed = write(
        tmp_path / "feed.xml",
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">',
        '<entry><g:id>1</g:id><title>Hat</title><link href="https://shop.example/1"/>',
        "<g:image_link>hat.jpg</g:image_link><g:availability>out of stock</g:availability>",
        "</entry></feed>",
    )
    (hat,) = rows_of(read(feed))
    assert (hat.sku, hat.url, hat.stock) == ("1", "https://shop.example/1", 0)
    assert hat.photos == ("hat.jpg",)


def test_xml_that_breaks_off_keeps_the_products_before_it(tmp_path: Path) -> None:
    found = read(write(tmp_path / "feed.xml", RSS, "<item><g:id>A-3</g:id>"))
    assert [type(one) for one in found] == [FeedRow, RowError, RowError]
    assert found[2].line == 19
    assert found[2].sku is None


def test_xml_with_entities_is_refused(tmp_path: Path) -> None:
    bomb = (
        '<!DOCTYPE a [<!ENTITY x "boom">]><rss><channel><item><id>&x;</id></item></channel></rss>'
    )
    with pytest.raises(FeedError, match="entities"):
        read(write(tmp_path / "feed.xml", bomb))


def test_xml_without_products_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="<item> or <entry>"):
        read(write(tmp_path / "feed.xml", "<html><body/></html>"))


def test_xml_in_another_encoding_is_read_as_it_declares(tmp_path: Path) -> None:
    head = '<?xml version="1.0" encoding="ISO-8859-1"?>'
    text = f"{head}<rss><item><id>1</id><title>Ärmel</title></item></rss>"
    feed = tmp_path / "feed.xml"
    feed.write_bytes(text.encode("latin-1"))
    assert rows_of(read(feed))[0].title == "Ärmel"


def test_xml_fields_can_be_mapped(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed.xml", "<rss><item><id>1</id><mpn>M-1</mpn></item></rss>")
    assert rows_of(read(feed, columns={"mpn": "sku"}))[0].sku == "M-1"


def test_google_tsv_is_read_with_the_headings_of_its_template(tmp_path: Path) -> None:
    feed = write(
        tmp_path / "feed.txt",
        "id\ttitle\timage link\tadditional image link\tprice\tavailability\tlink",
        "1\tHat\ta.jpg\tb.jpg,c.jpg\t5.00 USD\tpreorder\thttps://shop.example/1",
        "2\tHat\ta.jpg\t\t5.00 USD",
    )
    hat, short = read(feed)
    assert isinstance(hat, FeedRow)
    assert (hat.photos, hat.currency, hat.stock) == (("a.jpg", "b.jpg", "c.jpg"), "USD", 0)
    assert isinstance(short, RowError)


SHOPIFY = (
    "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Variant SKU,Variant Inventory Qty,"
    "Variant Price,Image Src,Image Position,Variant Image,Status"
)


def test_a_shopify_product_is_one_item_with_all_its_lines(tmp_path: Path) -> None:
    cdn = "https://cdn.shopify.com/s/"
    feed = write(
        tmp_path / "products.csv",
        SHOPIFY,
        'tee,Tee,"<p>Soft,<br>blue</p>",Acme,T-Shirts,"new, tee",true,T-S,3,19.90,'
        f"{cdn}2.jpg,2,{cdn}v.jpg,active",
        f"tee,,,,,,,T-M,-2,17.90,{cdn}1.jpg?v=1,1,,",
        f"tee,,,,,,,,,,{cdn}3.jpg,3,,",
        f"hat,Hat,,Acme,Hats,,true,H-1,1,9.00,{cdn}h.jpg,1,,draft",
        f"bag,Bag,,Acme,Bags,,true,B-1,1,cheap,{cdn}b.jpg,1,,active",
        f"cap,Cap,,Acme,Hats,,true,C-1,1,8,{cdn}c.jpg,1,,active",
    )
    tee, hat, bag, cap = read(feed)
    assert isinstance(tee, FeedRow)
    assert (tee.sku, tee.title, tee.description) == ("tee", "Tee", "Soft, blue")
    assert (tee.brand, tee.category, str(tee.price), tee.stock) == ("Acme", "T-Shirts", "17.90", 3)
    assert tee.photos == tuple(f"{cdn}{name}" for name in ("1.jpg?v=1", "2.jpg", "3.jpg", "v.jpg"))
    assert tee.attributes == {"variant_skus": ["T-S", "T-M"], "tags": ["new", "tee"]}
    assert hat == LeftOut(5, "hat", "its status is draft")
    assert isinstance(bag, RowError)
    assert (bag.line, bag.sku) == (6, "bag")
    assert isinstance(cap, FeedRow)


@pytest.mark.parametrize(
    "broken", ["tee,,T-M", 'tee,,"T"M,https://a.b/2.jpg', ",,T-M,https://a.b/2.jpg"]
)
def test_a_line_that_cannot_be_read_rejects_its_whole_shopify_product(
    tmp_path: Path, broken: str
) -> None:
    feed = write(
        tmp_path / "products.csv",
        "Handle,Title,Variant SKU,Image Src",
        "tee,Tee,T-S,https://a.b/1.jpg",
        broken,
        "tee,,T-L,https://a.b/3.jpg",
        "cap,Cap,C-1,https://a.b/4.jpg",
    )
    *rejected, cap = read(feed)
    assert [(one.line, one.sku) for one in rejected if isinstance(one, RowError)] == [
        (3, None),
        (2, "tee"),
    ]
    assert "2, 3, 4" in str(rejected[-1])
    assert isinstance(cap, FeedRow)
    assert cap.photos == ("https://a.b/4.jpg",)


def test_a_shopify_product_that_may_have_lost_its_first_line_is_rejected(tmp_path: Path) -> None:
    feed = write(
        tmp_path / "products.csv",
        "Handle,Title,Variant SKU,Image Src",
        "hat,Hat,H-1",
        "hat,,H-2,https://a.b/2.jpg",
        "cap,Cap,C-1,https://a.b/3.jpg",
    )
    broken, hat, cap = read(feed)
    assert isinstance(broken, RowError)
    assert isinstance(hat, RowError)
    assert (broken.sku, hat.sku) == (None, "hat")
    assert isinstance(cap, FeedRow)


def test_shopifys_newer_column_names_are_known(tmp_path: Path) -> None:
    feed = write(
        tmp_path / "products.csv",
        "Title,URL handle,Description,Vendor,Status,SKU,Price,Inventory quantity,"
        "Product image URL,Image position",
        "Tee,tee,Soft,Acme,Active,T-S,19.90,3,https://a.b/1.jpg,1",
    )
    (tee,) = rows_of(read(feed))
    assert (tee.sku, tee.stock, tee.photos) == ("tee", 3, ("https://a.b/1.jpg",))


MAGENTO = (
    "sku,store_view_code,attribute_set_code,product_type,categories,name,description,"
    "product_online,visibility,price,qty,is_in_stock,base_image,additional_images,"
    "additional_attributes,configurable_variations"
)


def test_a_magento_product_takes_stock_price_and_photos_from_its_variants(tmp_path: Path) -> None:
    hidden = "Not Visible Individually"
    both = '"Catalog, Search"'
    feed = write(
        tmp_path / "catalog_product.csv",
        MAGENTO,
        f'H-S,,Top,simple,,Hoodie-S,,1,{hidden},72.00,5.0000,1,/h/s.jpg,"/h/m.jpg,/h/s2.jpg",,',
        f"H-M,,Top,simple,,Hoodie-M,,1,{hidden},70.00,-2.0000,0,no_selection,,,",
        f"H-S,de,Top,simple,,Pulli-S,,1,{hidden},,,,,,,",
        'H,,Top,configurable,"Default Category/Promotions/Sale,Default Category/Men/Hoodies",'
        f"Hoodie,<p>Warm</p>,1,{both},,0.0000,1,/h/m.jpg,/h/m.jpg,"
        '"material=Wool,pattern=Solid","sku=H-S,size=S|sku=H-M,size=M"',
        f"H,de,Top,configurable,,Kapuzenpulli,,1,{both},,,,,,,",
        f"B,,Bag,simple,Default Category/Gear/Bags,Bag,,1,{both},34.0000,-3.0000,1,/b/1.jpg,,,",
        f"O,,Bag,simple,,Old,,2,{both},34.0000,3.0000,1,/b/1.jpg,,,",
    )
    found = read(feed)
    hoodie, bag = rows_of(found)
    assert (hoodie.sku, hoodie.title, hoodie.description) == ("H", "Hoodie", "Warm")
    assert (hoodie.category, str(hoodie.price), hoodie.stock) == ("Men/Hoodies", "70.00", 5)
    assert hoodie.photos == ("h/m.jpg", "h/s.jpg", "h/s2.jpg")
    assert hoodie.attributes["variant_skus"] == ["H-S", "H-M"]
    assert hoodie.attributes["material"] == "Wool"
    assert (bag.sku, str(bag.price), bag.stock) == ("B", "34.00", 0)
    assert [one.sku for one in found if isinstance(one, LeftOut)] == ["H-S", "H-M", "H-S", "H", "O"]


@pytest.mark.parametrize("name", [b"Hoodie-M", b"Hoodie-M\xff"])
def test_a_magento_product_without_one_of_its_variants_is_rejected(
    tmp_path: Path, name: bytes
) -> None:
    hidden = b"Not Visible Individually"
    cut_off = b"" if b"\xff" in name else b",surplus"
    feed = tmp_path / "catalog_product.csv"
    feed.write_bytes(
        b"\n".join(
            [
                MAGENTO.encode(),
                b"H-S,,Top,simple,,Hoodie-S,,1,%b,72.00,5,1,/h/s.jpg,,," % hidden,
                b"H-M,,Top,simple,,%b,,1,%b,70.00,2,1,/h/m.jpg,,,%b" % (name, hidden, cut_off),
                b'H,,Top,configurable,,Hoodie,,1,Catalog,,,1,/h.jpg,,,"sku=H-S|sku=H-M"',
                b"B,,Bag,simple,,Bag,,1,Catalog,34.00,3,1,/b.jpg,,,",
            ]
        )
    )
    _, broken, hoodie, bag = read(feed)
    assert isinstance(broken, RowError)
    assert isinstance(hoodie, RowError)
    assert (broken.line, hoodie.line, hoodie.sku) == (3, 4, "H")
    assert "'H-M'" in hoodie.reason
    assert "line 3" in hoodie.reason
    assert isinstance(bag, FeedRow)


def test_magentos_category_is_the_one_that_names_a_garment() -> None:
    sale, men = "Default Category/Promotions/Women Sale/All", "Default Category/Men/Tops/Jackets"
    assert choose_category([sale, men]) == "Men/Tops/Jackets"
    assert choose_category(["Default Category/A", "Default Category/A/B"]) == "A/B"
    assert choose_category([]) == ""


def test_a_folder_makes_an_item_of_every_photo(
    tmp_path: Path, make_photo: Callable[..., Path]
) -> None:
    for name in ("red_shirt-1.JPG", "women/dresses/b.png", "women/dresses/a.webp", ".hidden.jpg"):
        make_photo(name)
    (tmp_path / "README.txt").write_text("about these photos")
    (tmp_path / "old.gif").write_bytes(b"GIF89a")
    rejected, shirt, first, second = read(tmp_path)
    assert isinstance(rejected, RowError)
    assert rejected.line is None
    assert "JPEG" in rejected.remedy
    assert isinstance(shirt, FeedRow)
    assert (shirt.sku, shirt.title, shirt.category) == ("red_shirt-1", "red shirt 1", None)
    assert isinstance(first, FeedRow)
    assert (first.sku, first.category) == ("women/dresses/a", "women/dresses")
    assert first.photos == ("women/dresses/a.webp",)
    assert isinstance(second, FeedRow)


def test_a_folder_that_cannot_be_opened_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(folder: str) -> None:
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr(os, "scandir", deny)
    with pytest.raises(FeedError, match="Permission denied"):
        read(tmp_path, format="folder")


def test_two_photos_of_one_name_in_a_folder_are_told_apart_by_an_error(
    tmp_path: Path, make_photo: Callable[..., Path]
) -> None:
    make_photo("a.jpg")
    make_photo("a.png")
    first, second = read(tmp_path)
    assert isinstance(first, FeedRow)
    assert isinstance(second, RowError)
    assert second.path == os.fspath(tmp_path / "a.png")
