"""The prepared folders of a run: their photos, and the categories that all of them must share.

Used by the trainer and its command.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catalog.errors import InputError
from models.segmentation.data.coco import SPLITS, LabelledPhoto, read_photos
from models.segmentation.views import Source


def parse_source(text: str) -> Source:
    """`FOLDER[:SHARE]` as a source; raises InputError for a bad share or a folder of another kind.

    A folder whose own name has a colon is taken as it is.
    """
    folder, colon, share = text.rpartition(":")
    if not colon or Path(text).is_dir():
        folder, share = text, "1"
    try:
        source = Source(Path(folder), float(share))
    except ValueError as error:
        raise InputError(f"{text!r}: {share!r} is no share; write FOLDER:SHARE") from error
    if not 0 < source.share < float("inf"):
        raise InputError(f"{text!r}: a share is above 0")
    if not (source.folder / "train.json").is_file():
        message = f"{folder} holds no train.json: make the folder with `lookalike data prepare`"
        raise InputError(message)
    return source


def read_training_photos(sources: Sequence[Source]) -> list[list[LabelledPhoto]]:
    """The photos of each source's train split; raises InputError for an empty one."""
    photos = [read_photos(source.folder, "train") for source in sources]
    for source, found in zip(sources, photos, strict=True):
        if not found:
            raise InputError(f"{source.folder / 'train.json'} lists no photos")
    return photos


def read_categories(
    sources: Sequence[Source], photos: Sequence[Sequence[LabelledPhoto]]
) -> tuple[str, ...]:
    """The categories of the folders, in the order of their ids; InputError unless they agree."""
    sets = [_in_order(found[0]) for found in photos]
    for source, names in zip(sources, sets, strict=True):
        if names != sets[0]:
            message = (
                f"{sources[0].folder} and {source.folder} have other categories: "
                f"{', '.join(sets[0])} against {', '.join(names)}; prepare both with one set"
            )
            raise InputError(message)
    return sets[0]


def _in_order(photo: LabelledPhoto) -> tuple[str, ...]:
    return tuple(name for _, name in sorted(photo.categories.items()))


def describe_folders(sources: Sequence[Source], licence: str = "") -> list[dict[str, Any]]:
    """What a card says of the data: each folder's name, share, and photos in each split."""
    entries: list[dict[str, Any]] = []
    for source in sources:
        counts = {
            split: len(json.loads(path.read_text())["images"])
            for split in SPLITS
            if (path := source.folder / f"{split}.json").exists()
        }
        entry = {"name": source.folder.resolve().name, "share": source.share, "photos": counts}
        entries.append(entry | ({"licence": licence} if licence else {}))
    return entries
