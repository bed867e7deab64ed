"""The pages of jobs: progress in words, failures with their pictures, retries."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from catalog.jobs import finish_job, log_job, start_job
from catalog.photos.image_store import photo_key
from catalog.queue import INDEX_PHOTOS
from catalog.tables import Item, Job, JobKind, JobState, PhotoState
from tests.fakes import FakeQueue
from tests.statements import counted_statements
from tests.web.conftest import Api, Shop
from web.durations import format_duration, format_rate, format_time_left


@pytest.fixture
def ingest(shop: Shop, session: Session) -> Job:
    """An ingest of one good item and two whose photos failed; the picture of one can't be read."""
    job = start_job(session, JobKind.INGEST, parameters={"prune": False})
    shop.add_item("A1")
    shop.add_item("A2", state=PhotoState.FAILED)
    broken = shop.add_item("A3", state=PhotoState.FAILED)
    shop.services.images.put(photo_key(broken.photo_links[0].photo.sha256), b"x", "image/jpeg")
    session.execute(update(Item).values(seen_by_job=job.id))
    session.commit()
    return job


def test_without_jobs_the_list_says_how_to_start_one(admin: FlaskClient) -> None:
    page = admin.get("/admin/jobs").text
    assert "No job yet" in page
    assert "lookalike ingest" in page


def test_a_running_job_tells_rate_and_time_left(admin: FlaskClient, session: Session) -> None:
    job = start_job(session, JobKind.REINDEX, parameters={"kind": "crops"}, total=1000)
    job.state, job.done, job.recent = JobState.RUNNING, 400, [[0, 0], [100, 200]]
    job.heartbeat_at = datetime.now(UTC)
    session.commit()
    for path in (f"/admin/jobs/{job.id}", "/admin/jobs", "/admin/progress", "/admin/reindex"):
        page = admin.get(path).text
        assert "2.0 garments a second" in page, path
        assert "about 5 minutes left" in page, path
    fragment = admin.get(f"/admin/jobs/{job.id}?fragment=1").text
    assert "data-open" in fragment
    assert 'data-words="running, 40 percent, about 5 minutes left"' in fragment
    job.heartbeat_at = datetime.now(UTC) - timedelta(minutes=5)
    session.commit()
    assert "nothing heard for 5 minutes" in admin.get("/admin/jobs").text


def test_the_list_calls_each_kind_by_its_name_and_unit(
    admin: FlaskClient, session: Session
) -> None:
    names = {JobKind.AUDIT: "Audit", JobKind.MAP: "Map"}
    links = []
    for kind, name in names.items():
        job = start_job(session, kind, total=1000)
        links.append(f'/admin/jobs/{job.id}">{name}</a>')
        job.state, job.done, job.recent = JobState.RUNNING, 400, [[0, 0], [100, 200]]
        job.heartbeat_at = datetime.now(UTC)
    session.commit()
    page = admin.get("/admin/jobs").text
    assert all(link in page for link in links)
    assert all(words in page for words in ("2.0 items a second", "2.0 garments a second"))


def test_the_list_goes_on_with_older_jobs(admin: FlaskClient, session: Session) -> None:
    for _ in range(51):
        start_job(session, JobKind.INGEST, "shop")
    session.commit()
    first = admin.get("/admin/jobs").text
    assert "1–50 of 51" in first
    assert "Older" in first
    assert "Newer" in admin.get("/admin/jobs?page=2").text


def test_an_ingest_shows_its_failures_with_pictures_and_remedies(
    admin: FlaskClient, ingest: Job, session: Session
) -> None:
    page = admin.get(f"/admin/jobs/{ingest.id}").text
    assert "1 of 3 photos" in page
    assert "broke down on this one" in page
    assert "Retry all 2" in page
    for sku, kind in (("A2", "image/webp"), ("A3", "image/svg+xml")):
        item = session.query(Item).filter_by(sku=sku).one()
        sha256 = item.photo_links[0].photo.sha256
        assert f"/admin/failures/{sha256}/picture" in page
        assert admin.get(f"/admin/failures/{sha256}/picture").mimetype == kind
    assert admin.get("/admin/failures/none/picture").status_code == 404


