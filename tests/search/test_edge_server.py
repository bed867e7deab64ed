"""What the Edge server promises beyond the contract: refusals, restarts, a crash."""

import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from catalog.errors import IndexUnavailableError
from catalog.search.index import Point, VectorIndex, make_index
from catalog.settings import load_settings
from stack.edge.groups import collect_groups
from stack.processes import Server, free_port
from stack.servers import start_edge


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of this test's own, which it may kill."""
    server = start_edge(tmp_path / "data", free_port())
    yield server
    server.stop()


def connect(server: Server) -> VectorIndex:
    return make_index(load_settings({}, qdrant_url=server.url))


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    [
        ("POST", "/collections/c/points/search", {}, "POST /collections/c/points/search"),
        ("PATCH", "/collections/c", {}, "PATCH /collections/c"),
        ("GET", "/telemetry", None, "GET /telemetry"),
        ("PUT", "/collections/c/points?ordering=strong", {"points": []}, "ordering"),
        ("POST", "/collections/c/points/query", {"query": {"fusion": "rrf"}}, "query.fusion"),
        ("POST", "/collections/c/points/query", {"query": [1], "prefetch": []}, "prefetch"),
        ("POST", "/collections/c/points/count", {"filter": {"should": []}}, "filter.should"),
        (
            "POST",
            "/collections/c/points/count",
            {"filter": {"must": [{"key": "sold", "match": {"value": True}}]}},
            "match.value",
        ),
        ("PUT", "/collections/d", {"vectors": {"size": 4, "distance": "Dot"}}, "distance"),
        (
            "PUT",
            "/collections/d",
            {"vectors": {"size": 4, "distance": "Cosine"}, "shard_number": 2},
            "shard_number",
        ),
        ("PUT", "/collections/..%2Fd", {"vectors": {"size": 4, "distance": "Cosine"}}, "../d"),
    ],
)
def test_what_is_not_understood_is_refused_by_name_in_qdrants_form(
    edge_server: Server, method: str, path: str, body: Any, named: str
) -> None:
    answer = httpx.request(method, edge_server.url + path, json=body, trust_env=False)
    assert 400 <= answer.status_code < 500
    assert named in answer.json()["status"]["error"]


def test_bodies_that_are_no_json_are_refused(edge_server: Server) -> None:
    answer = httpx.post(f"{edge_server.url}/collections/aliases", content=b"{", trust_env=False)
    assert answer.status_code == 422
    assert "Invalid JSON" in answer.json()["status"]["error"]


def test_it_says_what_it_is_and_that_it_is_well(edge_server: Server) -> None:
    about = httpx.get(edge_server.url, trust_env=False).json()
    assert about["version"] == "1.20.0"
    for path in ("/healthz", "/livez", "/readyz"):
        assert httpx.get(edge_server.url + path, trust_env=False).status_code == 200


def test_collections_points_and_aliases_outlive_a_restart(server: Server) -> None:
    index = connect(server)
    index.create_collection("kept", 2)
    index.create_collection("dropped", 2)
    point = Point(uuid.uuid4(), [1, 0], {"category": "hat"})
    index.upsert("kept", [point])
    index.point_to("garments", "kept")
    index.drop_collection("dropped")
    server.stop()
    server.restart()
    assert index.collections() == ["kept"]
    assert index.alias_target("garments") == "kept"
    assert index.facet("garments", "category") == {"hat": 1}
    index.close()


def test_acknowledged_points_outlive_a_kill(server: Server) -> None:
    index = connect(server)
    index.create_collection("c", 2)
    index.point_to("garments", "c")
    acknowledged: set[uuid.UUID] = set()
    enough = threading.Event()

    def write_until_it_dies() -> None:
        writer = connect(server)
        try:
            while True:
                points = [Point(uuid.uuid4(), [1, 0], {"v": 1}) for _ in range(20)]
                writer.upsert("c", points)
                acknowledged.update(point.id for point in points)
                if len(acknowledged) >= 400:
                    enough.set()
        except IndexUnavailableError:
            writer.close()

    thread = threading.Thread(target=write_until_it_dies)
    thread.start()
    assert enough.wait(120)
    server.kill()
    thread.join()
    server.restart()
    present = {id_ for id_, _ in index.scroll_ids("garments")}
    assert acknowledged <= present
    # At most the batch that was under way came in without an answer.
    assert len(present) <= len(acknowledged) + 20
    index.close()


def test_a_second_server_on_the_same_folder_is_refused(server: Server, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stack.edge", "--path", str(tmp_path / "data")]
    second = subprocess.run(
        [*command, "--port", str(free_port())], capture_output=True, text=True, timeout=120
    )
    assert second.returncode == 1
    assert "another Edge server" in second.stderr


class Scored:
    def __init__(self, name: str, *values: str) -> None:
        self.name = name
        self.payload = {"shop": list(values)}


def test_groups_are_asked_for_until_they_are_full_or_nothing_is_left() -> None:
    points = [Scored(f"a{n}", "a") for n in range(50)] + [Scored("b", "b"), Scored("ac", "a", "c")]
    asked: list[int] = []

    def search(limit: int) -> list[Scored]:
        asked.append(limit)
        return points[:limit]

    groups = collect_groups(search, "shop", limit=2, group_size=2)
    assert {key: [hit.name for hit in hits] for key, hits in groups.items()} == {
        "a": ["a0", "a1"],
        "b": ["b"],
    }
    assert asked == [16, 64]
    assert list(collect_groups(search, "shop", limit=9, group_size=1)) == ["a", "b", "c"]
