"""The commands as a merchandiser types them, against a server that speaks real HTTP."""

import csv
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from ingest.cli import COMMANDS, wait_until_indexed
from ingest.client import ApiClient
from tests.ingest.fake_server import TOKEN, FakeServer

Run = Callable[..., Result]


@pytest.fixture
def address(server: FakeServer) -> Iterator[str]:
    """The address at which the fake server answers real requests."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            url = f"http://shop.test{self.path}"
            request = httpx.Request(self.command, url, headers=dict(self.headers), content=body)
            response = server.handle(request)
            self.send_response(response.status_code)
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *_: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def run(tmp_path: Path, address: str) -> Run:
    """Types a command in a folder in which the local stack runs."""
    home = tmp_path / ".lookalike"
    home.mkdir()
    state = {"url": address, "ingest_token": TOKEN, "pids": {"web": 1}}
    (home / "state.json").write_text(json.dumps(state))

    def type_(command: str, *words: str | Path, **environment: str) -> Result:
        defaults = {"LOOKALIKE_HOME": str(home), "XDG_CACHE_HOME": str(tmp_path), "COLUMNS": "200"}
        arguments = [str(word) for word in words]
        return CliRunner().invoke(COMMANDS[command], arguments, env=defaults | environment)

    return type_


@pytest.fixture
def feed(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    make_photo("a.jpg", 1)
    make_photo("b.jpg", 2)
    path = tmp_path / "spring.csv"
    path.write_text("sku,title,price,photos\nA,Shirt,9 EUR,a.jpg\nB,Hat,8 EUR,b.jpg\n")
    return path


def test_against_the_local_stack_neither_address_nor_token_is_typed(
    run: Run, server: FakeServer, feed: Path
) -> None:
    result = run("ingest", feed)
    assert result.exit_code == 0, result.output
    assert "2 created, 0 rejected" in result.output
    assert sorted(server.items) == [("spring", "A"), ("spring", "B")]
    assert "2 unchanged" in run("ingest", feed).output


def test_rejected_rows_are_shown_written_and_end_the_command_with_1(
    run: Run, feed: Path, tmp_path: Path
) -> None:
    with feed.open("a") as file:
        file.write("C,Coat,-5,a.jpg\nD,Dress,5,../../secret.jpg\n")
    result = run("ingest", feed, "--rejects", tmp_path / "rejects.csv")
    assert result.exit_code == 1
    assert "line 4" in result.output
    assert "negative" in result.output
    with (tmp_path / "rejects.csv").open(newline="") as rejects:
        rows = list(csv.DictReader(rejects))
    assert [(row["line"], row["sku"]) for row in rows] == [("4", "C"), ("5", "D")]
    assert all(row["reason"] and row["remedy"] for row in rows)
    assert "leaves the feed's folder" in rows[1]["reason"]


def test_a_folder_is_a_catalog_of_its_name(
    run: Run, server: FakeServer, make_photo: Callable[..., Path], tmp_path: Path
) -> None:
    make_photo("summer/hats/straw_hat.jpg")
    assert run("ingest", tmp_path / "summer").exit_code == 0
    assert list(server.items) == [("summer", "hats/straw_hat")]


def test_a_dry_run_says_what_would_happen(run: Run, server: FakeServer, feed: Path) -> None:
    result = run("ingest", feed, "--dry-run")
    assert result.exit_code == 0
    assert "2 valid" in result.output
    assert "2 of 2 would be sent" in result.output
    assert not server.items
    assert not server.jobs


def test_pruning_deletes_what_left_the_feed(run: Run, server: FakeServer, feed: Path) -> None:
    run("ingest", feed, "--catalog", "shop")
    feed.write_text("code,photo\nB,b.jpg\n")
    result = run("ingest", feed, "--catalog", "shop", "--prune", "--map", "code=sku")
    assert "Pruned: 1 items" in result.output
    assert list(server.items) == [("shop", "B")]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--token", "lk_wrong"], "lookalike token create"),
        (["--server", "http://127.0.0.1:9"], "No token for"),
        (["--format", "folder"], "--format"),
        (["--encoding", "klingon"], "klingon"),
        (["--map", "title=price=nonsense"], "FIELD one of"),
        (["--map", "gone=sku"], "'gone'"),
    ],
)
def test_what_can_not_run_ends_with_2_and_one_clear_line(
    run: Run, server: FakeServer, feed: Path, words: list[str], why: str
) -> None:
    result = run("ingest", feed, *words)
    assert result.exit_code == 2
    assert why in result.output
    assert "Traceback" not in result.output
    assert not server.items


def test_without_a_stack_the_command_says_how_to_start_one(run: Run, feed: Path) -> None:
    result = run("ingest", feed, LOOKALIKE_HOME="nowhere")
    assert result.exit_code == 2
    assert "lookalike up" in result.output


def test_server_and_token_may_come_from_the_environment(
    run: Run, server: FakeServer, feed: Path, address: str
) -> None:
    where = {"LOOKALIKE_SERVER": address, "LOOKALIKE_TOKEN": TOKEN, "LOOKALIKE_HOME": "nowhere"}
    assert run("ingest", feed, **where).exit_code == 0


def test_delete_removes_one_item(run: Run, server: FakeServer, feed: Path) -> None:
    server.items["spring", "A/ü 1"] = {}
    assert run("delete", "A/ü 1", "--catalog", "spring").exit_code == 0
    assert not server.items
    again = run("delete", "A/ü 1", "--catalog", "spring")
    assert again.exit_code == 2
    assert "no item A/ü 1" in again.output


def status(**photos: int) -> dict[str, Any]:
    failures = [{"sha256": "ab" * 32, "reason": "took its worker down", "skus": ["A"]}]
    return {
        "items": 2,
        "photos": photos,
        "garments": {"hat": 1, "shirts": 3},
        "behind": 0,
        "failures": failures if photos.get("failed") else [],
    }


def test_wait_ends_when_every_photo_is_indexed_or_failed(
    client: ApiClient, server: FakeServer
) -> None:
    server.statuses = [
        status(pending=2),
        status(working=1, indexed=1),
        status(indexed=1, failed=1) | {"behind": 1},
        status(indexed=1, failed=1),
    ]
    waits: list[float] = []
    end = wait_until_indexed(client, "shop", Console(quiet=True), waits.append)
    assert end.photos == {"indexed": 1, "failed": 1}
    assert len(waits) == 3


def test_wait_prints_what_was_found_and_what_failed(
    run: Run, server: FakeServer, feed: Path
) -> None:
    server.statuses = [status(indexed=1, failed=1)]
    result = run("ingest", feed, "--wait")
    assert result.exit_code == 1
    assert "1 indexed, 1 failed" in result.output
    assert "3 shirts, 1 hat" in result.output
    assert "took its worker down" in result.output


def test_the_commands_are_click_commands() -> None:
    assert set(COMMANDS) == {"ingest", "delete"}
    assert all(isinstance(command, click.Command) for command in COMMANDS.values())


def test_the_ingest_client_loads_neither_the_database_nor_torch() -> None:
    script = "import sys, ingest.cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"sqlalchemy", "torch", "flask", "celery", "qdrant_client", "numpy", "cv2"}
    assert heavy.isdisjoint(loaded)
