"""The photos of one ingest: whose they are, how far, and a new start for those that failed."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from catalog.ingest_photos import (
    count_ingest_photos,
    list_ingest_failures,
    retry_all_photos,
    retry_ingest_photos,
)
from catalog.items import ItemRow, upsert_items
from catalog.jobs import start_job
from catalog.photos.lost import BYTES_LOST
from catalog.photos.remedies import find_remedy
from catalog.queue import INDEX_PHOTOS
from catalog.tables import Job, JobKind, Photo, PhotoState
from tests.catalog.conftest import AddPhotos
from tests.fakes import FakeQueue


@pytest.fixture
def jobs(session: Session, add_photos: AddPhotos) -> tuple[Job, Job]:
    """An ingest of the items A1 with photos 1-3 and A2 with 4; then one of A2 alone."""
    photos = add_photos("1", "2", "3", "4")
    first, second = (start_job(session, JobKind.INGEST, "shop") for _ in range(2))
    shas = [photo.sha256 for photo in photos]
    rows = [
        ItemRow(sku="A1", title="A1", photos=shas[:3]),
        ItemRow(sku="A2", title="A2", photos=shas[3:]),
    ]
    upsert_items(session, "shop", rows, first.id)
    upsert_items(session, "shop", rows[1:], second.id)
    photos[0].state = photos[3].state = PhotoState.FAILED
    photos[0].reason, photos[0].attempts = "its worker died 3 times on this photo", 3
    photos[1].state = PhotoState.INDEXED
    photos[1].indexed_at = datetime.now(UTC) - timedelta(hours=1)
    session.commit()
    return first, second


def test_an_ingest_has_the_photos_of_what_it_was_the_last_to_name(
    session: Session, jobs: tuple[Job, Job]
) -> None:
    first, second = jobs
    photos = count_ingest_photos(session, first.id)
    assert (photos.indexed, photos.waiting, photos.working, photos.failed) == (1, 1, 0, 1)
    assert (photos.total, photos.open, photos.per_second, photos.seconds_left) == (3, 1, None, None)
    assert count_ingest_photos(session, second.id).failed == 1
    (failed,) = list_ingest_failures(session, first.id, 10)
    assert [link.item.sku for link in failed.links] == ["A1"]


def test_photos_that_were_indexed_of_late_give_a_rate(
    session: Session, jobs: tuple[Job, Job]
) -> None:
    for photo in session.query(Photo).order_by(Photo.id).limit(2):
        photo.state = PhotoState.INDEXED
        photo.indexed_at = datetime.now(UTC) - timedelta(seconds=20)
    session.commit()
    photos = count_ingest_photos(session, jobs[0].id)
    assert photos.per_second == pytest.approx(0.1, rel=0.3)
    assert photos.seconds_left == pytest.approx(10, rel=0.3)


def test_a_retry_is_of_that_ingest_alone(
    session: Session, jobs: tuple[Job, Job], queue: FakeQueue
) -> None:
    assert retry_ingest_photos(session, queue, jobs[0].id) == 1
    assert len(queue.named(INDEX_PHOTOS)) == 1
    assert count_ingest_photos(session, jobs[0].id).failed == 0
    assert count_ingest_photos(session, jobs[1].id).failed == 1
    assert retry_ingest_photos(session, queue, jobs[0].id) == 0
    assert retry_all_photos(session, queue) == 1
    assert count_ingest_photos(session, jobs[1].id).failed == 0


@pytest.mark.parametrize(
    ("reason", "problem", "retry_helps"),
    [
        (BYTES_LOST, "lost the photo's file", False),
        ("its worker died 3 times on this photo", "broke down", True),
        ("the models failed on it: out of memory", "memory", True),
        ("it failed 3 times, the last time with: ValueError: x", "again and again", True),
        ("9000 x 9000 pixels; at most 40,000,000 in all are allowed", "too many pixels", False),
        ("damaged or incomplete: cut; export it again", "damaged", False),
        ("this is no JPEG, PNG or WebP file", "no photo", False),
        (None, "could not be indexed", True),
    ],
)
def test_each_reason_has_a_remedy(reason: str | None, problem: str, retry_helps: bool) -> None:
    remedy = find_remedy(reason)
    assert problem in remedy.problem
    assert remedy.retry_helps == retry_helps
