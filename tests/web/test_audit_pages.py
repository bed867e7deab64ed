"""The pages of audits: what they show at each stage, and what their buttons do."""

import csv
import html
import io
import re
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.accounts import create_user
from catalog.audit.duplicates import Pair, group_pairs
from catalog.audit.findings import group_row, keep_differences, keep_few
from catalog.audit.items import AuditedItem, SoldGarment
from catalog.audit.options import AuditOptions
from catalog.check import Difference, Report
from catalog.queue import RUN_JOB
from catalog.tables import (
    DismissedPair,
    Finding,
    FindingKind,
    Item,
    ItemView,
    Job,
    JobKind,
    JobState,
)
from tests.fakes import FakeQueue
from tests.statements import counted_statements
from tests.web.conftest import PASSWORD, Shop
from web.audit_words import MEANINGS

PAGES = ("/admin/health", "/admin/coverage", "/admin/duplicates")
ALL = (
    *PAGES,
    *("/admin/coverage.csv", "/admin/duplicates.csv", "/admin/duplicates/dismissed"),
    *(f"/admin/audit/{part}/progress" for part in ("index", "coverage", "duplicates")),
)
FORMS = ("/admin/audit/index", "/admin/audit/coverage", "/admin/audit/duplicates")


def add_audit(session: Session, state: JobState = JobState.DONE, **result: Any) -> Job:
    job = Job(
        kind=JobKind.AUDIT,
        state=state,
        parameters=AuditOptions().model_dump(mode="json"),
        result=result,
        finished_at=func.now() if state is JobState.DONE else None,
        done=3,
        total=10,
    )
    session.add(job)
    session.commit()
    return job


def add_coverage(session: Session, items: dict[Item, int]) -> Job:
    counts = {"items": 9, "few": len(items), "none": 1, "unseen": 0}
    job = add_audit(session, coverage=counts)
    seen = [SoldGarment(uuid4(), 1, "pants", [1.0])]
    audited = [AuditedItem(item.id, item.sku, item.price, item.currency, seen) for item in items]
    keep_few(session, job.id, audited, {item.id: number for item, number in items.items()})
    session.commit()
    return job


def add_groups(session: Session, shop: Shop, *pairs: tuple[Item, Item, float, bool]) -> Job:
    made = [
        Pair(
            *(one.id, two.id, score),
            *(shop.garments(one)[0].id, shop.garments(two)[0].id),
            *("jacket", same_photo),
        )
        for one, two, score, same_photo in pairs
    ]
    groups = group_pairs(made)
    counts = {"items": 9, "groups": len(groups), "alike": 2, "cut_off": False}
    job = add_audit(session, duplicates=counts)
    for group in groups:
        session.add(Finding(job_id=job.id, kind=FindingKind.DUPLICATES, **group_row(group)))
    session.commit()
    return job


@pytest.mark.parametrize("path", ALL)
def test_only_admins_see_them(app: Flask, session: Session, path: str) -> None:
    client = app.test_client()
    assert client.get(path).location.startswith("/login?next=")
    app.config["WTF_CSRF_ENABLED"] = False
    create_user(session, "user@example.com", PASSWORD)
    session.commit()
    client.post("/login", data={"email": "user@example.com", "password": PASSWORD})
    assert client.get(path).status_code == 403


@pytest.mark.parametrize(
    "path", [*FORMS, "/admin/duplicates/1/dismiss", "/admin/duplicates/dismissed/1/2/restore"]
)
def test_what_changes_something_needs_the_forms_own_token(
    app: Flask, admin: FlaskClient, queue: FakeQueue, path: str
) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    assert admin.post(path).status_code == 400
    assert queue.sent == []


@pytest.mark.parametrize("path", PAGES)
def test_before_the_first_audit_a_page_says_how_to_begin(admin: FlaskClient, path: str) -> None:
    page = admin.get(path)
    assert page.status_code == 200
    assert "Not looked at yet." in page.text
    assert re.search(r"<h2>No (check|report) yet</h2>", page.text)


