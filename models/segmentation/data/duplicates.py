"""Finds photos that are nearly the same in different splits, by a perceptual hash.

Called when a prepared folder is written: what a model saw in training must not be in its test.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MAX_DISTANCE = 3
"""Bits of 64 in which the hashes of a photo and of its smaller or recompressed copy differ."""

_BANDS = 4
"""With at most three different bits in four bands of 16, one band is the same in both."""

_KEPT_FIRST = ("test", "val", "train")


@dataclass(frozen=True)
class Leak:
    """A photo to leave out of `split`, for `twin` stays in `kept_in`."""

    name: str
    split: str
    twin: str
    kept_in: str


def find_leaks(
    folder: Path, names: Mapping[str, Sequence[str]], processes: int | None = None
) -> list[Leak]:
    """The photos of each split that are nearly the same as one of a split that matters more.

    Test counts most, then validation. `names` are files below `folder`, by split. Copies within
    one split stay.
    """
    ordered = [(split, name) for split in _KEPT_FIRST for name in names.get(split, ())]
    if sum(bool(files) for files in names.values()) < 2:
        return []
    hashes = hash_photos([folder / name for _, name in ordered], processes)
    leaks: dict[int, Leak] = {}
    for first, second in sorted(near_pairs(hashes)):
        kept_in, twin = ordered[first]
        split, name = ordered[second]
        if split != kept_in and first not in leaks:
            leaks.setdefault(second, Leak(name, split, twin, kept_in))
    return list(leaks.values())


def hash_photos(files: Sequence[Path], processes: int | None = None) -> NDArray[np.uint64]:
    """The 64-bit perceptual hash of each photo file, (N,)."""
    with ProcessPoolExecutor(processes) as pool:
        return np.fromiter(pool.map(_hash_photo, files, chunksize=32), np.uint64, len(files))


def _hash_photo(file: Path) -> int:
    import imagehash
    from PIL import Image

    with Image.open(file) as photo:
        photo.draft("L", (128, 128))  # a JPEG is decoded small: ten times as fast
        return int(str(imagehash.phash(photo)), 16)


def near_pairs(hashes: NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
    """Pairs (i, j), i < j, of hashes that differ in at most MAX_DISTANCE bits, each once.

    Hashes are compared only where one of their bands is equal, so that the time grows with the
    number of near copies rather than with the square of the number of photos.
    """
    seen: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        keys = (hashes >> np.uint64(16 * band)) & np.uint64(0xFFFF)
        order = np.argsort(keys, kind="stable")
        for bucket in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            for place, i in enumerate(bucket[:-1]):
                rest = bucket[place + 1 :]
                different = np.bitwise_count(hashes[rest] ^ hashes[i])
                seen.update((int(i), int(j)) for j in rest[different <= MAX_DISTANCE])
    yield from ((min(pair), max(pair)) for pair in seen)
