"""Everything that Lookalike raises on purpose, sorted by what the caller can do about it.

`permanent` decides retries: a permanent error comes back however often it is tried.
"""

from pathlib import Path


class LookalikeError(Exception):
    """Base of all our errors; the message says what is wrong and how to mend it."""

    permanent = True


class ConfigError(LookalikeError):
    """A setting is missing or unusable; `variable` is its name in the environment."""

    def __init__(self, variable: str, message: str) -> None:
        super().__init__(f"{variable}: {message}")
        self.variable = variable


class InputError(LookalikeError):
    """What the user gave us can't be used as it is; fix the input."""


class PhotoError(InputError):
    """A photo that can't be decoded safely; `reason` is a short stable word."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class CheckpointError(LookalikeError):
    """A model checkpoint is missing, damaged, or not the kind that was asked for."""

    def __init__(self, folder: Path, message: str) -> None:
        super().__init__(f"{folder}: {message}")
        self.folder = folder


class NotFoundError(LookalikeError):
    """No such thing: `kind` names what, `key` which."""

    def __init__(self, kind: str, key: object) -> None:
        super().__init__(f"no {kind} {key!s}")
        self.kind = kind
        self.key = key


class ConflictError(LookalikeError):
    """The request contradicts what is going on now (a second re-index, a retired generation)."""


class UnavailableError(LookalikeError):
    """A part that we depend on does not answer now; the same call may work later."""

    permanent = False


class IndexUnavailableError(UnavailableError):
    """The vector index does not answer."""


class StoreUnavailableError(UnavailableError):
    """The image store does not answer."""


class BusyError(UnavailableError):
    """So much of this kind is being worked on that no more of it is taken on now."""


class QueueUnavailableError(UnavailableError):
    """The broker does not answer; the sweep enqueues later what could not be enqueued now."""
