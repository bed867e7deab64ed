"""Every way in which the stores can disagree, made, found and repaired."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from catalog.check import Difference, check, repair
from catalog.items import upsert_items
from catalog.photos.image_store import photo_key, upload_key, variant_key
from catalog.photos.lost import BYTES_LOST
from catalog.queue import INDEX_PHOTOS
from catalog.search.points import Point
from catalog.search.sync import sync_index
from catalog.services import Services
from catalog.tables import (
    Embedding,
    Garment,
    Generation,
    GenerationState,
    IndexEntry,
    Job,
    JobKind,
    JobState,
    Photo,
    PhotoState,
    Upload,
)
from tests.catalog.conftest import AddGarments, AddPhotos, sha_of
from tests.fakes import FakeQueue

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")


@dataclass
class Shop:
    """Two items with one indexed photo each; everything agrees."""

    services: Services
    session: Session
    collection: str
    garments: list[UUID]

    def differences(self) -> dict[Difference, list[str]]:
        return check(self.services).found

    def repaired(self) -> dict[Difference, list[str]]:
        self.session.rollback()
        repair(self.services, check(self.services))
        self.session.expire_all()
        return self.differences()


@pytest.fixture
def shop(
    services: Services,
    session: Session,
    generation: Generation,
    add_photos: AddPhotos,
    add_garments: AddGarments,
) -> Shop:
    photos = add_photos("1", "2")
    for photo in photos:
        services.images.put(photo_key(photo.sha256), b"photo", "image/jpeg")
        services.images.put(variant_key(photo.sha256, "thumb"), b"thumb", "image/webp")
        photo.state = PhotoState.INDEXED
    rows = [{"sku": name, "title": "Dress", "photos": [sha_of(name)]} for name in ("1", "2")]
    upsert_items(session, "shop", rows)
    session.commit()
    garments = [add_garments(photo, "dress")[0].id for photo in photos]
    sync_index(services.sessions, services.index)
    return Shop(services, session, generation.collection, garments)


def test_stores_that_agree_have_no_differences(shop: Shop) -> None:
    report = check(shop.services)
    assert report.is_clean
    assert (report.photos, report.garments, report.behind) == (2, 2, 0)


def test_lost_bytes_fail_their_photo_with_a_remedy_and_keep_its_garments(shop: Shop) -> None:
    shop.services.images.delete(photo_key(sha_of("1")))
    assert shop.differences() == {Difference.BYTES_MISSING: [sha_of("1")]}
    assert shop.repaired() == {}
    photo = shop.session.scalars(select(Photo).where(Photo.sha256 == sha_of("1"))).one()
    assert (photo.state, photo.reason) == (PhotoState.FAILED, BYTES_LOST)
    assert len(shop.session.scalars(select(Garment.id)).all()) == 2


def test_bytes_without_a_row_are_removed(shop: Shop) -> None:
    keys = [photo_key(sha_of("x")), variant_key(sha_of("x"), "thumb"), upload_key(uuid4())]
    for key in [*keys, "photos/ab/cd/notes.txt"]:
        shop.services.images.put(key, b"?", "image/jpeg")
    upload = Upload(width=1, height=1, expires_at=shop.session.scalar(select(Photo.created_at)))
    shop.session.add(upload)
    shop.session.commit()
    shop.services.images.put(upload_key(upload.id), b"search", "image/webp")
    found = shop.differences()[Difference.BYTES_ORPHANED]
    assert sorted(found) == sorted([*keys, "photos/ab/cd/notes.txt"])
    assert shop.repaired() == {}
    assert shop.services.images.exists(upload_key(upload.id))
    assert shop.services.images.exists(photo_key(sha_of("1")))


def test_garments_without_a_vector_are_indexed_again(shop: Shop, queue: FakeQueue) -> None:
    shop.session.execute(delete(Embedding).where(Embedding.garment_id == shop.garments[0]))
    shop.session.commit()
    assert shop.differences() == {Difference.VECTOR_MISSING: [str(shop.garments[0])]}
    shop.repaired()
    photo = shop.session.scalars(select(Photo).where(Photo.sha256 == sha_of("1"))).one()
    assert photo.state is PhotoState.PENDING
    assert [task.args for task in queue.named(INDEX_PHOTOS)] == [([photo.id],)]


def test_garments_that_the_outbox_forgot_are_sent(shop: Shop) -> None:
    shop.services.index.delete(shop.collection, shop.garments[:1])
    shop.session.execute(delete(IndexEntry).where(IndexEntry.garment_id == shop.garments[0]))
    shop.session.commit()
    assert shop.differences() == {Difference.ENTRY_MISSING: [str(shop.garments[0])]}
    assert shop.repaired() == {}
    assert shop.services.index.count(shop.collection) == 2


def test_points_that_the_index_lost_are_sent_again(shop: Shop) -> None:
    shop.services.index.delete(shop.collection, shop.garments[:1])
    assert shop.differences() == {Difference.POINT_MISSING: [str(shop.garments[0])]}
    assert shop.repaired() == {}
    assert shop.services.index.count(shop.collection) == 2


def test_a_collection_that_is_gone_is_filled_again(shop: Shop) -> None:
    shop.services.index.drop_collection(shop.collection)
    assert len(shop.differences()[Difference.POINT_MISSING]) == 2
    assert shop.repaired() == {}
    assert shop.services.index.count(shop.collection) == 2


def test_points_without_a_garment_are_removed(shop: Shop) -> None:
    stray = uuid4()
    vector = np.ones(4, dtype=np.float32)
    shop.services.index.upsert(shop.collection, [Point(stray, vector, {"v": 1})])
    assert shop.differences() == {Difference.POINT_ORPHANED: [str(stray)]}
    assert shop.repaired() == {}
    assert shop.services.index.count(shop.collection) == 2


def test_points_with_an_outdated_payload_are_sent_again(shop: Shop) -> None:
    shop.session.execute(
        update(IndexEntry)
        .where(IndexEntry.garment_id == shop.garments[0])
        .values(version=IndexEntry.version + 5)
    )
    shop.session.commit()
    assert shop.differences() == {Difference.POINT_OUTDATED: [str(shop.garments[0])]}
    assert shop.repaired() == {}


def test_what_is_on_its_way_is_no_difference(shop: Shop) -> None:
    row = {"sku": "1", "title": "Dress", "price": 5, "photos": None}
    upsert_items(shop.session, "shop", [row])
    shop.session.commit()
    report = check(shop.services)
    assert (report.is_clean, report.behind) == (True, 1)


def test_what_changes_while_the_points_are_read_is_no_difference(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One garment's entry moves on and one goes; only the point nobody ever knew is told."""
    index, stray = shop.services.index, uuid4()
    index.upsert(shop.collection, [Point(stray, np.ones(4, dtype=np.float32), {"v": 1})])
    going, changing = shop.garments
    listed = dict(index.scroll_ids(shop.collection))

    def scroll(_: str) -> Iterator[tuple[UUID, int | None]]:
        yield from listed.items()
        with shop.services.sessions.begin() as session:
            session.execute(
                update(IndexEntry)
                .where(IndexEntry.garment_id == changing)
                .values(version=IndexEntry.version + 1)
            )
            session.execute(delete(IndexEntry).where(IndexEntry.garment_id == going))

    monkeypatch.setattr(index, "scroll_ids", scroll)
    assert shop.differences() == {Difference.POINT_ORPHANED: [str(stray)]}


