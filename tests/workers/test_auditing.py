"""A whole audit: what it finds and keeps, in pieces or not, and what it leaves of earlier ones."""

import uuid
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog.audit.dismissing import count_dismissed, dismiss, list_dismissed, restore
from catalog.audit.options import AuditOptions, Part
from catalog.audit.reports import (
    FewSort,
    count_few,
    count_groups,
    few_cursor,
    find_last_audit,
    find_open_audit,
    find_report,
    group_cursor,
    list_differences,
    list_few,
    list_groups,
)
from catalog.background import start_background_job
from catalog.errors import InputError, NotFoundError
from catalog.operations import cancel_job
from catalog.photos.image_store import photo_key
from catalog.tables import Finding, FindingKind, Item, ItemView, Job, JobKind, JobState
from tests.workers.bench import Bench
from workers import auditing
from workers.background import run_job
from workers.sweeping import tidy

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


def audit(bench: Bench, piece_s: float = 60, **options: Any) -> Job:
    """An audit that has been run to its end."""
    services = bench.resources.services
    asked = AuditOptions.model_validate(options).model_dump(mode="json")
    with services.sessions() as session:
        job_id = start_background_job(session, services.queue, JobKind.AUDIT, asked).id
    for _ in range(50):
        run_job(bench.resources, job_id, piece_s)
        if bench.job(job_id).state is not JobState.RUNNING:
            return bench.job(job_id)
    raise AssertionError("the audit does not come to an end")


def findings(bench: Bench, kind: FindingKind) -> list[Finding]:
    with bench.resources.services.sessions() as session:
        return list(session.scalars(select(Finding).where(Finding.kind == kind)))


def id_of(session: Session, sku: str) -> int:
    return session.scalars(select(Item.id).where(Item.sku == sku)).one()


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """Two items of nearly the same red, a green and a blue one."""
    for sku, colour in (("r1", RED), ("r2", (198, 0, 0)), ("g", GREEN), ("b", BLUE)):
        bench.add(sku, colour)
    return bench


def test_one_audit_fills_all_three_reports(shop: Bench, session: Session) -> None:
    job = audit(shop, few=1)
    assert (job.state, job.error) == (JobState.DONE, None)
    assert job.done == job.total == 5
    assert job.result["index"]["differences"] == {}
    collections = job.result["index"]["collections"]
    assert [(each["entries"], each["points"]) for each in collections.values()] == [(4, 4)]
    assert job.result["coverage"] == {"items": 4, "few": 2, "none": 2, "unseen": 0}
    assert job.result["duplicates"] == {"items": 4, "groups": 1, "alike": 2, "cut_off": False}
    few = {finding.item_id for finding in findings(shop, FindingKind.COVERAGE)}
    assert few == {id_of(session, "g"), id_of(session, "b")}
    (twins,) = findings(shop, FindingKind.DUPLICATES)
    assert twins.detail["items"] == [id_of(session, "r1"), id_of(session, "r2")]
    assert findings(shop, FindingKind.PAIR) == []