def test_one_or_all_failed_photos_of_an_ingest_are_retried(
    admin: FlaskClient, ingest: Job, session: Session, queue: FakeQueue
) -> None:
    photo = session.query(Item).filter_by(sku="A2").one().photo_links[0].photo
    path = f"/admin/jobs/{ingest.id}/retry"
    one = admin.post(path, data={"sha256": photo.sha256}, follow_redirects=True).text
    assert "waiting to be indexed again" in one
    everything = admin.post(path, follow_redirects=True).text
    assert "1 photo will be indexed again" in everything
    assert len(queue.named(INDEX_PHOTOS)) == 2
    assert "nothing to retry" in admin.post(path, follow_redirects=True).text


def test_all_failures_can_be_retried_at_once(
    admin: FlaskClient, ingest: Job, queue: FakeQueue
) -> None:
    assert "Retry all 2" in admin.get("/admin/failures").text
    assert "2 photos will be" in admin.post("/admin/failures/retry", follow_redirects=True).text
    assert "No failures" in admin.get("/admin/failures").text


def test_rejected_rows_are_shown_with_what_to_do(admin: FlaskClient, session: Session) -> None:
    job = start_job(session, JobKind.INGEST, "shop")
    row = {"line": 7, "sku": "<b>A9</b>", "reason": "the price is negative", "remedy": "Mend it"}
    finish_job(session, job.id, JobState.DONE, {"rejected": 3, "rejected_rows": [row]})
    session.commit()
    page = admin.get(f"/admin/jobs/{job.id}").text
    assert "the price is negative" in page
    assert "&lt;b&gt;A9" in page
    assert "The first 1 of 3 rows" in page
    finish_told = start_job(session, JobKind.INGEST, "shop")
    finish_job(session, finish_told.id, JobState.DONE, {"rejected": 2})
    session.commit()
    assert "Whoever sent them was told" in admin.get(f"/admin/jobs/{finish_told.id}").text


def test_a_job_page_asks_as_often_for_many_failures_as_for_few(
    admin: FlaskClient, ingest: Job, shop: Shop, session: Session
) -> None:
    def statements() -> int:
        with counted_statements(shop.services.engine) as sent:
            admin.get(f"/admin/jobs/{ingest.id}")
        return len(sent)

    before = statements()
    for number in range(5):
        shop.add_item(f"B{number}", state=PhotoState.FAILED)
        log_job(session, ingest.id, "error", f"line {number}")
    session.execute(update(Item).values(seen_by_job=ingest.id))
    session.commit()
    assert statements() == before


def test_a_job_is_cancelled_from_its_page(admin: FlaskClient, session: Session) -> None:
    job = start_job(session, JobKind.INGEST, "shop")
    session.commit()
    answer = admin.post(f"/admin/jobs/{job.id}/cancel")
    assert answer.location == f"/admin/jobs/{job.id}"
    assert "The ingest is cancelled" in admin.get(answer.location).text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.4, "less than a second"),
        (1, "1 second"),
        (80, "1 minute 20 seconds"),
        (720, "12 minutes"),
        (3600, "1 hour"),
        (4800, "1 hour 20 minutes"),
        (100_000, "1 day 3 hours"),
    ],
)
def test_durations_are_said_in_words(seconds: float | None, words: str) -> None:
    assert format_duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (20, "less than a minute left"),
        (170, "about 3 minutes left"),
        (5000, "about 1 hour 20 minutes left"),
    ],
)
def test_time_left_is_rounded(seconds: float | None, words: str) -> None:
    assert format_time_left(seconds) == words


@pytest.mark.parametrize(
    ("per_second", "words"),
    [
        (None, ""),
        (1234.5, "1,234 photos a second"),
        (2.25, "2.2 photos a second"),
        (0.4, "24 photos a minute"),
        (0.001, "3.6 photos a hour"),
    ],
)
def test_rates_are_said_in_the_unit_that_fits(per_second: float | None, words: str) -> None:
    assert format_rate(per_second, "photos") == words.replace("a hour", "an hour")


def test_the_api_tells_rate_and_time_left(
    api: Callable[[str | None], Api], session: Session
) -> None:
    job = start_job(session, JobKind.INGEST, "shop", total=100)
    job.done, job.recent = 50, [[0, 0], [10, 50]]
    session.commit()
    told = api("admin")("GET", f"/jobs/{job.id}").json
    assert (told["per_second"], told["seconds_left"]) == (5.0, 10.0)
