"""A second look at a photo: ids and corrections stay, what was made from crops is made anew."""

import numpy as np
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from catalog.corrections import add_garment, correct_garment, undo_correction
from catalog.garments import NewGarment, save_found
from catalog.recuts import find_cuts, save_cut
from catalog.tables import (
    Embedding,
    EntryState,
    Explanation,
    Garment,
    Generation,
    GenerationState,
    IndexEntry,
    Photo,
    Recut,
)
from tests.catalog.conftest import (
    EMBEDDER,
    MIDDLE,
    SEGMENTER,
    AddGarments,
    AddPhotos,
    entries,
    new_garment,
)

BESIDE = (110.0, 100.0, 300.0, 300.0)
"""Nearly the box of MIDDLE."""


def draw(session: Session, photo: Photo, category: str, box: tuple[float, ...]) -> Garment:
    """A garment that a person adds, cut as all of its box."""
    add_garment(session, photo.id, category, box)
    (cut,) = find_cuts(session, photo.id, [SEGMENTER], ())
    vector = np.ones(4, dtype=np.float32)
    made = save_cut(
        *(session, photo.id, cut, new_garment(category, box), {EMBEDDER: vector}), boxed=True
    )
    session.query(Recut).delete()
    session.commit()
    return session.get_one(Garment, made)


