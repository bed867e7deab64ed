"""The table that extraction writes: one row for each garment, in Parquet files that grow by parts.

A part is two files: its garments, then its photos. The second says that the first is whole, so a
run that is killed loses at most the part in hand.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from catalog.errors import InputError

SETTINGS = "extraction.json"

_PHOTOS = pa.schema(
    [
        ("photo", pa.string()),
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("garments", pa.int32()),
    ]
)


def garment_schema(dimensions: int | None, metadata: Mapping[str, str]) -> pa.Schema:
    """A garment's columns; with `dimensions` also its `vector`. Boxes are in pixels of the photo.

    `mask` holds COCO's compressed run lengths, of the photo's (height, width). File names are
    relative to the output folder and null where no such picture was asked for.
    """
    fields = [
        ("photo", pa.string()),
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("garment", pa.int32()),
        ("category", pa.string()),
        ("score", pa.float32()),
        *((name, pa.float32()) for name in ("x0", "y0", "x1", "y1")),
        ("area", pa.int32()),
        ("mask", pa.string()),
        *((name, pa.string()) for name in ("crop_file", "kept_file", "mask_file")),
    ]
    if dimensions is not None:
        fields.append(("vector", pa.list_(pa.float32(), dimensions)))
    return pa.schema(fields, metadata=dict(metadata))


class GarmentTable:
    """The table in `folder`. `settings` are what made it: others can't go on with it.

    Raises InputError when the folder holds something else or a table of other settings.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], dimensions: int | None = None
    ) -> None:
        self.folder = folder
        self._schema = garment_schema(dimensions, {k: str(v) for k, v in settings.items()})
        self._claim(settings)
        self.done: dict[str, int] = {}
        """Photo -> its garments, of the parts that are whole."""
        self._parts = 0
        for path in sorted(folder.glob("photos-*.parquet")):
            rows = pq.read_table(path, columns=["photo", "garments"]).to_pydict()
            self.done |= dict(zip(rows["photo"], rows["garments"], strict=True))
            self._parts = int(path.stem.rpartition("-")[2]) + 1

    def _claim(self, settings: Mapping[str, Any]) -> None:
        path = self.folder / SETTINGS
        if path.exists():
            before = json.loads(path.read_text())
            if before != dict(settings):
                names = [k for k in {**before, **settings} if before.get(k) != settings.get(k)]
                listed = ", ".join(
                    f"{k} is {settings.get(k)}, was {before.get(k)}" for k in sorted(names)
                )
                raise InputError(f"{self.folder} holds an extraction where {listed}: name another")
        elif self.folder.exists() and any(self.folder.iterdir()):
            raise InputError(f"{self.folder} is not empty and holds no extraction: name another")
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dict(settings), indent=2) + "\n")

    def add_part(
        self, photos: Sequence[Mapping[str, Any]], garments: Sequence[Mapping[str, Any]]
    ) -> None:
        """Write the rows of some photos that are done."""
        if not photos:
            return
        self._write(f"garments-{self._parts:05d}.parquet", garments, self._schema)
        self._write(f"photos-{self._parts:05d}.parquet", photos, _PHOTOS)
        self._parts += 1
        self.done |= {row["photo"]: row["garments"] for row in photos}

    def _write(self, name: str, rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> None:
        partial = self.folder / f".{name}.partial"
        table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
        with partial.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.folder / name)


def read_parts(folder: Path) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """The rows of each whole part of an extraction: its photos and its garments.

    Raises InputError when the folder holds no extraction.
    """
    if not (folder / SETTINGS).exists():
        raise InputError(f"{folder} holds no extraction: lookalike extract crops makes one")
    for path in sorted(folder.glob("photos-*.parquet")):
        garments = path.with_name(path.name.replace("photos-", "garments-"))
        yield pq.read_table(path).to_pylist(), pq.read_table(garments).to_pylist()


def count_photos(folder: Path) -> int:
    """How many photos an extraction has done."""
    return sum(pq.read_metadata(path).num_rows for path in folder.glob("photos-*.parquet"))


def read_vectors(folder: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Each garment as `photo#number`, and their vectors (N, D), in the table's order."""
    names: list[str] = []
    rows: list[list[float]] = []
    for _, garments in read_parts(folder):
        names += [f"{row['photo']}#{row['garment']}" for row in garments]
        rows += [row["vector"] for row in garments]
    return names, np.array(rows, dtype=np.float32)
