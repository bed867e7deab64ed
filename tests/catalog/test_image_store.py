"""One contract for the folder and the bucket (moto's S3 server), and what only one of them can."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from catalog.errors import ConfigError, InputError, NotFoundError, StoreUnavailableError
from catalog.photos.image_store import (
    FolderStore,
    ImageStore,
    open_image_store,
    photo_key,
    upload_key,
    variant_key,
)

SHA = "ab12" + "0" * 60


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def open_bucket(address: str, url: str) -> ImageStore:
    return open_image_store(
        url,
        endpoint=address,
        region="us-east-1",
        access_key_id="test",
        secret_access_key="test",
        client_options={"allow_http": True, "timeout": "5s"},
        retry_config={"max_retries": 0},
    )


@pytest.fixture(params=["folder", "bucket", "bucket with prefix"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ImageStore:
    if request.param == "folder":
        return open_image_store((tmp_path / "my images").as_uri())
    address = request.getfixturevalue("s3_address")
    bucket = f"bucket-{uuid4().hex}"
    make_bucket(address, bucket)
    prefix = "/shop/images" if request.param == "bucket with prefix" else ""
    return open_bucket(address, f"s3://{bucket}{prefix}")


def make_bucket(address: str, name: str) -> None:
    import httpx

    httpx.put(f"{address}/{name}", trust_env=False).raise_for_status()


def test_what_is_put_comes_back(store: ImageStore) -> None:
    store.put(photo_key(SHA), b"bytes", "image/jpeg")
    assert store.get(photo_key(SHA)) == b"bytes"
    assert store.exists(photo_key(SHA))
    assert store.size(photo_key(SHA)) == 5
    store.put(photo_key(SHA), b"other", "image/jpeg")
    assert store.get(photo_key(SHA)) == b"other"


def test_what_is_absent_is_not_found(store: ImageStore) -> None:
    assert not store.exists(photo_key(SHA))
    for ask in (store.get, store.size):
        with pytest.raises(NotFoundError):
            ask(photo_key(SHA))
    store.delete(photo_key(SHA))


def test_what_is_deleted_is_gone(store: ImageStore) -> None:
    store.put(photo_key(SHA), b"bytes", "image/jpeg")
    store.delete(photo_key(SHA))
    assert not store.exists(photo_key(SHA))


def test_keys_are_listed_below_a_folder_only(store: ImageStore) -> None:
    keys = [photo_key(f"{number:064x}") for number in range(5)] + [photo_key(SHA)]
    for key in [*keys, variant_key(SHA, "thumb"), upload_key(uuid4())]:
        store.put(key, b"x", "image/webp")
    assert sorted(store.keys("photos")) == sorted(keys)
    assert list(store.keys("variants")) == [variant_key(SHA, "thumb")]
    assert list(store.keys("nothing")) == []


@pytest.mark.parametrize(
    "key", ["../x/y", "photos/../../x", "/etc/passwd", "photos/.hidden", "photos//x", "", "photos"]
)
def test_no_key_leaves_the_store(store: ImageStore, key: str) -> None:
    with pytest.raises(InputError):
        store.put(key, b"x", "image/jpeg")
    with pytest.raises(InputError):
        store.get(key)


def test_photos_are_spread_over_folders() -> None:
    assert photo_key(SHA) == f"photos/ab/12/{SHA}"
    assert variant_key(SHA, "thumb") == f"variants/thumb/ab/{SHA}"


def test_a_write_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)
    store.put(photo_key(SHA), b"old", "image/jpeg")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailableError):
        store.put(photo_key(SHA), b"new", "image/jpeg")
    monkeypatch.undo()
    assert store.get(photo_key(SHA)) == b"old"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [SHA]


def test_half_written_files_are_not_listed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put(photo_key(SHA), b"x", "image/jpeg")
    (tmp_path / photo_key(SHA)).with_name(".writing-abc").write_bytes(b"half")
    assert list(store.keys("photos")) == [photo_key(SHA)]


def test_a_bucket_that_does_not_answer_is_unavailable() -> None:
    store = open_bucket("http://127.0.0.1:9", "s3://bucket")
    for ask in (store.get, store.exists, store.delete, lambda key: list(store.keys("photos"))):
        with pytest.raises(StoreUnavailableError):
            ask(photo_key(SHA))


@pytest.mark.parametrize("url", ["ftp://host/x", "s3://", "images"])
def test_unknown_addresses_are_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        open_image_store(url)
