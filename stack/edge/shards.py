"""The collections of one Edge server: a folder with a shard each, and the aliases beside them.

`operations` works on the shards that this hands out; nobody else touches the folder.
"""

import fcntl
import json
import os
import shutil
import threading
import uuid
from pathlib import Path

from qdrant_edge import Distance, EdgeConfig, EdgeShard, EdgeVectorParams

from stack.edge.errors import RefusedError, no_collection, wrong_input
from stack.edge.requests import AliasAction, CreateCollection

_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_HIDDEN = "."


class Collection:
    """One shard and the size of its vectors."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.dimensions: int = json.loads((folder / "collection.json").read_text())["size"]
        self.shard = EdgeShard.load(str(folder / "shard"))
        self.unflushed = False


class Collections:
    """All collections and aliases under one folder, which this process holds alone.

    The engine's own calls are atomic (they hold the GIL); the lock here guards the two tables.
    A collection appears and goes by a rename, so a crash leaves no half of one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(parents=True, exist_ok=True)
        self._held = _hold_alone(path / "lock")
        self._lock = threading.Lock()
        for left_over in path.glob(f"collections/{_HIDDEN}*"):
            shutil.rmtree(left_over)
        (path / "collections").mkdir(exist_ok=True)
        self._open = {
            folder.name: Collection(folder.name, folder)
            for folder in sorted((path / "collections").iterdir())
        }
        self._aliases = self._read_aliases()

    def names(self) -> list[str]:
        with self._lock:
            return sorted(self._open)

    def aliases(self) -> dict[str, str]:
        with self._lock:
            return dict(self._aliases)

    def get(self, name: str) -> Collection:
        """The collection of this name or alias; raises RefusedError (404) without one."""
        with self._lock:
            found = self._open.get(self._aliases.get(name, name))
        if found is None:
            raise no_collection(name)
        return found

    def create(self, name: str, request: CreateCollection) -> None:
        if not name or len(name) > 255 or not _NAME.issuperset(name):
            raise wrong_input(f"collection name {name!r}: letters, digits, _ and - only")
        with self._lock:
            if name in self._open:
                raise RefusedError(409, f"Wrong input: Collection `{name}` already exists!")
            if name in self._aliases:
                raise wrong_input(f"Alias `{name}` already exists!")
            folder = self._path / "collections" / name
            new = folder.with_name(f"{_HIDDEN}new-{uuid.uuid4()}")
            _write_empty(new, request.vectors.size)
            new.rename(folder)
            _sync_folder(folder.parent)
            self._open[name] = Collection(name, folder)

    def drop(self, name: str) -> bool:
        """Drop a collection with its aliases; False where there is none."""
        with self._lock:
            dropped = self._open.pop(name, None)
            if dropped is None:
                return False
            self._save_aliases({a: c for a, c in self._aliases.items() if c != name})
            gone = dropped.folder.with_name(f"{_HIDDEN}gone-{uuid.uuid4()}")
            dropped.folder.rename(gone)
        dropped.shard.close()
        shutil.rmtree(gone)
        return True

    def change_aliases(self, actions: list[AliasAction]) -> None:
        """Apply all actions or, when one can't be, none."""
        with self._lock:
            changed = dict(self._aliases)
            for action in actions:
                if action.delete_alias:
                    changed.pop(action.delete_alias.alias_name, None)
                if action.create_alias:
                    self._check_alias(action.create_alias.alias_name)
                    if action.create_alias.collection_name not in self._open:
                        raise no_collection(action.create_alias.collection_name)
                    changed[action.create_alias.alias_name] = action.create_alias.collection_name
            self._save_aliases(changed)

    def flush(self) -> None:
        """Move what was written since the last flush out of the write-ahead logs."""
        with self._lock:
            waiting = [each for each in self._open.values() if each.unflushed]
        for collection in waiting:
            collection.unflushed = False
            collection.shard.flush()

    def close(self) -> None:
        with self._lock:
            for collection in self._open.values():
                collection.shard.close()
            self._open.clear()
        os.close(self._held)

    def _check_alias(self, alias: str) -> None:
        if alias in self._open:
            raise wrong_input(f"Collection `{alias}` already exists!")

    def _read_aliases(self) -> dict[str, str]:
        file = self._path / "aliases.json"
        stored: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        return {alias: name for alias, name in stored.items() if name in self._open}

    def _save_aliases(self, aliases: dict[str, str]) -> None:
        file = self._path / "aliases.json"
        new = file.with_suffix(".new")
        with new.open("w") as handle:
            json.dump(aliases, handle)
            handle.flush()
            os.fsync(handle.fileno())
        new.rename(file)
        _sync_folder(self._path)
        self._aliases = aliases


def _write_empty(folder: Path, dimensions: int) -> None:
    folder.mkdir()
    (folder / "shard").mkdir()
    config = EdgeConfig(vectors=EdgeVectorParams(size=dimensions, distance=Distance.Cosine))
    EdgeShard.create(str(folder / "shard"), config).close()
    (folder / "collection.json").write_text(json.dumps({"size": dimensions}))


def _hold_alone(file: Path) -> int:
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise RefusedError(409, f"another Edge server uses {file.parent}") from error
    return handle


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
