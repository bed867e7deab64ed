"""What can be wrong with a feed, one of its rows, a photo or the server's answer.

Raised in every module of `ingest`; the CLI prints them and chooses the exit status.
"""

from catalog.errors import InputError, LookalikeError, PhotoError, UnavailableError


class FeedError(InputError):
    """The feed as a whole can't be read; nothing was sent."""

    def __init__(self, path: str, reason: str, remedy: str, line: int | None = None) -> None:
        where = path if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {reason}. {remedy}.")
        self.path = path
        self.line = line
        self.reason = reason
        self.remedy = remedy


class RowError(InputError):
    """One row can't be used; the others can.

    `line` is where the row begins (None for a photo in a folder: `path` names it).
    `sku` is None when the row is too broken to tell it.
    """

    def __init__(
        self, path: str, line: int | None, reason: str, remedy: str, sku: str | None = None
    ) -> None:
        super().__init__(f"{path}:{line or ''}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason
        self.remedy = remedy
        self.sku = sku


class PhotoSourceError(PhotoError):
    """A photo that a row names can't be had; `reference` is how the row names it."""

    def __init__(self, reason: str, reference: str, message: str, remedy: str) -> None:
        super().__init__(reason, message)
        self.reference = reference
        self.remedy = remedy


class PhotoUnreachableError(UnavailableError):
    """The photo's server does not answer now, or answers that it can't now.

    `retry_after_s` is what it asked us to wait.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ApiError(LookalikeError):
    """The server refused a request; `reason` is its short word, if it gave one."""

    def __init__(self, status: int, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class ApiUnavailableError(UnavailableError):
    """The server does not answer, or answers that it can't now."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
