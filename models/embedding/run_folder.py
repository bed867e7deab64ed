"""What a training run keeps on disk until it is done, so that a kill costs minutes at most.

Called by training. It is `run/` in the checkpoint's folder; only the curves stay.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from catalog.errors import InputError

_KEY, _STATE = "key.json", "state.pt"


class RunFolder:
    """The state of one run. `key` is all that makes it this run: settings, data, start."""

    def __init__(self, out: Path, key: Mapping[str, Any]) -> None:
        self.path = out / "run"
        self.path.mkdir(parents=True, exist_ok=True)
        text = json.dumps(key, sort_keys=True)
        self._digest = hashlib.sha256(text.encode()).hexdigest()
        self._check()

    def _check(self) -> None:
        """Raise InputError when another run was stopped here."""
        path = self.path / _KEY
        if not path.exists():
            self._write(path, lambda file: file.write(json.dumps(self._digest).encode()))
        elif json.loads(path.read_text(encoding="utf-8")) != self._digest:
            raise InputError(
                f"{self.path}: a run with other settings or data was stopped here; give another "
                "--out, or delete this folder"
            )

    def save(self, state: Mapping[str, Any], name: str = _STATE) -> None:
        """Write plain tensors and values under `name`, at once."""
        self._write(self.path / name, lambda file: torch.save(dict(state), file))

    def load(self, name: str = _STATE) -> dict[str, Any] | None:
        """What was saved under `name`; None when nothing was."""
        path = self.path / name
        if not path.exists():
            return None
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return state

    def clear(self) -> None:
        """Forget the run: the checkpoint has been written. The curves stay."""
        for path in (*self.path.glob("*.pt"), self.path / _KEY):
            path.unlink(missing_ok=True)

    @staticmethod
    def _write(path: Path, write: Callable[[Any], object]) -> None:
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        with partial.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
