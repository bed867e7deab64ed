"""Saving what models find, again and again, and keeping what people corrected."""

import threading
from dataclasses import replace
from uuid import UUID, uuid4

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
    Explanation,
    Garment,
    Generation,
    IndexEntry,
    Photo,
    Role,
)
from tests.catalog.conftest import (
    EMBEDDER,
    MIDDLE,
    SEGMENTER,
    AddGarments,
    AddPhotos,
    new_garment,
    sha_of,
)


def entries(session: Session) -> dict[UUID, EntryState]:
    return dict(session.execute(select(IndexEntry.garment_id, IndexEntry.state)).all())


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


def test_a_second_look_replaces_the_first(
    session: Session, generation: Generation, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    (photo,) = add_photos("1")
    (old,) = add_garments(photo, "dress")
    old_id = old.id
    (new,) = add_garments(photo, "coat")
    assert entries(session) == {old_id: EntryState.DELETE, new.id: EntryState.DIRTY}
    assert list(session.scalars(select(Garment.category))) == ["coat"]
    assert session.scalar(select(func.count()).select_from(Embedding)) == 1


def test_what_is_found_again_keeps_its_id(
    session: Session, generation: Generation, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    """Whatever the order, a few pixels off, and although a person has changed two of them."""
    (photo,) = add_photos("1")
    hand = (0.0, 0.0, 40.0, 40.0)
    dress, coat, bag = add_garments(photo, ("dress", MIDDLE), ("coat", MIDDLE), ("bag", hand))
    ids = {"dress": dress.id, "coat": coat.id, "bag": bag.id}
    correct_garment(session, dress.id, category="jumpsuit", box=(90.0, 90.0, 310.0, 310.0))
    correct_garment(session, bag.id, excluded=True)
    session.commit()
    moved = (104.0, 98.0, 298.0, 304.0)
    again = add_garments(
        photo, ("bag", hand), ("coat", moved), ("dress", moved), ("dress", (350, 0, 390, 90))
    )
    assert [garment.id for garment in again[:3]] == [ids["bag"], ids["coat"], ids["dress"]]
    assert [garment.category for garment in again] == ["bag", "coat", "jumpsuit", "dress"]
    assert [garment.excluded for garment in again] == [True, False, False, False]
    assert entries(session) == {garment.id: EntryState.DIRTY for garment in again}
    assert session.scalar(select(func.count()).select_from(Embedding)) == 4


def test_a_crop_that_differs_has_another_address_though_the_id_stays(
    session: Session, add_photos: AddPhotos
) -> None:
    (photo,) = add_photos("1")
    boxes = ((0.0, 0.0, 90.0, 90.0), (200.0, 0.0, 290.0, 90.0))
    found = [new_garment("dress", box) for box in boxes]
    before = save_found(session, photo, SEGMENTER, found, EMBEDDER, np.eye(2, 4))
    ids = [garment.id for garment in before]
    session.commit()
    other = [found[0], replace(found[1], crop=b"another crop")]
    after = save_found(session, photo, SEGMENTER, other, EMBEDDER, np.eye(2, 4))
    session.commit()
    assert [garment.id for garment in after] == ids
    assert [garment.crop_version for garment in after] == [0, 1]


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


def test_corrections_outlive_the_next_segmentation(
    session: Session, generation: Generation, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    (photo,) = add_photos("1")
    hand = (0.0, 0.0, 40.0, 40.0)
    dress, bag = add_garments(photo, ("dress", MIDDLE), ("bag", hand))
    correct_garment(session, dress.id, category="jumpsuit", box=(90.0, 90.0, 310.0, 310.0))
    correct_garment(session, bag.id, excluded=True)
    session.commit()
    moved = (104.0, 98.0, 298.0, 304.0)
    again = add_garments(photo, ("skirt", moved), ("bag", hand), ("shoes", (350, 350, 390, 390)))
    assert [garment.category for garment in again] == ["jumpsuit", "bag", "shoes"]
    assert [garment.excluded for garment in again] == [False, True, False]
    assert again[0].box == [90.0, 90.0, 310.0, 310.0]


def test_what_was_said_stays_with_a_garment_that_is_found_again(
    session: Session, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    """Also where a person has drawn it into the place of another one of its kind."""
    (photo,) = add_photos("1")
    other = (110.0, 100.0, 300.0, 300.0)
    redrawn, hidden = add_garments(photo, ("dress", MIDDLE), ("dress", other))
    ids = [redrawn.id, hidden.id]
    correct_garment(session, redrawn.id, box=other)
    correct_garment(session, hidden.id, excluded=True)
    session.commit()
    hidden, redrawn = add_garments(photo, ("dress", other), ("dress", MIDDLE))
    assert [redrawn.id, hidden.id] == ids
    assert [redrawn.excluded, hidden.excluded] == [False, True]
    assert [tuple(redrawn.box), tuple(hidden.box)] == [other, other]


@pytest.mark.parametrize("found", [("dress", "coat"), ("coat", "dress")])
def test_a_better_segmenter_makes_a_correction_no_others(
    session: Session, add_photos: AddPhotos, add_garments: AddGarments, found: tuple[str, str]
) -> None:
    """A dress was taken for a coat; now both are seen, the coat a bit beside the dress."""
    (photo,) = add_photos("1")
    (misnamed,) = add_garments(photo, "coat")
    correct_garment(session, misnamed.id, category="dress")
    session.commit()
    boxes = {"dress": MIDDLE, "coat": (96.0, 100.0, 304.0, 304.0)}
    new = [new_garment(name, boxes[name]) for name in found]
    seen = save_found(session, photo, "segmenter-2", new, EMBEDDER, np.eye(2, 4))
    assert [garment.category for garment in seen] == list(found)
    assert [garment.correction_id is not None for garment in seen] == [
        name == "dress" for name in found
    ]


def test_why_garments_matched_is_forgotten_with_their_crops(
    session: Session, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    photo, other = add_photos("1", "2")
    (dress,) = add_garments(photo, "dress")
    (alike,) = add_garments(other, "dress")
    session.add(Explanation(garment_id=alike.id, other_id=dress.id, embedder=EMBEDDER))
    session.commit()
    add_garments(photo, "dress")
    assert session.scalars(select(Explanation)).all() == []


def test_the_last_correction_counts(
    session: Session, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    (photo,) = add_photos("1")
    (garment,) = add_garments(photo, "dress")
    correct_garment(session, garment.id, excluded=True)
    correct_garment(session, garment.id, category="coat", excluded=False)
    session.commit()
    (again,) = add_garments(photo, "dress")
    assert (again.category, again.excluded) == ("coat", False)


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
