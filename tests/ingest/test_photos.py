"""Photos from the feed's folder and from URLs: found, checked, and refused where they must be."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from catalog.addresses import is_public
from ingest.downloads import Downloader, DownloadLimits
from ingest.errors import PhotoSourceError
from ingest.photos import PhotoSource
from tests.ingest.conftest import jpeg

MakeSource = Callable[..., PhotoSource]
LIMITS = DownloadLimits(max_bytes=50_000, read_timeout_s=5, total_timeout_s=5)


class Shop(ThreadingHTTPServer):
    """A web server of one photo that misbehaves by path; remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[str] = []
        self.failures = 0
        self.photo = jpeg(5)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        headers = {}
        status, body = 200, self.server.photo
        if self.path.startswith("/to/"):
            status, body = 302, b""
            headers["Location"] = self.path.removeprefix("/to/")
        elif self.path == "/loop":
            status, body, headers["Location"] = 302, b"", "/loop"
        elif self.path == "/flaky" and self.server.failures:
            self.server.failures -= 1
            status, body = 503, b""
        elif self.path == "/gone":
            status, body = 404, b""
        elif self.path == "/page":
            body = b"<html>please log in</html>"
        elif self.path == "/large":
            body = self.server.photo + b"x" * 60_000
        elif self.path == "/tagged":
            headers["ETag"] = f'"{hashlib.md5(body).hexdigest()}"'
            if self.headers["If-None-Match"] == headers["ETag"]:
                status, body = 304, b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.path != "/large":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def shop() -> Iterator[Shop]:
    server = Shop()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_downloader() -> Iterator[Downloader]:
    """Fetches from private addresses too, as the test's own server is at one."""
    downloader = Downloader(LIMITS, allow_private=True)
    yield downloader
    downloader.close()


def reason_of(call: Callable[[], object]) -> str:
    with pytest.raises(PhotoSourceError) as caught:
        call()
    assert caught.value.remedy
    return caught.value.reason


def test_a_photo_in_the_feeds_folder_is_hashed(
    make_source: MakeSource, make_photo: Callable[..., Path]
) -> None:
    path = make_photo("shirts/a b.jpg")
    found = make_source().locate("shirts/a b.jpg")
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.read() == path.read_bytes()
    assert make_source().locate("shirts\\a b.jpg").sha256 == found.sha256


def test_nothing_outside_the_folder_is_read(
    make_source: MakeSource, make_photo: Callable[..., Path], tmp_path: Path
) -> None:
    secret = make_photo("secret.jpg")
    root = tmp_path / "feed"
    root.mkdir()
    (root / "link.jpg").symlink_to(secret)
    (root / "out").symlink_to(tmp_path)
    source = make_source(root)
    for reference in ("../secret.jpg", str(secret), "link.jpg", "out/secret.jpg", "..\\secret.jpg"):
        assert reason_of(lambda ref=reference: source.locate(ref)) == "outside_folder"  # type: ignore[misc]
    assert reason_of(lambda: source.locate("file:///etc/passwd")) == "not_a_url"


def test_a_link_that_stays_inside_is_followed(
    make_source: MakeSource, make_photo: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "link.jpg").symlink_to(make_photo("real.jpg"))
    assert make_source().locate("link.jpg").sha256 == make_source().locate("real.jpg").sha256


def test_what_is_no_photo_is_refused_before_it_is_sent(
    make_source: MakeSource, tmp_path: Path
) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "huge.jpg").write_bytes(jpeg())
    os.truncate(tmp_path / "huge.jpg", 21 * 2**20)
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    source = make_source()
    assert reason_of(lambda: source.locate("empty.jpg")) == "not_a_photo"
    assert reason_of(lambda: source.locate("text.jpg")) == "unsupported_format"
    assert reason_of(lambda: source.locate("huge.jpg")) == "too_many_bytes"
    for name in ("gone.jpg", "pipe.jpg", "folder.jpg", "bad\0name.jpg", "x" * 300 + ".jpg"):
        assert reason_of(lambda ref=name: source.locate(ref)) == "not_found"  # type: ignore[misc]