def test_an_audit_is_started_once_with_what_the_form_says(
    admin: FlaskClient, session: Session, queue: FakeQueue
) -> None:
    form = {"few": "3", "price_percent": "20", "likeness": "0.85"}
    assert admin.post("/admin/audit/coverage", data=form).location == "/admin/coverage"
    job = session.scalars(select(Job)).one()
    assert job.parameters == {
        **AuditOptions().model_dump(mode="json"),
        "parts": ["coverage"],
        "few": 3,
        "price_percent": 20,
        "likeness": 0.85,
    }
    assert [task.args for task in queue.named(RUN_JOB)] == [(str(job.id),)]
    page = admin.get("/admin/coverage").text
    assert "waits for a worker" in page
    again = admin.post("/admin/audit/coverage", data=form, follow_redirects=True)
    assert "under way already" in again.text


@pytest.mark.parametrize(
    ("path", "form", "wrong"),
    [
        ("/admin/audit/coverage", {"few": "0", "price_percent": "20", "likeness": "0.7"}, "Fewer"),
        ("/admin/audit/coverage", {"few": "4", "price_percent": "x", "likeness": "0.7"}, "Price"),
        ("/admin/audit/coverage", {"few": "4", "price_percent": "20", "likeness": "9"}, "alike"),
        ("/admin/audit/duplicates", {"identical": "0.2"}, "How alike at least"),
    ],
)
def test_what_an_audit_can_not_look_for_is_refused_in_words(
    admin: FlaskClient, queue: FakeQueue, path: str, form: dict[str, str], wrong: str
) -> None:
    page = admin.post(path, data=form, follow_redirects=True)
    assert "alert-danger" in page.text
    assert wrong in page.text
    assert queue.sent == []


def test_all_parts_and_a_repair_are_only_done_when_asked_for(
    admin: FlaskClient, session: Session
) -> None:
    def started(path: str, **form: str) -> dict[str, Any]:
        admin.post(path, data=form)
        job = session.scalars(select(Job).order_by(Job.created_at.desc()).limit(1)).one()
        job.state = JobState.DONE
        session.commit()
        return job.parameters

    assert started("/admin/audit/index")["parts"] == ["index"]
    assert not started("/admin/audit/index")["repair"]
    assert started("/admin/audit/index", repair="1")["repair"]
    every = started("/admin/audit/duplicates", identical="0.99", all="1", repair="1")
    assert (every["parts"], every["repair"]) == (["index", "coverage", "duplicates"], False)
    assert every["identical"] == 0.99


def test_progress_is_told_until_there_are_new_results(admin: FlaskClient, session: Session) -> None:
    job = add_audit(session, JobState.RUNNING)
    page = admin.get("/admin/health").text
    fragment = re.search(r'data-live="([^"]+)"', page)
    assert fragment
    path = fragment[1].replace("&amp;", "&")
    assert "3 of 10" in admin.get(path).text
    assert f"/admin/jobs/{job.id}/cancel" in page
    job.state, job.result, job.finished_at = JobState.DONE, {"index": index_result()}, func.now()
    session.commit()
    assert "Show the new results" in admin.get(path).text
    assert "Show the new results" not in admin.get("/admin/health").text


def test_a_failed_audit_says_why_and_leaves_the_last_results(
    admin: FlaskClient, session: Session
) -> None:
    add_audit(session, index=index_result())
    failed = add_audit(session, JobState.FAILED)
    failed.error = "The index has burnt down."
    failed.created_at = func.now()
    session.commit()
    page = admin.get("/admin/health").text
    assert "The index has burnt down." in page
    assert "Everything agrees" in page


def index_result(**differences: int) -> dict[str, Any]:
    return {"photos": 5, "garments": 7, "behind": 0, "differences": differences, "collections": {}}


