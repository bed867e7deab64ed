"""Masks, outlines and overlaps against slow, obvious versions."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from catalog.errors import InputError
from catalog.masks import box_iou, decode_mask, encode_mask, fill_outline, outline_of

boxes = st.tuples(*[st.integers(0, 12)] * 4).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)


@settings(deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_a_mask_survives_its_encoding(mask: np.ndarray) -> None:
    encoded = encode_mask(mask)
    assert encoded["size"] == list(mask.shape)
    assert (decode_mask(encoded) == mask).all()


@pytest.mark.parametrize(
    "bad", [{}, {"size": [2, 2]}, {"size": "x", "counts": "04"}, {"size": [2, 2], "counts": "09"}]
)
def test_what_is_no_mask_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(InputError):
        decode_mask(bad)


def test_an_outline_drawn_again_covers_the_mask() -> None:
    mask = np.zeros((200, 150), dtype=np.uint8)
    cv2.circle(mask, (70, 90), 50, 1, -1)
    cv2.rectangle(mask, (120, 10), (140, 40), 1, -1)
    polygons = outline_of(mask.astype(bool))
    again = np.zeros_like(mask)
    for polygon in polygons:
        cv2.fillPoly(again, [np.array(polygon).reshape(-1, 2).astype(np.int32)], 1)
    assert len(polygons) == 2
    assert (again & mask).sum() / (again | mask).sum() > 0.97


def test_specks_are_left_out_of_the_outline_and_nothing_has_none() -> None:
    mask = np.zeros((100, 100), dtype=bool)
    assert outline_of(mask) == []
    mask[10:80, 10:80] = True
    mask[95, 95] = True
    assert len(outline_of(mask)) == 1


@settings(deadline=None)
@given(boxes, boxes)
def test_overlap_equals_counted_pixels(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    grids = []
    for x0, y0, x1, y1 in (a, b):
        grid = np.zeros((12, 12), dtype=bool)
        grid[y0:y1, x0:x1] = True
        grids.append(grid)
    union = (grids[0] | grids[1]).sum()
    expected = (grids[0] & grids[1]).sum() / union if union else 0.0
    assert box_iou(a, b) == pytest.approx(expected)


def test_a_filled_outline_is_nearly_the_mask_that_it_was_made_of() -> None:
    rows, columns = np.mgrid[:90, :120]
    mask = (rows - 40) ** 2 + (columns - 50) ** 2 < 30**2
    mask[70:85, 90:115] = True  # a second part
    filled = fill_outline(outline_of(mask), *mask.shape)
    assert filled.shape == mask.shape
    assert (filled & mask).sum() / (filled | mask).sum() > 0.96
    assert not fill_outline([], 4, 5).any()
