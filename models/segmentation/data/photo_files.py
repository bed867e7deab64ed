"""Finds the photos that annotation files name, wherever below a folder they lie.

Called by the converters whose annotations lie apart from their photos.
"""

from pathlib import Path

from PIL import Image

from catalog.errors import InputError

_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp"})


class PhotoFiles:
    """The photo files below a folder, by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._by_name: dict[str, list[Path]] = {}
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in _ENDINGS:
                self._by_name.setdefault(path.name, []).append(path)
        if not self._by_name:
            raise InputError(f"{folder} holds no photos: put them below it, in any folder")

    def find(self, name: str, size: tuple[int, int]) -> tuple[Path | None, str]:
        """The one photo of that name and (height, width), or None and what is wrong."""
        paths = self._by_name.get(Path(name).name, [])
        if not paths:
            return None, f"there is no photo {name}: copy it below {self._folder}"
        fitting = [path for path in paths if _size_of(path) == size]
        if len(fitting) == 1:
            return fitting[0], ""
        if fitting:
            return None, f"{len(fitting)} photos are called {name}: keep the one that is meant"
        height, width = size
        return None, f"{paths[0]} is {_describe(_size_of(paths[0]))}, not {width} x {height}"

    def unique_name(self, photo: Path) -> str:
        """The file's own name, or its path below the folder where others have that name too."""
        if len(self._by_name[photo.name]) == 1:
            return photo.name
        return photo.relative_to(self._folder).as_posix()


def _size_of(photo: Path) -> tuple[int, int] | None:
    try:
        with Image.open(photo) as image:
            return image.height, image.width
    except OSError:
        return None


def _describe(size: tuple[int, int] | None) -> str:
    return "no photo that can be read" if size is None else f"{size[1]} x {size[0]}"
