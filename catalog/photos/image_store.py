"""Where photo bytes are kept: a local folder or an S3-compatible bucket, chosen by URL.

Opened by `make_services`; the web app puts and serves photos, workers read them.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from obstore.exceptions import BaseError, InvalidPathError
from obstore.exceptions import NotFoundError as ObjectNotFoundError
from obstore.store import S3Store

from catalog.errors import ConfigError, InputError, NotFoundError, StoreUnavailableError

_KEY = re.compile(r"[a-z0-9_-]+(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+")
_TEMPORARY = ".writing-"


class ImageStore(Protocol):
    """Bytes by key. Every method raises StoreUnavailableError when the store does not answer."""

    def put(self, key: str, data: bytes, media_type: str) -> None:
        """Store all of `data` or nothing; a reader never sees half of it."""

    def get(self, key: str) -> bytes:
        """The bytes under `key`; raises NotFoundError."""

    def exists(self, key: str) -> bool: ...

    def size(self, key: str) -> int:
        """Bytes under `key`; raises NotFoundError."""

    def delete(self, key: str) -> None:
        """Forget `key`; absent is fine."""

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys below the folder `prefix`, such as "photos"."""


def photo_key(sha256: str) -> str:
    return f"photos/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def upload_key(upload_id: UUID) -> str:
    return f"uploads/{upload_id}"


def variant_key(sha256: str, name: str) -> str:
    return f"variants/{name}/{sha256[:2]}/{sha256}"


def open_image_store(url: str, **options: Any) -> ImageStore:
    """The store at file:///absolute/folder or s3://bucket/prefix.

    A bucket's endpoint and credentials come from the usual AWS_* variables; `options` go to
    obstore's S3Store (endpoint, client_options, ...). Nothing is contacted yet.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FolderStore(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        return BucketStore(parts.netloc, parts.path.strip("/"), **options)
    raise ConfigError("IMAGE_STORE_URL", f"neither file:/// nor s3://bucket: {url}")


class FolderStore:
    """Files below one folder, written under a temporary name, synced, then renamed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, key: str, data: bytes, media_type: str) -> None:
        path = self._path(key)
        with _folder_faults(key):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(name, path)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(name)
                raise
            _sync_folder(path.parent)

    def get(self, key: str) -> bytes:
        with _folder_faults(key):
            return self._path(key).read_bytes()

    def exists(self, key: str) -> bool:
        with _folder_faults(key):
            return self._path(key).is_file()

    def size(self, key: str) -> int:
        with _folder_faults(key):
            return self._path(key).stat().st_size

    def delete(self, key: str) -> None:
        with _folder_faults(key):
            self._path(key).unlink(missing_ok=True)

    def keys(self, prefix: str) -> Iterator[str]:
        top = self.root / prefix
        for folder, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                if not name.startswith(_TEMPORARY):
                    yield (Path(folder) / name).relative_to(self.root).as_posix()

    def _path(self, key: str) -> Path:
        return self.root / _checked(key)


class BucketStore:
    """Objects in an S3-compatible bucket, below an optional prefix."""

    def __init__(self, bucket: str, prefix: str = "", **options: Any) -> None:
        self._store = S3Store(bucket, prefix=prefix or None, **options)

    def put(self, key: str, data: bytes, media_type: str) -> None:
        with _bucket_faults(key):
            obstore.put(self._store, _checked(key), data, attributes={"Content-Type": media_type})

    def get(self, key: str) -> bytes:
        with _bucket_faults(key):
            return obstore.get(self._store, _checked(key)).bytes().to_bytes()

    def exists(self, key: str) -> bool:
        try:
            self.size(key)
        except NotFoundError:
            return False
        return True

    def size(self, key: str) -> int:
        with _bucket_faults(key):
            return int(obstore.head(self._store, _checked(key))["size"])

    def delete(self, key: str) -> None:
        with suppress(NotFoundError), _bucket_faults(key):
            obstore.delete(self._store, _checked(key))

    def keys(self, prefix: str) -> Iterator[str]:
        with _bucket_faults(prefix):
            for page in obstore.list(self._store, prefix):
                for found in page:
                    yield str(found["path"])


def _checked(key: str) -> str:
    """`key`, unless it could leave the store: keys are ours, but a bug must not reach further."""
    if not _KEY.fullmatch(key):
        raise InputError(f"not a key of the image store: {key!r}")
    return key


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _folder_faults(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError("image", key) from error
    except OSError as error:
        raise StoreUnavailableError(f"image store: {key}: {error}") from error


@contextmanager
def _bucket_faults(key: str) -> Iterator[None]:
    try:
        yield
    except (ObjectNotFoundError, FileNotFoundError) as error:
        raise NotFoundError("image", key) from error
    except InvalidPathError as error:
        raise InputError(f"not a key of the image store: {key!r}") from error
    except BaseError as error:
        raise StoreUnavailableError(f"image store: {key}: {error}") from error