def test_a_collection_may_lack_entries_while_a_job_fills_it(
    shop: Shop, generation: Generation
) -> None:
    generation.state = GenerationState.BUILDING
    job = Job(kind=JobKind.REINDEX, state=JobState.RUNNING, generation_id=generation.id)
    shop.session.add(job)
    shop.session.execute(delete(IndexEntry).where(IndexEntry.garment_id == shop.garments[0]))
    shop.session.commit()
    assert Difference.ENTRY_MISSING not in shop.differences()
    job.state = JobState.DONE
    shop.session.commit()
    assert Difference.ENTRY_MISSING in shop.differences()


def test_excluded_garments_are_no_difference(shop: Shop) -> None:
    from catalog.corrections import correct_garment

    correct_garment(shop.session, shop.garments[0], excluded=True)
    shop.session.commit()
    sync_index(shop.services.sessions, shop.services.index)
    assert shop.differences() == {}
    assert shop.services.index.count(shop.collection) == 1


def test_everything_wrong_at_once_is_repaired_at_once(shop: Shop) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9)).save(buffer, "JPEG")
    shop.services.images.put(photo_key(sha_of("x")), buffer.getvalue(), "image/jpeg")
    shop.services.images.delete(photo_key(sha_of("2")))
    shop.services.index.delete(shop.collection, shop.garments[:1])
    shop.services.index.upsert(
        shop.collection, [Point(uuid4(), np.ones(4, dtype=np.float32), {"v": 1})]
    )
    assert len(shop.differences()) == 4
    assert shop.repaired() == {}
