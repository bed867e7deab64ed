"""What the drawn shop promises: the same items every time, and masks that are exactly right."""

from collections.abc import Iterable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.taxonomy import CATEGORIES, KFASHION_CATEGORIES, fitting_categories
from sample.blocks import Upper
from sample.cuts import Garment, make_pieces
from sample.designs import DRAWN_CATEGORIES, choose_garment
from sample.pieces import RGB, Figure
from sample.shop import DrawnItem, draw_items
from sample.views import DrawnPhoto, Worn, shipped_category, slot_of, take_photo

SIDE_PX = 160


def _photo(category: str, view: str, seed: int = 5) -> DrawnPhoto:
    garment = choose_garment(category, np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    return take_photo("photo.jpg", view, [Worn("LK-1", garment)], SIDE_PX, rng)


def _same_photos(one: Iterable[DrawnPhoto], two: Iterable[DrawnPhoto]) -> bool:
    return all(
        a.name == b.name
        and np.array_equal(a.pixels, b.pixels)
        and all(np.array_equal(g.mask, h.mask) for g, h in zip(a.garments, b.garments, strict=True))
        for a, b in zip(one, two, strict=True)
    )


@pytest.fixture(scope="module")
def shop() -> list[DrawnItem]:
    return list(draw_items(2 * len(DRAWN_CATEGORIES), seed=7, side_px=SIDE_PX))


@pytest.fixture(scope="module")
def worn_photos(shop: list[DrawnItem]) -> list[DrawnPhoto]:
    items = [item for item in shop if "worn" in item.views][:5]
    return [photo for item in items for photo in item.photos() if photo.view == "worn"]


def test_every_category_is_sold_once_in_each_run_of_items(shop: list[DrawnItem]) -> None:
    number = len(DRAWN_CATEGORIES)
    for run in (shop[:number], shop[number:]):
        assert {item.garment.category for item in run} == set(DRAWN_CATEGORIES)


def test_the_drawn_categories_cover_kfashion_and_the_shipped_taxonomy() -> None:
    assert set(KFASHION_CATEGORIES) <= set(DRAWN_CATEGORIES)
    assert {shipped_category(name) for name in DRAWN_CATEGORIES} == set(CATEGORIES)


def test_an_item_is_drawn_the_same_every_time(shop: list[DrawnItem]) -> None:
    again = list(draw_items(4, seed=7, side_px=SIDE_PX))
    assert shop[:4] == again
    assert _same_photos(shop[3].photos(), again[3].photos())


def test_an_item_does_not_depend_on_how_many_are_drawn(shop: list[DrawnItem]) -> None:
    few = list(draw_items(9, seed=7, side_px=SIDE_PX))
    assert few == shop[:9]


def test_another_seed_is_another_shop(shop: list[DrawnItem]) -> None:
    assert [i.title for i in draw_items(9, seed=8)] != [i.title for i in shop[:9]]


def test_a_bigger_picture_shows_the_same_item() -> None:
    (small,) = draw_items(1, seed=7, side_px=128)
    (large,) = draw_items(1, seed=7, side_px=256)
    one, two = next(small.photos()), next(large.photos())
    assert two.pixels.shape == (256, 192, 3)
    share = one.garments[0].mask.mean() / two.garments[0].mask.mean()
    assert share == pytest.approx(1, rel=0.03)


@pytest.mark.parametrize("category", DRAWN_CATEGORIES)
def test_a_flat_garment_fills_its_photo_and_its_mask_is_where_it_lies(category: str) -> None:
    photo = _photo(category, "front")
    (garment,) = photo.garments
    left, top, width, height = garment.box
    assert garment.category == category
    assert garment.shipped_category in CATEGORIES
    assert garment.mask.shape == photo.pixels.shape[:2] == (SIDE_PX, SIDE_PX * 3 // 4)
    assert garment.mask[top : top + height, left : left + width].sum() == garment.mask.sum()
    assert 0.03 < garment.mask.mean() < 0.8
    assert max(width / garment.mask.shape[1], height / garment.mask.shape[0]) > 0.6


def test_the_pixels_outside_a_mask_do_not_know_the_garment() -> None:
    """One T-shirt, dyed in two reds: the photos differ inside its mask and nowhere else."""
    one, two = (
        take_photo("a.jpg", "front", [Worn("A", shirt)], SIDE_PX, np.random.default_rng(3))
        for shirt in map(_dyed_tshirt, ((200, 30, 30), (190, 50, 40)))
    )
    changed = np.abs(one.pixels.astype(int) - two.pixels).max(2) > 8
    mask = one.garments[0].mask
    assert np.array_equal(mask, two.garments[0].mask)
    assert changed[mask].mean() > 0.7
    assert not (changed & ~_grown(mask)).any()


def _dyed_tshirt(colour: RGB) -> Garment:
    garment = choose_garment("t-shirts", np.random.default_rng(5))
    assert isinstance(garment.cut, Upper)
    cloth = replace(garment.cloth, colours=(colour,), print="solid")
    return replace(garment, cloth=cloth, cut=replace(garment.cut, cloth=cloth))


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask and the pixels that touch it, whose edges are blended."""
    kernel = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel), bool)


def test_a_worn_photo_shows_the_item_with_others_and_no_pixel_is_claimed_twice(
    worn_photos: list[DrawnPhoto],
) -> None:
    assert worn_photos
    for photo in worn_photos:
        assert len(photo.garments) >= 2
        claims = np.sum([garment.mask for garment in photo.garments], axis=0)
        assert claims.max() == 1
        assert len({garment.item_sku for garment in photo.garments}) == len(photo.garments)


def test_companions_from_the_shop_are_the_items_that_they_claim_to_be(
    shop: list[DrawnItem], worn_photos: list[DrawnPhoto]
) -> None:
    sold = {item.sku: item.garment.category for item in shop}
    named = [g for photo in worn_photos for g in photo.garments if g.item_sku in sold]
    assert named
    assert all(sold[g.item_sku] == g.category for g in named)


def test_a_coat_hides_what_is_under_it() -> None:
    coat, shirt = (
        choose_garment(name, np.random.default_rng(5)) for name in ("padded jacket", "t-shirts")
    )
    alone = take_photo("a", "worn", [Worn("T", shirt)], SIDE_PX, np.random.default_rng(2))
    both = [Worn("T", shirt), Worn("C", coat)]
    covered = take_photo("b", "worn", both, SIDE_PX, np.random.default_rng(2))
    masks = {g.item_sku: g.mask for g in covered.garments}
    assert masks["C"].any()
    assert "T" not in masks or masks["T"].sum() < 0.3 * alone.garments[0].mask.sum()


def test_all_photos_of_an_item_show_that_item(shop: list[DrawnItem]) -> None:
    for item in shop[:4]:
        photos = list(item.photos())
        assert tuple(photo.name for photo in photos) == item.photo_names
        assert tuple(photo.view for photo in photos) == item.views
        assert item.views[0] == "front"
        for photo in photos:
            (own,) = (g for g in photo.garments if g.item_sku == item.sku)
            assert own.category == item.garment.category


def test_the_back_of_a_shirt_has_no_buttons() -> None:
    garment = choose_garment("shirts", np.random.default_rng(5))

    def dots(back: bool) -> int:
        pieces = make_pieces(garment, Figure(back=back))
        return sum(stroke.kind == "dot" for piece in pieces for stroke in piece.strokes)

    assert dots(back=False) > 0
    assert dots(back=True) == 0


def test_what_the_shop_calls_an_item_fits_what_is_drawn(shop: list[DrawnItem]) -> None:
    for item in shop:
        shipped = shipped_category(item.garment.category)
        assert shipped in fitting_categories(item.category), item.category


def test_every_category_is_worn_somewhere() -> None:
    slots = {slot_of(name) for name in DRAWN_CATEGORIES}
    assert slots == {"upper", "lower", "outer", "whole", "feet", "hand", "head", "neck", "eyes"}
