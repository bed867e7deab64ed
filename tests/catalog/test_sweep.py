"""What the sweep finds after workers died, queues were flushed and uploads were cut."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker

from catalog.items import upsert_items
from catalog.photos.image_store import photo_key, upload_key
from catalog.queue import INDEX_PHOTOS, enqueue_photos
from catalog.services import Services
from catalog.sweep import drop_orphans, expire_uploads, find_stale_photos
from catalog.tables import Photo, PhotoState, Upload, UploadGarment
from tests.catalog.conftest import AddPhotos, sha_of
from tests.fakes import FakeQueue

LONG_AGO = datetime.now(UTC) - timedelta(days=3)


def show(session: Session, *names: str) -> None:
    rows = [{"sku": name, "photos": [sha_of(name)]} for name in names]
    upsert_items(session, "shop", rows)
    session.commit()


def age(session: Session, photo: Photo, **values: object) -> None:
    session.execute(update(Photo).where(Photo.id == photo.id).values(**values))
    session.commit()


def test_photos_whose_task_was_lost_are_found(session: Session, add_photos: AddPhotos) -> None:
    lost, recent, never, new, unshown = add_photos("lost", "recent", "never", "new", "unshown")
    show(session, "lost", "recent", "never", "new")
    age(session, lost, claimed_at=LONG_AGO)
    age(session, recent, claimed_at=func.now())
    age(session, never, created_at=LONG_AGO)
    age(session, unshown, created_at=LONG_AGO)
    assert find_stale_photos(session, 900) == [lost.id, never.id]
    assert new.state is PhotoState.PENDING


def test_photos_of_a_dead_worker_are_pending_again_with_their_attempts(
    session: Session, add_photos: AddPhotos
) -> None:
    dead, alive, guilty = add_photos("dead", "alive", "guilty")
    show(session, "dead", "alive", "guilty")
    working = {"state": PhotoState.WORKING, "claimed_by": "task"}
    age(session, dead, **working, claimed_at=LONG_AGO, attempts=1)
    age(session, alive, **working, claimed_at=func.now(), attempts=1)
    age(session, guilty, **working, claimed_at=LONG_AGO, attempts=3)
    assert find_stale_photos(session, 900, max_attempts=3) == [dead.id]
    session.commit()
    session.expire_all()
    assert (dead.state, dead.attempts, dead.claimed_by) == (PhotoState.PENDING, 1, None)
    assert alive.state is PhotoState.WORKING
    assert (guilty.state, guilty.reason) == (
        PhotoState.FAILED,
        "its worker died 3 times on this photo",
    )


def test_a_photo_that_a_worker_holds_right_now_is_not_waited_for(
    sessions: sessionmaker[Session], session: Session, add_photos: AddPhotos
) -> None:
    (photo,) = add_photos("1")
    show(session, "1")
    age(session, photo, claimed_at=LONG_AGO)
    with sessions() as worker:
        worker.get(Photo, photo.id, with_for_update=True)
        assert find_stale_photos(session, 900) == []


def test_suspects_are_enqueued_alone_and_the_rest_in_chunks(
    session: Session, add_photos: AddPhotos, queue: FakeQueue
) -> None:
    photos = add_photos("1", "2", "3", "4", "5")
    age(session, photos[1], attempts=1)
    age(session, photos[4], state=PhotoState.INDEXED)
    ids = [photo.id for photo in photos]
    assert enqueue_photos(queue, session, ids, per_task=2) == 4
    sent = [list(task.args[0]) for task in queue.named(INDEX_PHOTOS)]
    assert sent == [[ids[0], ids[2]], [ids[3]], [ids[1]]]
    session.expire_all()
    assert all(photo.claimed_at for photo in photos[:4])
    assert photos[4].claimed_at is None


def test_with_the_broker_away_photos_stay_for_the_sweep(
    session: Session, add_photos: AddPhotos, queue: FakeQueue
) -> None:
    (photo,) = add_photos("1")
    queue.down = True
    assert enqueue_photos(queue, session, [photo.id], per_task=2) == 0
    session.expire_all()
    assert (photo.state, photo.claimed_at) == (PhotoState.PENDING, None)


def test_uploads_go_with_their_bytes_and_vectors_when_they_expire(
    session: Session, services: Services
) -> None:
    old = Upload(width=1, height=1, expires_at=LONG_AGO)
    old.garments = [
        UploadGarment(
            crop=b"crop",
            category="dress",
            score=1,
            box=[0, 0, 1, 1],
            outline=[],
            embedder="e",
            vector=[1.0],
        )
    ]
    new = Upload(width=1, height=1, expires_at=datetime.now(UTC) + timedelta(hours=1))
    session.add_all([old, new])
    session.commit()
    for upload in (old, new):
        services.images.put(upload_key(upload.id), b"photo", "image/webp")
    assert expire_uploads(session, services.images) == 1
    session.commit()
    assert list(session.scalars(select(Upload.id))) == [new.id]
    assert session.scalar(select(func.count()).select_from(UploadGarment)) == 0
    assert list(services.images.keys("uploads")) == [upload_key(new.id)]


def test_photos_that_no_item_has_shown_for_a_day_are_dropped(
    session: Session, services: Services, add_photos: AddPhotos
) -> None:
    cut, fresh, shown = add_photos("cut", "fresh", "shown")
    show(session, "shown")
    for photo in (cut, fresh, shown):
        services.images.put(photo_key(photo.sha256), b"photo", "image/jpeg")
    age(session, cut, created_at=LONG_AGO)
    age(session, shown, created_at=LONG_AGO)
    assert drop_orphans(session, services.images) == 1
    session.expire_all()
    left = {sha_of("fresh"), sha_of("shown")}
    assert set(session.scalars(select(Photo.sha256))) == left
    assert set(services.images.keys("photos")) == {photo_key(sha256) for sha256 in left}
