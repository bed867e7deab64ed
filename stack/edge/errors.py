"""What the Edge server answers when it can't do as asked, with Qdrant's own statuses and words.

Raised by the modules beside it, written as JSON by the server.
"""

from catalog.errors import LookalikeError


class RefusedError(LookalikeError):
    """A request that is answered with the HTTP `status` and Qdrant's error form."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def unsupported(what: str) -> RefusedError:
    return RefusedError(400, f"Bad request: not supported by the Edge server: {what}")


def wrong_input(what: str) -> RefusedError:
    return RefusedError(400, f"Wrong input: {what}")


def no_collection(name: str) -> RefusedError:
    return RefusedError(404, f"Not found: Collection `{name}` doesn't exist!")


def translate(error: Exception, name: str) -> RefusedError:
    """The engine raises bare exceptions: tell them apart by their words."""
    message = str(error)
    if "Shard is not initialized" in message:
        return no_collection(name)  # Dropped while the request was under way.
    if "dimension error" in message:
        return wrong_input(message)
    if "No appropriate index" in message:
        return RefusedError(400, f"Bad request: {message}")
    return RefusedError(500, f"Service internal error: {message}")