def test_health_counts_both_sides_as_they_are_now(
    admin: FlaskClient, shop: Shop, session: Session
) -> None:
    item = shop.add_item("A1", ("jacket", "pants"))
    page = admin.get("/admin/health").text
    assert re.sub(r"<[^>]+>|\s+", " ", page).count(" 2 ") >= 2
    assert "The same" in page
    shop.services.index.delete(shop.generation.collection, [shop.garments(item)[0].id])
    page = admin.get("/admin/health").text
    assert "-1: run a check" in page


def test_health_explains_every_kind_of_difference(admin: FlaskClient, session: Session) -> None:
    assert set(MEANINGS) == {each.name.lower() for each in Difference}
    job = add_audit(session, index=index_result(**dict.fromkeys(MEANINGS, 2)))
    keep_differences(session, job.id, Report(found={each: ["a", "b"] for each in Difference}))
    session.commit()
    page = html.unescape(admin.get("/admin/health").text)
    for meaning in MEANINGS.values():
        assert meaning.title in page
        assert meaning.repair in page
    assert "Repair now" in page
    assert page.count("<code>a</code>") == page.count("<code>b</code>") == 7


def test_health_survives_an_index_that_is_down(
    admin: FlaskClient, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.errors import IndexUnavailableError

    def down(*_: object) -> int:
        raise IndexUnavailableError("no answer")

    monkeypatch.setattr(type(shop.services.index), "count", down)
    page = admin.get("/admin/health")
    assert page.status_code == 200
    assert "The index does not answer." in page.text


def test_coverage_lists_filters_sorts_and_pages(
    admin: FlaskClient, shop: Shop, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pages.audit._SHOWN", 2)
    items = [shop.add_item(f"SKU{n}", price=10, currency="EUR") for n in range(5)]
    session.add(ItemView(item_id=items[3].id, views=12))
    job = add_coverage(session, {item: number % 3 for number, item in enumerate(items)})
    session.get_one(Finding, first_id(session)).category = "jacket"
    session.commit()
    page = admin.get("/admin/coverage").text
    assert skus(page) == ["SKU3", "SKU0"]
    assert "12 views" in page
    assert "No look-alikes" in page
    shown = []
    path: str | None = "/admin/coverage?sort=fewest"
    while path:
        page = admin.get(path).text
        shown += skus(page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        path = following[1].replace("&amp;", "&") if following else None
    assert shown == ["SKU3", "SKU0", "SKU1", "SKU4", "SKU2"]
    assert skus(admin.get("/admin/coverage?category=jacket").text) == ["SKU0"]
    assert admin.get("/admin/coverage?after=garbage&sort=wrong").status_code == 200
    items[0].deleted_at = func.now()
    session.commit()
    assert "SKU0" not in admin.get("/admin/coverage").text
    assert job.result["coverage"]["few"] == 5


def first_id(session: Session) -> int:
    return session.scalars(select(Finding.id).order_by(Finding.id).limit(1)).one()


def skus(page: str) -> list[str]:
    return re.findall(r'<small class="muted">(SKU\d)', page)


def test_a_page_asks_no_more_for_more_items(
    admin: FlaskClient, shop: Shop, session: Session, app: Flask
) -> None:
    counts = []
    for number in (2, 6):
        items = [shop.add_item(f"SKU{number}{n}") for n in range(number)]
        add_coverage(session, dict.fromkeys(items, 0))
        add_groups(session, shop, *((items[0], other, 0.99, False) for other in items[1:]))
        for path in ("/admin/coverage", "/admin/duplicates"):
            with counted_statements(shop.services.engine) as statements:
                assert admin.get(path).status_code == 200
            counts.append(len(statements))
    assert counts[:2] == counts[2:]
    assert max(counts) <= 12


def test_coverage_comes_as_a_table_that_no_spreadsheet_runs(
    admin: FlaskClient, shop: Shop, session: Session
) -> None:
    assert admin.get("/admin/coverage.csv").status_code == 404
    evil = shop.add_item("=1+1", price=12, currency="EUR")
    evil.title = '=HYPERLINK("http://evil.example")'
    add_coverage(session, {evil: 2, shop.add_item("A2"): 0})
    answer = admin.get("/admin/coverage.csv")
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["sku"] for row in rows] == ["A2", "'=1+1"]
    assert rows[1]["title"].startswith("'=")
    assert (rows[1]["look_alikes"], rows[1]["price"]) == ("2", "12.00")
    assert rows[1]["page"].endswith(f"/items/{evil.id}")


def test_twins_stand_side_by_side_with_why(
    admin: FlaskClient, shop: Shop, session: Session
) -> None:
    one, two, three, four = (shop.add_item(sku, price=10) for sku in ("A", "B", "C", "D"))
    add_groups(session, shop, (one, two, 0.991, False), (three, four, 1.0, True))
    page = admin.get("/admin/duplicates").text
    assert page.index("Title of C") < page.index("Title of A")
    assert page.count('class="state warn">Same photo<') == 1
    assert "Nearly identical" in page
    assert "cosine similarity 0.991" in page
    assert page.count("Same price") == 2
    only = admin.get("/admin/duplicates?photo=different").text
    assert "Title of A" in only
    assert "Title of C" not in only
    rows = list(csv.DictReader(io.StringIO(admin.get("/admin/duplicates.csv").text)))
    assert [(row["sku"], row["same_photo"]) for row in rows] == [
        *[("C", "True"), ("D", "True")],
        *[("A", "False"), ("B", "False")],
    ]
    assert rows[0]["group"] == rows[1]["group"] != rows[2]["group"]


def test_what_is_no_duplicate_is_dismissed_and_can_come_back(
    admin: FlaskClient, shop: Shop, session: Session
) -> None:
    one, two, three = (shop.add_item(sku) for sku in "ABC")
    add_groups(session, shop, (one, two, 0.99, False), (two, three, 0.99, False))
    page = admin.get("/admin/duplicates").text
    path = re.search(r'action="(/admin/duplicates/\d+/dismiss)"', page)
    assert path
    after = admin.post(path[1], data={"item": three.id}, follow_redirects=True).text
    assert "Title of C" not in after
    assert "Dismissed: 1 pair" in after
    gone = admin.post(path[1], follow_redirects=True).text
    assert "This group is gone" in gone
    listed = admin.get("/admin/duplicates/dismissed").text
    assert "Title of B" in listed
    assert "Title of C" in listed
    back = f"/admin/duplicates/dismissed/{two.id}/{three.id}/restore"
    assert "looks at these two again" in admin.post(back, follow_redirects=True).text
    assert session.scalars(select(DismissedPair)).all() == []
    assert "Nothing is dismissed" in admin.get("/admin/duplicates/dismissed").text


def test_a_group_of_which_one_item_is_left_is_not_shown(
    admin: FlaskClient, shop: Shop, session: Session
) -> None:
    one, two = shop.add_item("A"), shop.add_item("B")
    add_groups(session, shop, (one, two, 0.99, False))
    two.deleted_at = func.now()
    session.commit()
    page = admin.get("/admin/duplicates")
    assert page.status_code == 200
    assert "Title of A" not in page.text


def test_garments_of_before_a_reindex_do_not_break_the_page(
    admin: FlaskClient, shop: Shop, session: Session
) -> None:
    one, two = shop.add_item("A"), shop.add_item("B")
    add_groups(session, shop, (one, two, 0.99, False))
    finding = session.scalars(select(Finding)).one()
    gone = [str(uuid4()), str(uuid4())]
    pairs = [pair | {"garments": gone} for pair in finding.detail["pairs"]]
    finding.detail = finding.detail | {"pairs": pairs}
    session.commit()
    assert "Title of A" in admin.get("/admin/duplicates").text


def test_the_job_pages_name_audits(admin: FlaskClient, session: Session) -> None:
    job = add_audit(session, index=index_result())
    assert "Audit" in admin.get("/admin/").text
    page = admin.get(f"/admin/jobs/{job.id}").text
    assert page.count("/admin/health") == 2
    assert "{&#39;" not in page
