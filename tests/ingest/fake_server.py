"""The web API's ingest contract in memory, as an httpx transport.

Used by the tests of the client, the upload and the CLI.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx

TOKEN = "lk_test"


@dataclass
class FakeServer:
    """Keeps items, photos and jobs; counts what it was asked. `refuse` fails the next requests."""

    items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    photos: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: dict[str, set[str]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    refuse: list[httpx.Response | Exception] = field(default_factory=list)
    refused_photos: dict[str, str] = field(default_factory=dict)
    """SHA-256 -> the reason for which PUT answers 422."""
    statuses: list[dict[str, Any]] = field(default_factory=list)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.handle)

    def handle(self, request: httpx.Request) -> httpx.Response:
        if self.refuse:
            refusal = self.refuse.pop(0)
            if isinstance(refusal, Exception):
                raise refusal
            return refusal
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return problem(401, "Send a valid token")
        path = request.url.raw_path.decode().split("?")[0].removeprefix("/api/v1/")
        parts = [unquote(part) for part in path.split("/")]
        self.calls[f"{request.method} {parts[0]}"] += 1
        return self._route(request, parts)

    def _route(self, request: httpx.Request, parts: list[str]) -> httpx.Response:
        match request.method, parts:
            case "POST", ["photos", "missing"]:
                wanted = json.loads(request.content)["sha256"]
                assert len(wanted) <= 1000
                return ok({"missing": [one for one in wanted if one not in self.photos]})
            case "PUT", ["photos", sha256]:
                return self._put_photo(sha256, request.content)
            case "POST", ["jobs"]:
                body = json.loads(request.content)
                job = f"job-{len(self.jobs) + 1}"
                self.jobs[job] = {"catalog": body["catalog"], "state": "running"}
                self.seen[job] = set()
                return ok(_job(job, body["catalog"]), 201)
            case "POST", ["catalogs", catalog, "items"]:
                return self._post_items(catalog, json.loads(request.content))
            case "POST", ["catalogs", _, "seen"]:
                body = json.loads(request.content)
                self.seen[body["job"]].update(body["skus"])
                return ok({"seen": len(body["skus"])})
            case "POST", ["jobs", job, "finish"]:
                return self._finish(job, json.loads(request.content))
            case "DELETE", ["catalogs", catalog, "items", sku]:
                found = self.items.pop((catalog, sku), None)
                return httpx.Response(204) if found is not None else problem(404, f"no item {sku}")
            case "GET", ["catalogs", _, "status"]:
                return ok(self.statuses.pop(0))
        raise AssertionError(f"not in the contract: {request.method} {parts}")

    def _put_photo(self, sha256: str, data: bytes) -> httpx.Response:
        if hashlib.sha256(data).hexdigest() != sha256:
            return problem(400, "the bytes do not match the hash")
        if sha256 in self.refused_photos:
            reason = self.refused_photos[sha256]
            return problem(422, f"the photo is {reason}", reason=reason)
        self.photos[sha256] = data
        return ok({"sha256": sha256, "width": 1, "height": 1, "state": "pending"}, 201)

    def _post_items(self, catalog: str, body: dict[str, Any]) -> httpx.Response:
        assert len(body["items"]) <= 500
        results = [self._upsert(catalog, row) for row in body["items"]]
        self.seen[body["job"]].update(row["sku"] for row in body["items"])
        return ok({"results": results, "enqueued": 0})

    def _upsert(self, catalog: str, row: dict[str, Any]) -> dict[str, Any]:
        key = (catalog, row["sku"])
        before = self.items.get(key)
        if row["photos"] is None:
            row = row | {"photos": before["photos"] if before else []}
        if any(photo not in self.photos for photo in row["photos"]):
            remedy = "send it first"
            return {
                "sku": row["sku"],
                "status": "failed",
                "reason": "photo_missing",
                "remedy": remedy,
            }
        self.items[key] = row
        status = "created" if before is None else "unchanged" if before == row else "updated"
        return {"sku": row["sku"], "status": status, "reason": None, "remedy": None}

    def _finish(self, job: str, body: dict[str, Any]) -> httpx.Response:
        self.jobs[job] |= {"state": body["state"], "result": body["result"]}
        catalog = self.jobs[job]["catalog"]
        gone = [key for key in self.items if key[0] == catalog and key[1] not in self.seen[job]]
        if body["prune"]:
            for key in gone:
                del self.items[key]
        return ok({"pruned": len(gone) if body["prune"] else 0})


def _job(job: str, catalog: str) -> dict[str, Any]:
    words = dict.fromkeys(("total", "error", "finished_at"))
    now = "2026-01-01T00:00:00Z"
    state: dict[str, Any] = {"id": job, "kind": "ingest", "state": "running", "catalog": catalog}
    state |= {"parameters": {}, "done": 0, "result": {}, "cancel_requested": False}
    return state | words | {"created_at": now}


def ok(body: dict[str, Any], status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def problem(status: int, detail: str, **extra: Any) -> httpx.Response:
    body = {"type": "about:blank", "title": "Problem", "status": status, "detail": detail}
    headers = {"Content-Type": "application/problem+json"}
    return httpx.Response(status, content=json.dumps(body | extra), headers=headers)
