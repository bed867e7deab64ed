"""Dominant colours of painted garments, whose colours are known."""

import numpy as np
import pytest

from catalog.colours import PALETTE, dominant_colours


def painted(*stripes: tuple[int, int, int], side: int = 90) -> np.ndarray:
    """A photo of equal horizontal stripes."""
    rows = np.array_split(np.zeros((side, side, 3), dtype=np.uint8), len(stripes))
    return np.concatenate([part + np.uint8(rgb) for part, rgb in zip(rows, stripes, strict=True)])


ALL = np.ones((90, 90), dtype=bool)


@pytest.mark.parametrize("name", PALETTE)
def test_every_palette_colour_is_called_by_its_own_name(name: str) -> None:
    code = PALETTE[name]
    rgb = (int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16))
    (colour,) = dominant_colours(painted(rgb), ALL)
    assert (colour["name"], colour["hex"], colour["share"]) == (name, code, 1.0)


def test_colours_come_with_their_shares_largest_first() -> None:
    navy, white = (27, 37, 69), (248, 248, 246)
    colours = dominant_colours(painted(navy, navy, white), ALL)
    assert [colour["name"] for colour in colours] == ["navy", "white"]
    assert colours[0]["share"] == pytest.approx(2 / 3, abs=0.05)


def test_what_is_outside_the_mask_does_not_count() -> None:
    photo = painted((200, 30, 40), (47, 138, 70))
    mask = ALL.copy()
    mask[45:] = False
    assert [colour["name"] for colour in dominant_colours(photo, mask)] == ["red"]


def test_a_border_of_background_inside_the_mask_does_not_count() -> None:
    photo = np.full((90, 90, 3), 255, dtype=np.uint8)
    photo[1:-1, 1:-1] = (20, 20, 20)
    assert [colour["name"] for colour in dominant_colours(photo, ALL)] == ["black"]


def test_the_same_photo_gives_the_same_colours_again() -> None:
    noise = np.random.default_rng(3).integers(0, 255, (90, 90, 3), dtype=np.uint8)
    first = dominant_colours(noise, ALL)
    assert first == dominant_colours(noise, ALL)
    assert 1 <= len(first) <= 3


def test_an_empty_mask_has_no_colours_and_a_single_pixel_has_one() -> None:
    dot = np.zeros((90, 90), dtype=bool)
    assert dominant_colours(painted((0, 0, 0)), dot) == []
    dot[40, 40] = True
    assert [c["name"] for c in dominant_colours(painted((20, 20, 20)), dot)] == ["black"]