def test_a_url_is_fetched_and_waits_on_disk_until_its_batch_is_done(
    make_source: MakeSource, open_downloader: Downloader, shop: Shop, tmp_path: Path
) -> None:
    source = make_source(downloads=open_downloader)
    found = source.locate(shop.url("/to//a"))
    assert found.sha256 == hashlib.sha256(shop.photo).hexdigest()
    assert found.read() == shop.photo
    source.forget_downloads()
    assert not list((tmp_path / ".spool").iterdir())


def test_paths_may_be_relative_to_a_url(
    make_source: MakeSource, open_downloader: Downloader, shop: Shop
) -> None:
    make_source(shop.url("/media/"), open_downloader).locate("h/1.jpg")
    assert shop.requests == ["/media/h/1.jpg"]


def test_an_unchanged_photo_is_not_downloaded_again(
    make_source: MakeSource, open_downloader: Downloader, shop: Shop
) -> None:
    first = make_source(downloads=open_downloader).locate(shop.url("/tagged"))
    source = make_source(downloads=open_downloader)
    source.forget_downloads()
    again = source.locate(shop.url("/tagged"))
    assert again.sha256 == first.sha256
    assert again.read() == shop.photo, "a server that lacks it still gets it"
    shop.photo = jpeg(99)
    assert source.locate(shop.url("/tagged")).sha256 != first.sha256


def test_a_server_that_stumbles_is_asked_again(
    make_source: MakeSource, open_downloader: Downloader, shop: Shop
) -> None:
    shop.failures = 2
    source = make_source(downloads=open_downloader)
    assert source.locate(shop.url("/flaky")).read() == shop.photo
    shop.failures = 9
    assert reason_of(lambda: source.locate(shop.url("/flaky"))) == "unreachable"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/gone", "unreachable"),
        ("/loop", "unreachable"),
        ("/page", "unsupported_format"),
        ("/large", "too_many_bytes"),
        ("/to/file:///etc/passwd", "not_a_url"),
    ],
)
def test_a_url_that_is_no_photo_says_why(
    make_source: MakeSource, open_downloader: Downloader, shop: Shop, path: str, reason: str
) -> None:
    source = make_source(downloads=open_downloader)
    assert reason_of(lambda: source.locate(shop.url(path))) == reason
    assert len(shop.requests) <= 6


def test_a_server_that_drips_is_given_up(make_source: MakeSource, shop: Shop) -> None:
    hurried = Downloader(DownloadLimits(total_timeout_s=1e-6), allow_private=True)
    source = make_source(downloads=hurried)
    assert reason_of(lambda: source.locate(shop.url("/a"))) == "unreachable"
    hurried.close()


def test_private_addresses_are_refused_without_a_connection(
    make_source: MakeSource, shop: Shop
) -> None:
    source = make_source()
    assert reason_of(lambda: source.locate(shop.url("/a"))) == "private_address"
    local = f"http://localhost:{shop.server_port}/a"
    assert reason_of(lambda: source.locate(local)) == "private_address"
    assert shop.requests == []


def test_a_name_whose_address_changes_after_the_check_gets_no_request(
    make_source: MakeSource, shop: Shop
) -> None:
    fooled = Downloader(LIMITS, resolve_host=lambda host, port: ["93.184.216.34"])
    source = make_source(downloads=fooled)
    local = f"http://localhost:{shop.server_port}/a"
    assert reason_of(lambda: source.locate(local)) == "private_address"
    assert shop.requests == []
    fooled.close()


def test_a_redirect_to_a_private_address_is_refused(make_source: MakeSource, shop: Shop) -> None:
    # The test's server stands for a public one; 127.0.0.2 for something in the private network.
    guarded = Downloader(LIMITS, is_allowed=lambda address: address == "127.0.0.1")
    source = make_source(downloads=guarded)
    inside = f"http://127.0.0.2:{shop.server_port}/a"
    assert reason_of(lambda: source.locate(shop.url(f"/to/{inside}"))) == "private_address"
    assert len(shop.requests) == 1
    guarded.close()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "not an address",
    ],
)
def test_addresses_off_the_internet_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_on_the_internet_are_public(address: str) -> None:
    assert is_public(address)
