"""The client: every call of the server's API with its types."""

from types import TracebackType
from typing import Self

from lookalike_client.auditing import Auditing
from lookalike_client.ingesting import Ingesting
from lookalike_client.operating import Operating
from lookalike_client.reviewing import Reviewing
from lookalike_client.searching import Searching


class Client(Searching, Ingesting, Reviewing, Auditing, Operating):
    """A Lookalike server, by its address and a token.

    Use it in a `with` block or `close` it; it may be used from several threads. Calls that may
    be repeated are, while the server does not answer or asks to wait (429, 503).
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
