"""Fixtures of the ingest tests: a fake server, a photo source that needs no network."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stamina
from PIL import Image

from ingest.client import ApiClient
from ingest.downloads import Downloader
from ingest.photos import PhotoSource
from ingest.seen_urls import SeenUrls
from tests.ingest.fake_server import TOKEN, FakeServer


@pytest.fixture(autouse=True)
def _retry_at_once() -> Iterator[None]:
    """Keep the number of retries but wait for nothing."""
    stamina.set_testing(True, attempts=3)
    yield
    stamina.set_testing(False)


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def client(server: FakeServer) -> Iterator[ApiClient]:
    client = ApiClient("http://shop.test", TOKEN, transport=server.transport())
    yield client
    client.close()


@pytest.fixture(scope="session")
def downloader() -> Iterator[Downloader]:
    downloader = Downloader()
    yield downloader
    downloader.close()


@pytest.fixture
def make_source(tmp_path: Path, downloader: Downloader) -> Callable[..., PhotoSource]:
    """Makes photo sources below a folder (the test's own unless named)."""
    spool = tmp_path / ".spool"
    spool.mkdir()

    def make(root: Path | str = tmp_path, downloads: Downloader = downloader) -> PhotoSource:
        return PhotoSource(root, downloads, SeenUrls(tmp_path / ".seen"), spool)

    return make


@pytest.fixture
def make_photo(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small JPEG of one colour below the test's folder; another shade, another hash."""

    def make(name: str, shade: int = 0) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(shade))
        return path

    return make


def jpeg(shade: int = 0) -> bytes:
    """The bytes of an 8x8 JPEG."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (shade % 256, shade // 256 % 256, 90)).save(
        buffer, "JPEG", quality=100
    )
    return buffer.getvalue()
