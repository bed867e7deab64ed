"""Saving what models find, again and again, and keeping what people corrected."""

import threading
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from catalog.claims import claim_photos, finish_photo, hold_claims
from catalog.corrections import correct_garment
from catalog.errors import InputError, NotFoundError
from catalog.garments import save_found
from catalog.items import upsert_items
from catalog.roles import assign_roles
from catalog.tables import (
    Embedding,
    EntryState,
    Garment,
    Generation,
    Photo,
    Role,
)
from tests.catalog.conftest import (
    EMBEDDER,
    SEGMENTER,
    AddGarments,
    AddPhotos,
    entries,
    new_garment,
    sha_of,
)


def test_found_garments_are_saved_with_vectors_and_sent_to_the_index(
    session: Session, generation: Generation, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    (photo,) = add_photos("1")
    garments = add_garments(photo, "dress", "shoes")
    assert entries(session) == {garment.id: EntryState.DIRTY for garment in garments}
    vectors = session.scalars(
        select(Embedding.vector).where(Embedding.garment_id == garments[1].id)
    )
    assert vectors.one().tolist() == [0, 1, 0, 0]


def test_garments_of_another_segmenter_stay(
    session: Session, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    (photo,) = add_photos("1")
    add_garments(photo, "dress")
    one = np.ones((1, 4), dtype=np.float32)
    save_found(session, photo, "segmenter-2", [new_garment("coat")], EMBEDDER, one)
    add_garments(photo, "skirt")
    assert set(session.scalars(select(Garment.category))) == {"coat", "skirt"}


def test_vectors_and_garments_must_be_as_many(session: Session, add_photos: AddPhotos) -> None:
    (photo,) = add_photos("1")
    with pytest.raises(InputError):
        save_found(session, photo, SEGMENTER, [], EMBEDDER, np.ones((1, 4), dtype=np.float32))


def test_impossible_corrections_are_refused(
    session: Session, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    (photo,) = add_photos("1")
    (garment,) = add_garments(photo, "dress")
    with pytest.raises(InputError):
        correct_garment(session, garment.id, category="spaceship")
    with pytest.raises(NotFoundError):
        correct_garment(session, uuid4(), category="dress")


def test_workers_that_save_photos_of_the_same_items_get_along(
    sessions: sessionmaker[Session], session: Session, generation: Generation, add_photos: AddPhotos
) -> None:
    names = [str(number) for number in range(12)]
    ids = [photo.id for photo in add_photos(*names)]
    rows = [
        {"sku": sku, "title": "Cotton T-Shirt", "photos": [sha_of(name) for name in shown]}
        for sku, shown in (("a", names), ("b", names[::-1]), ("c", names[3:9]))
    ]
    upsert_items(session, "shop", rows)
    session.commit()
    errors: list[Exception] = []
    found = [
        new_garment("t-shirts", (100, 50, 300, 200)),
        new_garment("pants", (100, 200, 300, 390)),
    ]

    def work(number: int) -> None:
        mine = ids[number::3]
        try:
            with sessions.begin() as own:
                claim_photos(own, mine, f"task {number}", 3)
            for _ in range(3):
                with sessions.begin() as own:
                    held = hold_claims(own, mine, f"task {number}")
                    for photo in held:
                        save_found(own, photo, SEGMENTER, found, EMBEDDER, np.eye(2, 4))
                    assign_roles(own, [photo.id for photo in held])
            with sessions.begin() as own:
                for photo in hold_claims(own, mine, f"task {number}"):
                    finish_photo(own, photo.id, SEGMENTER)
        except Exception as error:
            errors.append(error)

    def feed() -> None:
        try:
            for step in range(6):
                with sessions.begin() as own:
                    upsert_items(
                        own, "shop", [one | {"price": step} for one in rows[:: 1 - 2 * (step % 2)]]
                    )
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    threads.append(threading.Thread(target=feed))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    roles = session.execute(
        select(Garment.category, Garment.role, func.count()).group_by(
            Garment.category, Garment.role
        )
    )
    assert set(roles.all()) == {("t-shirts", Role.SOLD, 12), ("pants", Role.WORN_WITH, 12)}
    assert session.scalar(select(func.count()).select_from(Photo)) == 12
