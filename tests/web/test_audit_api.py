"""Audits over the API: who may, what starts, what comes back page by page."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from catalog.audit.findings import keep_differences
from catalog.audit.options import AuditOptions
from catalog.check import Difference, Report
from catalog.queue import RUN_JOB
from tests.fakes import FakeQueue
from tests.web.conftest import Api, Shop
from tests.web.test_audit_pages import add_audit, add_coverage, add_groups, index_result

MakeApi = Callable[[str | None], Api]


@pytest.mark.parametrize(("scope", "status"), [(None, 401), ("read", 403), ("ingest", 403)])
def test_only_admins_start_audits_and_read_findings(
    api: MakeApi, scope: str | None, status: int
) -> None:
    call = api(scope)
    assert call("POST", "/audit", json={}).status_code == status
    assert call("GET", "/findings?kind=index").status_code == status
    assert call("POST", "/findings/1/dismiss", json={}).status_code == status


def test_an_audit_starts_with_what_is_asked_and_not_twice(api: MakeApi, queue: FakeQueue) -> None:
    call = api("admin")
    answer = call("POST", "/audit", json={"parts": ["coverage"], "few": 2})
    assert (answer.status_code, answer.json["kind"], answer.json["state"]) == (
        *(202, "audit", "queued"),
    )
    assert answer.json["parameters"]["few"] == 2
    assert [task.args for task in queue.named(RUN_JOB)] == [(answer.json["id"],)]
    assert call("POST", "/audit", json={}).status_code == 409
    listed = call("GET", "/jobs").json["items"]
    assert [job["kind"] for job in listed] == ["audit"]
    cancelled = call("POST", f"/jobs/{answer.json['id']}/cancel").json
    assert cancelled["state"] == "cancelled"
    every = call("POST", "/audit", json={}).json["parameters"]
    assert every == AuditOptions().model_dump(mode="json")


@pytest.mark.parametrize(
    "wrong", [{"parts": []}, {"parts": ["all"]}, {"few": 0}, {"likeness": 2}, {"fewer": 1}]
)
def test_what_no_audit_can_look_for_is_refused(api: MakeApi, wrong: dict[str, Any]) -> None:
    assert api("admin")("POST", "/audit", json=wrong).status_code == 422


def test_before_the_first_audit_there_are_no_findings(api: MakeApi) -> None:
    answer = api("admin")("GET", "/findings?kind=coverage")
    assert (answer.status_code, answer.json) == (200, {"job": None, "items": [], "next": None})
    assert api("admin")("GET", "/findings?kind=nonsense").status_code == 422


def pages(call: Api, path: str) -> list[dict[str, Any]]:
    found, cursor = [], ""
    while True:
        answer = call("GET", f"{path}&limit=2{cursor}")
        assert answer.status_code == 200
        found += answer.json["items"]
        if answer.json["next"] is None:
            return found
        cursor = f"&cursor={answer.json['next']}"


def test_differences_are_paged(api: MakeApi, session: Session) -> None:
    job = add_audit(session, index=index_result(point_missing=5))
    keep_differences(session, job.id, Report(found={Difference.POINT_MISSING: list("abcde")}))
    session.commit()
    found = pages(api("admin"), "/findings?kind=index")
    assert [(each["difference"], each["of"]) for each in found] == [
        ("point_missing", key) for key in "abcde"
    ]
    answer = api("admin")("GET", "/findings?kind=index&cursor=x")
    assert answer.status_code == 422


def test_items_with_few_look_alikes_are_paged(api: MakeApi, shop: Shop, session: Session) -> None:
    items = [shop.add_item(f"SKU{n}") for n in range(5)]
    job = add_coverage(session, {item: 4 - number for number, item in enumerate(items)})
    found = pages(api("admin"), "/findings?kind=coverage&sort=fewest")
    assert [(each["items"][0]["sku"], each["found"]) for each in found] == [
        (f"SKU{4 - n}", n) for n in range(5)
    ]
    assert {each["reason"] for each in found} == {"few"}
    assert found[0]["items"][0]["thumbnail_url"]
    answer = api("admin")("GET", "/findings?kind=coverage").json
    assert answer["job"]["id"] == str(job.id)
    assert answer["job"]["result"]["coverage"]["few"] == 5


def test_twins_are_named_and_dismissed(api: MakeApi, shop: Shop, session: Session) -> None:
    one, two, three = (shop.add_item(sku) for sku in "ABC")
    add_groups(session, shop, (one, two, 0.99, False), (two, three, 1.0, True))
    call = api("admin")
    (group,) = call("GET", "/findings?kind=duplicates").json["items"]
    assert (group["score"], group["same_photo"], group["size"]) == (1.0, True, 3)
    assert [item["sku"] for item in group["items"]] == ["A", "B", "C"]
    assert [pair["items"] for pair in group["pairs"]] == [[two.id, three.id], [one.id, two.id]]
    assert call("GET", "/findings?kind=duplicates&same_photo=false").json["items"] == []
    wrong = call("POST", f"/findings/{group['id']}/dismiss", json={"item": 99999})
    assert wrong.status_code == 404
    done = call("POST", f"/findings/{group['id']}/dismiss", json={"item": one.id})
    assert done.json == {"dismissed": 1}
    (left,) = call("GET", "/findings?kind=duplicates").json["items"]
    assert [item["sku"] for item in left["items"]] == ["B", "C"]
    assert call("POST", f"/findings/{left['id']}/dismiss", json={}).json == {"dismissed": 1}
    assert call("GET", "/findings?kind=duplicates").json["items"] == []
