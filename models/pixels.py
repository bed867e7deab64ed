"""Reads the photos of training and evaluation sets. Called by the data readers of both models.

Shop photos come through `catalog.photos.decode`, which trusts nothing; these are our own files.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.errors import InputError


def read_pixels(path: Path) -> NDArray[np.uint8]:
    """A photo file as (H, W, 3) uint8 RGB; raises InputError when it is none."""
    pixels = cv2.imread(str(path))
    if pixels is None:
        raise InputError(f"{path} is no photo that can be read")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)
