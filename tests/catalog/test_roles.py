"""What is for sale in a photo and what is merely worn with it, by the cases shops have."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.item_words import ItemWords, fits, wanted_categories
from catalog.items import delete_item, upsert_items
from catalog.roles import SeenGarment, assign_roles, decide_roles
from catalog.tables import EntryState, Garment, Generation, IndexEntry, Role
from catalog.taxonomy import LOWER, UPPER
from tests.catalog.conftest import AddGarments, AddPhotos, sha_of

# A standing model fills the photo: boxes in shares of a 400 x 600 photo.
TORSO, LEGS, FEET, HEAD = (
    (0.3, 0.15, 0.7, 0.5),
    (0.3, 0.48, 0.7, 0.9),
    (0.35, 0.88, 0.65, 1.0),
    (0.42, 0.0, 0.58, 0.1),
)
HAND, ALL = (0.7, 0.4, 0.85, 0.6), (0.28, 0.12, 0.72, 0.9)
MODEL = (("t-shirts", TORSO), ("pants", LEGS), ("shoes", FEET))


def seen(*garments: tuple[str, Sequence[float]], excluded: Sequence[str] = ()) -> list[SeenGarment]:
    return [
        SeenGarment(
            category,
            (box[0] * 400, box[1] * 600, box[2] * 400, box[3] * 600),
            400,
            600,
            category in excluded,
        )
        for category, box in garments
    ]


def sold(
    garments: Sequence[SeenGarment],
    title: str,
    category: str | None = None,
    others: Sequence[Sequence[SeenGarment]] = (),
) -> list[str]:
    roles = decide_roles(garments, ItemWords(title, category), others)
    return [g.category for g, role in zip(garments, roles, strict=True) if role is Role.SOLD]


@pytest.mark.parametrize(
    ("title", "category", "expected"),
    [
        ("Summer", "T-Shirts", "t-shirts"),
        ("Summer", "Men > Bottoms > Trousers", "pants"),
        ("Summer", "Shoes/Sneakers", "shoes"),
        ("Basic Cotton Tee", None, "t-shirts"),
        ("Basic Cotton Tee", "New in", "t-shirts"),
        ("Slim Chinos", "Sale", "pants"),
        ("Tee that goes with any pants", "Tops", "t-shirts"),
        ("Jeans", "Denim Jeans", "pants"),
    ],
)
def test_the_shops_words_say_what_a_model_sells(
    title: str, category: str | None, expected: str
) -> None:
    assert sold(seen(*MODEL), title, category) == [expected]


def test_a_single_garment_is_sold() -> None:
    for category, box in (("dress", ALL), ("hat", HEAD), ("shoes", HAND)):
        assert sold(seen((category, box)), "Nameless thing") == [category]


def test_a_single_large_garment_is_sold_under_a_wrong_name_but_a_small_one_is_not() -> None:
    assert sold(seen(("scarf", ALL)), "Warm Gloves Shawl Coat", "Pants") == ["scarf"]
    assert sold(seen(("shoes", FEET)), "Cotton T-Shirt", "T-Shirts") == []


def test_nothing_is_sold_where_nothing_fits() -> None:
    assert sold(seen(("pants", LEGS), ("shoes", FEET)), "Sun hat", "Hats") == []
    assert sold([], "T-Shirt") == []


def test_a_garment_in_the_right_place_is_sold_when_the_model_misnames_it() -> None:
    garments = seen(("knitwear", TORSO), ("leggings", LEGS), ("shoes", FEET))
    assert sold(garments, "Rain jacket", "Outerwear") == ["knitwear"]
    assert sold(garments, "Denim shorts", "Shorts") == ["leggings"]
    assert sold(seen(("dress", ALL), ("bag", HAND)), "Long hoodie", "Hoodies") == ["dress"]


def test_the_better_fit_wins_over_a_slightly_larger_garment() -> None:
    garments = seen(("coat", (0.25, 0.12, 0.75, 0.62)), ("t-shirts", (0.35, 0.15, 0.65, 0.5)))
    assert sold(garments, "Cotton Tee", "T-Shirts") == ["t-shirts"]
    assert sold(garments, "Wool Coat", "Coats") == ["coat"]


def test_at_most_one_garment_is_sold_even_of_twins() -> None:
    left, right = (0.05, 0.2, 0.3, 0.5), (0.35, 0.1, 0.75, 0.6)
    roles = decide_roles(seen(("dress", left), ("dress", right)), ItemWords("Dress"))
    assert roles == [Role.WORN_WITH, Role.SOLD]


def test_without_known_words_the_large_and_central_garment_is_sold() -> None:
    garments = seen(("bag", HAND), ("dress", ALL), ("shoes", FEET))
    assert sold(garments, "Aurora", "Kollektion 7") == ["dress"]


def test_without_known_words_what_recurs_over_the_photos_is_sold() -> None:
    first = seen(("jacket", TORSO), ("pants", LEGS))
    others = [seen(("pants", ALL)), seen(("pants", LEGS), ("top", TORSO))]
    assert sold(first, "Aurora", None, others) == ["pants"]
    jackets = [seen(("jacket", ALL)), seen(("jacket", TORSO), ("skirt", LEGS))]
    assert sold(first, "Aurora", None, jackets) == ["jacket"]


def test_what_a_person_excluded_is_never_sold() -> None:
    garments = seen(*MODEL, excluded=["t-shirts"])
    assert sold(garments, "Aurora") == ["pants"]
    assert sold(seen(("dress", ALL), excluded=["dress"]), "Dress") == []


def test_a_shop_can_teach_its_own_words() -> None:
    item = ItemWords("Beinkleid", "Hosen")
    assert fits("dress", item)
    assert not fits("dress", item, {"hosen": ("pants",)})
    roles = decide_roles(seen(*MODEL), item, (), {"hosen": ("pants",)})
    assert roles == [Role.WORN_WITH, Role.SOLD, Role.WORN_WITH]


def test_the_products_of_a_real_shop_sell_the_right_half_of_the_model() -> None:
    folder = os.environ.get("LOOKALIKE_DATA")
    if not folder:
        pytest.skip("LOOKALIKE_DATA is not set")
    with (Path(folder) / "luma" / "manifest.csv").open(newline="") as file:
        products = {row["product"]: row for row in csv.DictReader(file)}
    wrong = []
    for row in products.values():
        half = {"Top": UPPER, "Bottom": LOWER}[row["attribute_set"]]
        for upper in ("t-shirts", "top", "jacket", "knitwear"):
            for lower in ("pants", "leggings", "shorts"):
                garments = seen((upper, TORSO), (lower, LEGS), ("shoes", FEET))
                if not set(sold(garments, row["name"], row["categories"])) <= half:
                    wrong.append((row["name"], upper, lower))
        assert set(wanted_categories(ItemWords(row["name"], row["categories"]))) & half
    assert (len(products), wrong) == (78, [])


def roles(session: Session) -> dict[tuple[int, str], Role]:
    rows = session.execute(select(Garment.photo_id, Garment.category, Garment.role))
    return {(photo, category): role for photo, category, role in rows}


def test_a_photo_of_two_items_sells_a_garment_for_each(
    session: Session, generation: Generation, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    (look,) = add_photos("look")
    tee = {"sku": "tee", "title": "T-Shirt", "photos": [sha_of("look")]}
    pants = {"sku": "pants", "title": "Pants", "photos": [sha_of("look")]}
    upsert_items(session, "shop", [tee, pants])
    add_garments(
        look,
        ("t-shirts", (120, 60, 280, 200)),
        ("pants", (120, 190, 280, 360)),
        ("shoes", (140, 350, 260, 400)),
    )
    assert len(assign_roles(session, [look.id])) == 2
    assert assign_roles(session, [look.id]) == []
    session.commit()
    assert [category for (_, category), role in roles(session).items() if role is Role.SOLD] == [
        "t-shirts",
        "pants",
    ]
    delete_item(session, "shop", "tee")
    session.commit()
    assert [category for (_, category), role in roles(session).items() if role is Role.SOLD] == [
        "pants"
    ]


def test_a_new_photo_can_change_the_role_in_an_older_one(
    session: Session, generation: Generation, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    one, two, three = add_photos("1", "2", "3")
    upsert_items(
        session,
        "shop",
        [{"sku": "a", "title": "Aurora", "photos": [sha_of("1"), sha_of("2"), sha_of("3")]}],
    )
    upper, lower = (100, 40, 300, 205), (110, 200, 290, 360)
    add_garments(one, ("jacket", upper), ("skirt", lower))
    assign_roles(session, [one.id])
    assert roles(session)[one.id, "jacket"] is Role.SOLD
    for photo in (two, three):
        add_garments(photo, ("skirt", (50, 50, 350, 350)))
        assign_roles(session, [photo.id])
    session.commit()
    found = roles(session)
    assert (found[one.id, "jacket"], found[one.id, "skirt"]) == (Role.WORN_WITH, Role.SOLD)
    states = set(session.scalars(select(IndexEntry.state)))
    assert states == {EntryState.DIRTY}


def test_a_chart_shared_by_many_items_stays_cheap(
    session: Session, generation: Generation, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    names = ["chart", *(f"p{number}" for number in range(60))]
    photos = add_photos(*names)
    upsert_items(
        session,
        "shop",
        [
            {"sku": name, "title": "Dress", "photos": [sha_of(name), sha_of("chart")]}
            for name in names[1:]
        ],
    )
    for photo in photos:
        add_garments(photo, "dress")
    changed = assign_roles(session, [photos[5].id])
    session.commit()
    # Its own photo and the chart.
    assert len(changed) == 2