def test_a_second_look_replaces_the_first(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    (old,) = add_garments(photo, "dress")
    old_id = old.id
    (new,) = add_garments(photo, "coat")
    assert entries(session) == {old_id: EntryState.DELETE, new.id: EntryState.DIRTY}
    assert list(session.scalars(select(Garment.category))) == ["coat"]
    assert session.scalar(select(func.count()).select_from(Embedding)) == 1


def test_what_is_found_again_keeps_its_id(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    """Whatever the order, a few pixels off, and although a person has changed two of them."""
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


def test_all_but_the_id_is_what_is_seen_now(session: Session, photo: Photo) -> None:
    """A crop that differs has another address, since browsers keep crops for ever."""
    boxes = ((0.0, 0.0, 90.0, 90.0), (200.0, 0.0, 290.0, 90.0))
    same, former = (new_garment("dress", box) for box in boxes)
    before = save_found(session, photo, SEGMENTER, [same, former], EMBEDDER, np.eye(2, 4))
    ids = [garment.id for garment in before]
    session.commit()
    mask, outline = {"size": [400, 400], "counts": "1"}, [[0.0, 0.0, 9.0, 9.0, 0.0, 9.0]]
    colours = [{"name": "red", "hex": "#ff0000", "share": 1.0}]
    other = NewGarment("dress", 0.5, (201.0, 0.0, 290.0, 90.0), mask, outline, b"crop 2", colours)
    after = save_found(session, photo, SEGMENTER, [same, other], EMBEDDER, np.eye(2, 4)[::-1])
    session.commit()
    assert [garment.id for garment in after] == ids
    assert [garment.crop_version for garment in after] == [0, 1]
    again = after[1]
    assert (again.score, again.mask, again.outline) == (0.5, mask, outline)
    assert (again.crop, again.colours, again.box) == (b"crop 2", colours, list(other.box))
    vectors = select(Embedding.vector).where(Embedding.garment_id == again.id)
    assert session.scalars(vectors).one().tolist() == [1, 0, 0, 0]


def test_corrections_outlive_the_next_segmentation(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
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
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    """Also where a person has drawn it into the place of another one of its kind."""
    redrawn, hidden = add_garments(photo, ("dress", MIDDLE), ("dress", BESIDE))
    ids = [redrawn.id, hidden.id]
    correct_garment(session, redrawn.id, box=BESIDE)
    correct_garment(session, hidden.id, excluded=True)
    session.commit()
    hidden, redrawn = add_garments(photo, ("dress", BESIDE), ("dress", MIDDLE))
    assert [redrawn.id, hidden.id] == ids
    assert [redrawn.excluded, hidden.excluded] == [False, True]
    assert [tuple(redrawn.box), tuple(hidden.box)] == [BESIDE, BESIDE]


@pytest.mark.parametrize("found", [("dress", "coat"), ("coat", "dress")])
def test_a_better_segmenter_makes_a_correction_no_others(
    session: Session, photo: Photo, add_garments: AddGarments, found: tuple[str, str]
) -> None:
    """A dress was taken for a coat; now both are seen, the dress a bit beside that place."""
    (misnamed,) = add_garments(photo, "coat")
    correct_garment(session, misnamed.id, category="dress")
    session.commit()
    boxes = {"dress": (96.0, 100.0, 304.0, 304.0), "coat": MIDDLE}
    new = [new_garment(name, boxes[name]) for name in found]
    seen = save_found(session, photo, "segmenter-2", new, EMBEDDER, np.eye(2, 4))
    assert [garment.category for garment in seen] == list(found)
    assert [garment.correction_id is not None for garment in seen] == [
        name == "dress" for name in found
    ]


def test_why_garments_matched_is_forgotten_with_their_crops(
    session: Session, photo: Photo, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    (other,) = add_photos("2")
    (dress,) = add_garments(photo, "dress")
    (alike,) = add_garments(other, "dress")
    session.add(Explanation(garment_id=alike.id, other_id=dress.id, embedder=EMBEDDER))
    session.commit()
    add_garments(photo, "dress")
    assert session.scalars(select(Explanation)).all() == []


def test_the_last_correction_counts(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    (garment,) = add_garments(photo, "dress")
    correct_garment(session, garment.id, excluded=True)
    correct_garment(session, garment.id, category="coat", excluded=False)
    session.commit()
    (again,) = add_garments(photo, "dress")
    assert (again.category, again.excluded) == ("coat", False)


def test_what_a_person_moved_is_not_what_is_found_where_it_is_now(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    moved = (200.0, 200.0, 390.0, 390.0)
    (dress,) = add_garments(photo, "dress")
    correct_garment(session, dress.id, category="skirt", box=moved)
    session.commit()
    again, other = add_garments(photo, ("dress", MIDDLE), ("skirt", moved))
    assert (again.id, again.category, tuple(again.box)) == (dress.id, "skirt", moved)
    assert other.correction_id is None


def test_what_was_taken_for_something_is_what_is_taken_for_it_again(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    """Where another segmenter sees two garments in nearly the same box."""
    (dress,) = add_garments(photo, "dress")
    correct_garment(session, dress.id, excluded=True)
    session.commit()
    found = [new_garment("coat", MIDDLE), new_garment("dress", (102.0, 100.0, 300.0, 300.0))]
    coat, dress = save_found(session, photo, "segmenter-2", found, EMBEDDER, np.eye(2, 4))
    assert (coat.excluded, dress.excluded) == (False, True)


def test_what_was_corrected_meanwhile_counts(
    session: Session, photo: Photo, add_garments: AddGarments, sessions: sessionmaker[Session]
) -> None:
    """Though whoever looked at the photo had read the garment before."""
    (garment,) = add_garments(photo, "dress")
    with sessions.begin() as other:
        correct_garment(other, garment.id, category="coat")
    (again,) = add_garments(photo, "dress")
    assert (again.id, again.category) == (garment.id, "coat")


def test_a_drawn_garment_stays_and_is_cut_once_more(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    """Also in the very place of another one, which is found again as what it was."""
    (dress,) = add_garments(photo, "dress")
    drawn = draw(session, photo, "coat", MIDDLE)
    (again,) = add_garments(photo, "dress")
    assert (again.id, again.category) == (dress.id, "dress")
    assert (drawn.category, drawn.stale) == ("coat", True)
    assert session.scalar(select(Recut.photo_id)) == photo.id


@pytest.mark.parametrize("excluded", [False, True])
@pytest.mark.parametrize("seen", ["bag", "dress"])
def test_a_drawn_garment_that_is_found_after_all_is_one(
    session: Session, photo: Photo, add_garments: AddGarments, seen: str, excluded: bool
) -> None:
    drawn = draw(session, photo, "bag", MIDDLE)
    correct_garment(session, drawn.id, excluded=excluded)
    session.commit()
    (found,) = add_garments(photo, (seen, BESIDE))
    assert (found.id, found.category, found.excluded) == (drawn.id, "bag", excluded)
    assert not found.boxed
    assert session.scalar(select(func.count()).select_from(Garment)) == 1
    undo_correction(session, found.id)
    assert (found.category, tuple(found.box), found.excluded) == (seen, BESIDE, False)


def test_what_is_lost_and_found_again_is_what_was_said_of_it(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    (dress,) = add_garments(photo, "dress")
    correct_garment(session, dress.id, category="skirt", box=BESIDE)
    session.commit()
    add_garments(photo)
    (cut,) = find_cuts(session, photo.id, [SEGMENTER], ())
    vectors = {EMBEDDER: np.ones(4, dtype=np.float32)}
    save_cut(session, photo.id, cut, new_garment("skirt", BESIDE), vectors, boxed=False)
    session.commit()
    (again,) = add_garments(photo, "dress")
    assert (again.category, tuple(again.box)) == ("skirt", BESIDE)
    assert session.scalar(select(func.count()).select_from(Garment)) == 1


def test_no_vector_of_a_former_crop_remains(
    session: Session, photo: Photo, generation: Generation, add_garments: AddGarments
) -> None:
    """An index whose embedder has not looked at the new crop no longer has the garment."""
    retired = Generation(
        collection="garments_0",
        segmenter=SEGMENTER,
        embedder="embedder-0",
        dimensions=4,
        state=GenerationState.RETIRED,
    )
    session.add(retired)
    (garment,) = add_garments(photo, "dress")
    vector = np.ones(4, dtype=np.float32)
    session.add(Embedding(garment_id=garment.id, embedder=retired.embedder, vector=vector))
    session.add(IndexEntry(generation_id=retired.id, garment_id=garment.id, state=EntryState.CLEAN))
    session.commit()
    add_garments(photo, "dress")
    assert session.scalars(select(Embedding.embedder)).all() == [EMBEDDER]
    states = select(IndexEntry.generation_id, IndexEntry.state)
    assert dict(session.execute(states).all()) == {
        generation.id: EntryState.DIRTY,
        retired.id: EntryState.DELETE,
    }
