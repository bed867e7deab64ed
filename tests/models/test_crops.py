"""Crops: the garment stays as it is, the rest turns plain, and no box breaks the cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.crops import PLAIN, cut_crop


def make_photo(height: int = 60, width: int = 40) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 200, (height, width, 3), dtype=np.uint8)


def make_mask(height: int = 60, width: int = 40) -> NDArray[np.bool_]:
    mask = np.zeros((height, width), dtype=bool)
    mask[20:40, 10:30] = True
    return mask


def test_the_garment_keeps_its_pixels_and_the_rest_turns_plain() -> None:
    photo, mask = make_photo(), make_mask()
    crop = cut_crop(photo, (5, 10, 35, 50), mask, margin=0.0)
    assert crop.shape == (40, 30, 3)
    assert np.array_equal(crop[10:30, 5:25], photo[20:40, 10:30])
    assert (crop[0, 0] == PLAIN).all()
    assert (crop[-1, -1] == PLAIN).all()


def test_a_thin_rim_around_the_mask_is_kept() -> None:
    photo, mask = make_photo(), make_mask()
    crop = cut_crop(photo, (5, 10, 35, 50), mask, margin=0.0)
    assert np.array_equal(crop[9, 15], photo[19, 20])
    assert (crop[5, 15] == PLAIN).all()


def test_the_background_can_be_kept() -> None:
    photo = make_photo()
    crop = cut_crop(photo, (5, 10, 35, 50), make_mask(), margin=0.0, background="keep")
    assert np.array_equal(crop, photo[10:50, 5:35])


def test_the_margin_is_a_share_of_the_longer_side() -> None:
    crop = cut_crop(make_photo(), (10, 20, 30, 40), make_mask(), margin=0.1)
    assert crop.shape == (24, 24, 3)


def test_an_empty_mask_leaves_the_background() -> None:
    photo = make_photo()
    crop = cut_crop(photo, (0, 0, 40, 60), np.zeros((60, 40), dtype=bool))
    assert np.array_equal(crop, photo)


def test_the_photo_itself_is_not_changed() -> None:
    photo = make_photo()
    before = photo.copy()
    cut_crop(photo, (0, 0, 40, 60), make_mask())[:] = 0
    assert np.array_equal(photo, before)


coordinates = st.floats(-100, 200)


@given(box=st.tuples(coordinates, coordinates, coordinates, coordinates))
def test_any_box_gives_a_crop_of_at_least_one_pixel(box: tuple[float, ...]) -> None:
    crop = cut_crop(make_photo(), box, make_mask())
    assert crop.ndim == 3
    assert min(crop.shape[:2]) >= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
def test_the_smallest_photos_can_be_cut(size: tuple[int, int]) -> None:
    photo = make_photo(*size)
    mask = np.ones(size, dtype=bool)
    assert np.array_equal(cut_crop(photo, (0, 0, size[1], size[0]), mask), photo)
