"""What people say of garments: undone, matched after another segmentation, left to be cut."""

import numpy as np
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.corrections import (
    add_garment,
    correct_garment,
    judge_photo,
    match_corrections,
    take_back,
    undo_correction,
)
from catalog.errors import ConflictError, InputError, NotFoundError
from catalog.garments import save_found
from catalog.known_categories import known_categories
from catalog.recuts import begin_recut, find_cuts, find_due, reopen_recuts
from catalog.tables import (
    Correction,
    EntryState,
    Garment,
    IndexEntry,
    Photo,
    PhotoState,
    Recut,
    Verdict,
)
from tests.catalog.conftest import (
    EMBEDDER,
    MIDDLE,
    SEGMENTER,
    AddGarments,
    new_garment,
)

DRAWN = [90.0, 90.0, 310.0, 310.0]


def corrections(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Correction)) or 0


def requested(session: Session) -> bool:
    return session.scalar(select(func.count()).select_from(Recut)) == 1


def test_a_garment_has_one_correction_however_often_it_is_corrected(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    (garment,) = add_garments(photo, "dress")
    correct_garment(session, garment.id)
    assert garment.correction is not None
    correct_garment(session, garment.id, category="coat")
    correct_garment(session, garment.id, box=DRAWN)
    assert corrections(session) == 1
    assert (garment.category, garment.box, garment.stale) == ("coat", DRAWN, True)
    correct_garment(session, garment.id, category="dress")
    assert garment.correction.category is None


def test_only_a_new_box_is_to_be_cut_anew(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    (garment,) = add_garments(photo, "dress")
    correct_garment(session, garment.id, category="coat", excluded=True)
    assert not requested(session)
    correct_garment(session, garment.id, box=[100.3, 99.8, 300, 300])
    assert garment.correction is not None
    assert garment.correction.new_box is None
    assert not requested(session)
    correct_garment(session, garment.id, box=DRAWN)
    assert requested(session)


def test_an_undone_correction_leaves_what_was_found(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    (garment,) = add_garments(photo, "dress")
    session.query(IndexEntry).update({"state": EntryState.CLEAN})
    correct_garment(session, garment.id, category="coat", excluded=True)
    assert undo_correction(session, garment.id) == photo.id
    session.commit()
    assert (garment.category, garment.excluded) == ("dress", False)
    assert (garment.correction_id, garment.found, garment.stale) == (None, None, False)
    assert corrections(session) == 0
    assert session.scalars(select(IndexEntry.state)).all() == [EntryState.DIRTY]
    with pytest.raises(NotFoundError):
        undo_correction(session, garment.id)


def test_an_undone_box_is_cut_with_the_mask_that_was_found(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    (garment,) = add_garments(photo, "dress")
    mask = garment.mask
    correct_garment(session, garment.id, box=DRAWN)
    (cut,) = find_cuts(session, photo.id, [SEGMENTER], ())
    assert (list(cut.box), cut.mask) == (DRAWN, None)
    undo_correction(session, garment.id)
    (cut,) = find_cuts(session, photo.id, [SEGMENTER], ())
    assert (cut.box, cut.mask) == (MIDDLE, mask)


def test_other_segmenters_views_of_the_garment_follow(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    (garment,) = add_garments(photo, "dress")
    found = [new_garment("skirt", (105, 100, 300, 310)), new_garment("bag", (0, 0, 60, 60))]
    ones = np.ones((2, 4), dtype=np.float32)
    skirt, bag = save_found(session, photo, "segmenter-2", found, EMBEDDER, ones)
    correct_garment(session, garment.id, category="coat")
    assert (skirt.category, bag.category) == ("coat", "bag")
    undo_correction(session, garment.id)
    assert (skirt.category, skirt.correction_id) == ("skirt", None)


def test_two_corrections_never_claim_the_same_garment() -> None:
    top, dress = Correction(box=[0, 0, 100, 100]), Correction(box=[0, 0, 100, 150])
    seen = [Garment(box=[0, 0, 100, 148]), Garment(box=[0, 0, 100, 110])]
    pairs = match_corrections([top, dress], seen)
    assert {(one.box[3], other.box[3]) for one, other in pairs} == {(150, 148), (100, 110)}
    assert match_corrections([top, dress], seen[:1]) == [(dress, seen[0])]


def test_hardly_any_overlap_is_another_garment_whatever_it_is_called() -> None:
    """The boxes overlap by .48 of their union, and .5 are asked."""
    said = Correction(box=[0, 0, 100, 100], seen="dress", category="dress")
    assert match_corrections([said], [Garment(box=[0, 0, 100, 48], category="dress")]) == []


def test_a_drawn_box_that_is_not_seen_again_is_to_be_made(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    (garment,) = add_garments(photo, "dress")
    correct_garment(session, garment.id, box=DRAWN)
    session.commit()
    add_garments(photo, ("shoes", (350, 350, 390, 390)))
    assert requested(session)
    (cut,) = find_cuts(session, photo.id, [SEGMENTER], ())
    assert (cut.garment_id, cut.category, list(cut.box)) == (None, "dress", DRAWN)


def test_what_is_not_excluded_alone_is_made_again(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    (garment,) = add_garments(photo, "dress")
    correct_garment(session, garment.id, box=DRAWN, excluded=True)
    session.commit()
    add_garments(photo, ("shoes", (350, 350, 390, 390)))
    assert find_cuts(session, photo.id, [SEGMENTER], ()) == []


def test_a_segmenter_that_has_not_looked_gets_no_garment_made(
    session: Session, photo: Photo
) -> None:
    add_garment(session, photo.id, "hat", DRAWN)
    both = [SEGMENTER, "segmenter-2"]
    assert [cut.segmenter for cut in find_cuts(session, photo.id, both, ())] == [SEGMENTER]
    looked = find_cuts(session, photo.id, both, ["segmenter-2"])
    assert [cut.segmenter for cut in looked] == both


def test_an_added_garment_can_be_taken_back_before_it_is_cut(
    session: Session, photo: Photo
) -> None:
    correction = add_garment(session, photo.id, "hat", DRAWN)
    assert add_garment(session, photo.id, "hat", DRAWN) is correction
    take_back(session, correction.id)
    assert corrections(session) == 0
    assert find_cuts(session, photo.id, [SEGMENTER], ()) == []


def test_garments_are_added_to_indexed_photos_alone(session: Session, photo: Photo) -> None:
    photo.state = PhotoState.PENDING
    with pytest.raises(ConflictError):
        add_garment(session, photo.id, "hat", DRAWN)


@pytest.mark.parametrize(
    "box",
    [
        [1, 2, 3],
        [10, 10, 12, 300],
        [300, 10, 10, 300],
        [500, 500, 900, 900],
        [0, 0, 9, float("nan")],
    ],
)
def test_boxes_that_are_none_are_refused(
    session: Session, photo: Photo, add_garments: AddGarments, box: list[float]
) -> None:
    (garment,) = add_garments(photo, "dress")
    with pytest.raises(InputError):
        correct_garment(session, garment.id, box=box)


def test_a_box_is_kept_inside_its_photo(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    (garment,) = add_garments(photo, "dress")
    correct_garment(session, garment.id, box=[-20, 10.4, 999, 380.6])
    assert garment.box == [0, 10, 400, 381]


def test_photos_are_judged_as_they_are(session: Session, photo: Photo) -> None:
    with pytest.raises(ConflictError):
        judge_photo(session, photo.id, Verdict.IGNORED)
    judge_photo(session, photo.id, Verdict.EMPTY)
    judge_photo(session, photo.id, None)
    photo.state = PhotoState.FAILED
    judge_photo(session, photo.id, Verdict.IGNORED)
    with pytest.raises(NotFoundError):
        judge_photo(session, photo.id + 1, Verdict.IGNORED)


def test_categories_to_choose_from_are_the_segmenters(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    assert "dress" in known_categories(session, SEGMENTER)
    assert "cardigan" not in known_categories(session, SEGMENTER)
    add_garments(photo, "cardigan", "dress")
    assert "jogger pants" in known_categories(session, SEGMENTER)
    assert "jogger pants" not in known_categories(session, "segmenter-2")
    add_garments(photo, "cape", "dress")
    assert {"cape", "eyewear"} <= set(known_categories(session, SEGMENTER))


def test_what_the_serving_segmenter_lacks_is_requested_again(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    (garment,) = add_garments(photo, "dress")
    correct_garment(session, garment.id, box=DRAWN)
    assert begin_recut(session, photo.id, 3)
    session.query(Recut).delete()
    assert find_due(session, 60, 3) == []
    reopen_recuts(session)
    assert find_due(session, 60, 3) == [photo.id]
    garment.stale = False
    session.query(Recut).delete()
    reopen_recuts(session)
    assert find_due(session, 60, 3) == []


def test_a_photo_is_not_tried_for_ever(
    session: Session, photo: Photo, add_garments: AddGarments
) -> None:
    (garment,) = add_garments(photo, "dress")
    correct_garment(session, garment.id, box=DRAWN)
    assert [begin_recut(session, photo.id, 3) for _ in range(4)] == [True, True, True, False]
    reopen_recuts(session)
    assert find_due(session, 0, 3) == []
    correct_garment(session, garment.id, box=[80, 80, 310, 310])
    assert find_due(session, 0, 3) == [photo.id]
