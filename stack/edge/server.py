"""The HTTP side of the Edge server: routes, Qdrant's envelope and errors, one thread a connection.

`stack.edge.__main__` serves it. Threads wait for sockets only; the engine does one call at a time.
"""

import json
import logging
import re
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from stack.edge import operations
from stack.edge.errors import RefusedError, translate, unsupported
from stack.edge.shards import Collections

API_VERSION = "1.20.0"
"""The version of Qdrant's REST interface that is spoken here."""

Operation = Callable[[Collections, str, bytes], Any]

_MAX_BYTES = 64 * 2**20
_FLUSH_EVERY_S = 5.0
_log = logging.getLogger(__name__)

ROUTES: tuple[tuple[str, str, Operation], ...] = (
    ("GET", "/collections", operations.list_collections),
    ("GET", "/collections/{name}", operations.get_collection),
    ("PUT", "/collections/{name}", operations.create_collection),
    ("DELETE", "/collections/{name}", operations.drop_collection),
    ("GET", "/aliases", operations.list_aliases),
    ("POST", "/collections/aliases", operations.change_aliases),
    ("PUT", "/collections/{name}/index", operations.create_index),
    ("PUT", "/collections/{name}/points", operations.upsert_points),
    ("POST", "/collections/{name}/points", operations.retrieve_points),
    ("POST", "/collections/{name}/points/delete", operations.delete_points),
    ("POST", "/collections/{name}/points/scroll", operations.scroll_points),
    ("POST", "/collections/{name}/points/count", operations.count_points),
    ("POST", "/collections/{name}/points/query", operations.query_points),
    ("POST", "/collections/{name}/points/query/batch", operations.query_batch),
    ("POST", "/collections/{name}/points/query/groups", operations.query_groups),
    ("POST", "/collections/{name}/facet", operations.facet_points),
)
_PATTERNS = [
    (method, re.compile(path.replace("{name}", "(?P<name>[^/]+)")), operation)
    for method, path, operation in ROUTES
]
_HEALTH = {
    "/healthz": b"healthz check passed",
    "/livez": b"healthz check passed",
    "/readyz": b"all shards are ready",
}


class EdgeServer(ThreadingHTTPServer):
    """Serves `collections`; close() flushes them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], collections: Collections) -> None:
        super().__init__(address, _Handler)
        self.collections = collections
        self._stopping = threading.Event()
        self._flusher = threading.Thread(target=self._flush_often, daemon=True)
        self._flusher.start()

    def close(self) -> None:
        self._stopping.set()
        self._flusher.join()
        self.server_close()
        self.collections.flush()
        self.collections.close()

    def _flush_often(self) -> None:
        # Otherwise the logs grow for ever, and a start replays all of them.
        while not self._stopping.wait(_FLUSH_EVERY_S):
            try:
                self.collections.flush()
            except Exception:  # The edge of this thread: the logs still hold everything.
                _log.exception("can't flush now")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: EdgeServer

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _answer(self) -> None:
        url = urlsplit(self.path)
        started = time.perf_counter()
        try:
            body = self._read_body()
            if self.command == "GET" and url.path in _HEALTH:
                return self._send(200, _HEALTH[url.path], "text/plain")
            if self.command == "GET" and url.path == "/":
                about = {"title": "Lookalike's Edge server", "version": API_VERSION}
                return self._send_json(200, about)
            result = self._run(url.path, url.query, body)
            answer = {"result": result, "status": "ok", "time": time.perf_counter() - started}
            self._send_json(200, answer)
        except RefusedError as error:
            if error.status >= 500:
                _log.error("%s %s: %s", self.command, self.path, error)
            spent = time.perf_counter() - started
            self._send_json(error.status, {"status": {"error": str(error)}, "time": spent})

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _answer

    def _run(self, path: str, query: str, body: bytes) -> Any:
        name, operation = _find_operation(self.command, path)
        unknown = set(parse_qs(query, keep_blank_values=True)) - {"wait"}
        if unknown:
            raise unsupported(f"parameters {', '.join(sorted(unknown))}")
        try:
            return operation(self.server.collections, name, body)
        except RefusedError:
            raise
        except Exception as error:  # The edge of a request; the engine has no classes of its own.
            raise translate(error, name) from error

    def _read_body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MAX_BYTES or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # The body stays unread.
            limit = f"{_MAX_BYTES} bytes with a Content-Length"
            raise RefusedError(413, f"Payload too large: at most {limit}")
        return self.rfile.read(length)

    def _send_json(self, status: int, answer: Any) -> None:
        self._send(status, json.dumps(answer).encode(), "application/json")

    def _send(self, status: int, content: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)


def _find_operation(method: str, path: str) -> tuple[str, Operation]:
    # "/collections/aliases" also looks like a collection: the exact path comes first.
    for exact in (True, False):
        for known, pattern, operation in _PATTERNS:
            match = pattern.fullmatch(path)
            if match and known == method and exact == (not match.groupdict()):
                return unquote(match.groupdict().get("name", "")), operation
    raise unsupported(f"{method} {path}")
