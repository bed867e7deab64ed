"""Files that only their owner may read: passwords, configurations with them, the state file.

Called by the server modules and by the supervisor.
"""

import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Put `text` into `path` with mode 0600, all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def keep_secret(path: Path) -> str:
    """The secret kept in `path`; made up and written when there is none yet."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text()