def test_in_pieces_it_finds_the_same(shop: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = audit(shop, few=1)
    monkeypatch.setattr(auditing, "_ITEMS", 1)
    monkeypatch.setattr(auditing.Run, "is_over", property(_every_other_time()))
    pieces = audit(shop, few=1)
    assert (pieces.result, pieces.done) == (whole.result, whole.done)
    assert pieces.id != whole.id
    assert {finding.job_id for finding in findings(shop, FindingKind.COVERAGE)} == {pieces.id}


def _every_other_time() -> Any:
    asked = [0]

    def is_over(_: object) -> bool:
        asked[0] += 1
        return asked[0] % 2 == 0

    return is_over


def test_a_part_that_is_not_asked_for_keeps_its_last_report(shop: Bench, session: Session) -> None:
    first = audit(shop, few=1)
    second = audit(shop, parts=["duplicates"])
    assert list(second.result) == ["duplicates"]
    reports = {part: find_report(session, part) for part in Part}
    assert {part: job and job.id for part, job in reports.items()} == {
        Part.INDEX: first.id,
        Part.COVERAGE: first.id,
        Part.DUPLICATES: second.id,
    }
    assert {finding.job_id for finding in findings(shop, FindingKind.COVERAGE)} == {first.id}
    assert {finding.job_id for finding in findings(shop, FindingKind.DUPLICATES)} == {second.id}
    last = find_last_audit(session)
    assert last is not None
    assert last.id == second.id
    assert find_open_audit(session) is None


def test_another_index_begins_the_scan_anew(shop: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "_ITEMS", 1)
    monkeypatch.setattr(auditing.Run, "is_over", property(_every_other_time()))
    services = shop.resources.services
    asked = AuditOptions(parts=(Part.COVERAGE,), few=1).model_dump(mode="json")
    with services.sessions() as session:
        job_id = start_background_job(session, services.queue, JobKind.AUDIT, asked).id
    for _ in range(3):
        run_job(shop.resources, job_id)
    with services.sessions.begin() as session:
        place = shop.job(job_id).result
        assert place["scan"]["items"] > 0
        place["scan"]["generation"] = 999
        session.execute(update(Job).where(Job.id == job_id).values(result=place))
    for _ in range(20):
        run_job(shop.resources, job_id)
    assert shop.job(job_id).result["coverage"]["items"] == 4


def test_a_repair_mends_what_it_can_and_tells_the_rest(shop: Bench, session: Session) -> None:
    services, active = shop.resources.services, shop.active()
    ids = [id_ for id_, _ in services.index.scroll_ids(active.collection)]
    services.index.delete(active.collection, ids[:1])
    services.images.put(photo_key("ab" * 32), b"nobody's", "image/jpeg")
    job = audit(shop, parts=["index"])
    assert job.result["index"]["differences"] == {"bytes_orphaned": 1, "point_missing": 1}
    assert job.result["index"]["collections"][active.collection]["missing"] == 1
    listed = list_differences(session, job.id)
    assert {(f.detail["difference"], f.detail["of"]) for f in listed} == {
        ("bytes_orphaned", photo_key("ab" * 32)),
        ("point_missing", str(ids[0])),
    }
    repaired = audit(shop, parts=["index"], repair=True)
    assert repaired.result["index"]["repaired"] == {"bytes_orphaned": 1, "point_missing": 1}
    assert repaired.result["index"]["differences"] == {}
    assert list_differences(session, repaired.id) == []
    assert not services.images.exists(photo_key("ab" * 32))


def test_no_more_than_so_many_differences_are_kept(
    shop: Bench, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.audit.findings.MOST_DIFFERENCES", 2)
    services, active = shop.resources.services, shop.active()
    ids = [id_ for id_, _ in services.index.scroll_ids(active.collection)]
    services.index.delete(active.collection, ids)
    job = audit(shop, parts=["index"])
    assert job.result["index"]["differences"] == {"point_missing": 4}
    assert len(list_differences(session, job.id)) == 2


def test_few_look_alikes_are_listed_by_views_or_by_number(shop: Bench, session: Session) -> None:
    shop.add("r3", (202, 0, 0))
    session.add(ItemView(item_id=id_of(session, "b"), views=7))
    session.add(ItemView(item_id=id_of(session, "r2"), views=3))
    session.commit()
    job = audit(shop, parts=["coverage"], few=4)

    def pages(sort: FewSort) -> list[tuple[str, float, int]]:
        listed, cursor = [], None
        while page := list_few(session, job.id, sort, cursor=cursor, limit=2):
            listed += [(few.item.sku, few.finding.weight, few.views) for few in page]
            cursor = few_cursor(page[-1], sort)
        return listed

    assert pages(FewSort.VIEWED) == [
        *[("b", 0, 7), ("r2", 2, 3)],
        *[("g", 0, 0), ("r1", 2, 0), ("r3", 2, 0)],
    ]
    assert [sku for sku, _, _ in pages(FewSort.FEWEST)] == ["b", "g", "r2", "r1", "r3"]
    assert sum(count_few(session, job.id).values()) == 5
    with pytest.raises(InputError):
        list_few(session, job.id, cursor="nonsense")


def test_what_is_dismissed_stays_so_until_it_is_taken_back(shop: Bench, session: Session) -> None:
    shop.add("r3", (202, 0, 0))
    job = audit(shop, parts=["duplicates"])
    (group,) = list_groups(session, job.id)
    assert group.detail["size"] == 3
    odd = id_of(session, "r3")
    assert dismiss(session, group.id, odd) == 2
    (left,) = list_groups(session, job.id)
    assert odd not in left.detail["items"]
    (again,) = list_groups(session, audit(shop, parts=["duplicates"]).id)
    assert again.detail["items"] == left.detail["items"]
    assert dismiss(session, again.id) == 1
    assert audit(shop, parts=["duplicates"]).result["duplicates"]["groups"] == 0
    pairs = list_dismissed(session, 10)
    assert len(pairs) == count_dismissed(session) == 3
    for pair in pairs:
        restore(session, pair.item.id, pair.other.id)
    with pytest.raises(NotFoundError):
        restore(session, pairs[0].item.id, pairs[0].other.id)
    (whole,) = list_groups(session, audit(shop, parts=["duplicates"]).id)
    assert whole.detail["size"] == 3


def test_only_what_is_in_a_group_can_be_dismissed(shop: Bench, session: Session) -> None:
    job = audit(shop, parts=["coverage", "duplicates"], few=1)
    (group,) = list_groups(session, job.id)
    with pytest.raises(NotFoundError):
        dismiss(session, group.id, id_of(session, "g"))
    session.rollback()
    with pytest.raises(NotFoundError):
        dismiss(session, findings(shop, FindingKind.COVERAGE)[0].id)


def test_groups_are_paged_and_told_apart_by_photo(shop: Bench, session: Session) -> None:
    shop.add("b2", (0, 0, 198))
    job = audit(shop, parts=["duplicates"])
    (first,) = list_groups(session, job.id, limit=1)
    (second,) = list_groups(session, job.id, cursor=group_cursor(first))
    assert first.id != second.id
    assert list_groups(session, job.id, cursor=group_cursor(second)) == []
    assert count_groups(session, job.id) == {False: 2}
    assert list_groups(session, job.id, same_photo=True) == []


def test_an_audit_of_nothing_says_so(bench: Bench) -> None:
    job = audit(bench)
    assert job.state is JobState.DONE
    assert job.result["coverage"]["items"] == job.result["duplicates"]["groups"] == 0


def test_an_index_that_is_gone_is_for_a_later_try(
    shop: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.errors import IndexUnavailableError

    shop.resources.services.index.drop_collection(shop.active().collection)
    with pytest.raises(IndexUnavailableError):
        audit(shop, parts=["coverage"])


def test_parameters_that_no_audit_has_fail_the_job(shop: Bench) -> None:
    services = shop.resources.services
    with services.sessions() as session:
        wrong = {"parts": ["everything"]}
        job_id: uuid.UUID = start_background_job(session, services.queue, JobKind.AUDIT, wrong).id
    run_job(shop.resources, job_id)
    assert shop.job(job_id).state is JobState.FAILED
    assert "parts" in str(shop.job(job_id).error)


def test_what_was_repaired_is_in_the_log(shop: Bench) -> None:
    services, active = shop.resources.services, shop.active()
    services.index.delete(
        active.collection, [i for i, _ in services.index.scroll_ids(active.collection)]
    )
    job = audit(shop, parts=["index"], repair=True)
    assert shop.log(job.id) == "repaired: point_missing 4"


def test_a_worker_that_dies_at_the_very_end_loses_nothing(
    shop: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """What a test can do about a process that dies."""

    def die(*_: object) -> bool:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("workers.background._finish", die)
        with pytest.raises(Killed):
            audit(shop, few=1)
    with shop.resources.services.sessions() as session:
        job_id = session.scalars(select(Job.id)).one()
    run_job(shop.resources, job_id)
    job = shop.job(job_id)
    assert job.state is JobState.DONE
    assert job.result["duplicates"]["groups"] == len(findings(shop, FindingKind.DUPLICATES)) == 1
    assert "concluded" not in job.result


def test_what_a_cancelled_audit_has_found_is_tidied_away(
    shop: Bench, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = audit(shop, few=1)
    monkeypatch.setattr(auditing, "_ITEMS", 1)
    services = shop.resources.services
    job_id = start_background_job(session, services.queue, JobKind.AUDIT).id
    run_job(shop.resources, job_id, 0)
    session.add(Finding(job_id=job_id, kind=FindingKind.COVERAGE, key="1"))
    session.commit()
    tidy(shop.resources)
    assert {finding.job_id for finding in findings(shop, FindingKind.COVERAGE)} == {done.id, job_id}
    cancel_job(session, services.index, job_id)
    run_job(shop.resources, job_id, 0)
    tidy(shop.resources)
    assert {finding.job_id for finding in findings(shop, FindingKind.COVERAGE)} == {done.id}
